"""The demo's own secrets and passwords: made at the first start, kept in a file that only its owner can read."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from inbox.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Random texts; ``passwords`` by the mail address of the person."""

    web_secret: str = field(repr=False)
    chat_secret: str = field(repr=False)
    mail_password: str = field(repr=False)
    twilio_sid: str
    twilio_token: str = field(repr=False)
    slack_token: str = field(repr=False)
    slack_secret: str = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)


def kept(folder: Path, people: Iterable[str]) -> Keys:
    """The keys of this folder, made now if it has none yet. ``people`` are mail addresses."""
    path = folder / "keys.json"
    if not path.exists():
        _write(path, _made(people))
    try:
        return Keys(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataError([f"{path} cannot be read ({error}); move the folder {folder} away to start afresh"]) from error


def _made(people: Iterable[str]) -> Keys:
    return Keys(
        web_secret=secrets.token_urlsafe(32),
        chat_secret=secrets.token_urlsafe(32),
        mail_password=secrets.token_urlsafe(16),
        twilio_sid="AC" + secrets.token_hex(16),
        twilio_token=secrets.token_hex(16),
        slack_token="xoxb-" + secrets.token_hex(16),
        slack_secret=secrets.token_hex(16),
        passwords={address: secrets.token_urlsafe(9) + "-demo" for address in people},
    )


def _write(path: Path, keys: Keys) -> None:
    """All or nothing, and never readable for others, not even for a moment."""
    half = path.with_suffix(".new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(keys), file, indent=1)
    half.replace(path)
