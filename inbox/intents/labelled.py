"""Files of labelled messages, one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from inbox.errors import DataError


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not blank. Raises DataError if the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError([f"{path.name}: byte {error.start} is no UTF-8; save the file as UTF-8"]) from error
    except OSError as error:
        raise DataError([f"{path}: {error.strerror or error}"]) from error
    return ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())
