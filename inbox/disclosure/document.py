"""The levels and the table as ``docs/security.md`` shows them, made from what the program itself asks. Pure."""

from __future__ import annotations

from inbox.disclosure.levels import DROPS, WAYS
from inbox.disclosure.table import LEVELS, ROWS, Row
from inbox.message import CHANNELS

BEGIN, END = "<!-- made from inbox/disclosure: begin -->", "<!-- made from inbox/disclosure: end -->"


def markdown() -> str:
    """The text between the marks, without them."""
    ways = "\n".join(f"| L{way.level} | {way.how} | {_channels(way.channels)} |" for way in WAYS)
    drops = "\n".join(f"- {words}" for words in DROPS.values())
    rows = "\n".join(f"| {row.asked} | {' | '.join(_cell(row, level) for level in LEVELS)} |" for row in ROWS)
    return (
        f"| level | how it is reached | channels |\n|---|---|---|\n{ways}\n\n"
        f"What a code proved ends with\n{drops}\n\n"
        f"| asked | {' | '.join(f'L{n}' for n in LEVELS)} |\n|---|{'---|' * len(LEVELS)}\n{rows}\n"
    )


def put_into(text: str) -> str:
    """The document with the part between the marks as it must be. Raises ``ValueError`` if the marks are not there."""
    head, found, rest = text.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"the document needs the lines {BEGIN} and {END}")
    return f"{head}{BEGIN}\n{markdown()}{END}{tail}"


def _cell(row: Row, level: int) -> str:
    """``facts``, or where channels differ ``partial facts (email, sms); step up (chat, voice)``."""
    by_act: dict[str, list[str]] = {}
    for channel in sorted(CHANNELS):
        by_act.setdefault(row.act(level, channel).value, []).append(channel)
    if len(by_act) == 1:
        return next(iter(by_act))
    return "; ".join(f"{act} ({', '.join(found)})" for act, found in sorted(by_act.items(), key=lambda item: item[1]))


def _channels(found: tuple[str, ...]) -> str:
    return "all" if set(found) == set(CHANNELS) else ", ".join(found)
