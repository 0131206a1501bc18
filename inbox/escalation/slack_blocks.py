"""A case as Slack shows it: the root card and the lines of its thread. Pure.

Slack's limits: 50 blocks, 3,000 characters a section, ten fields, and, undocumented, about 13,200 characters of blocks
in all (slackapi/bolt-js#2509). What does not fit is shortened, the history first; the console has the whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from inbox.escalation.base import HandoffCard, Line, TranscriptEntry
from inbox.escalation.slack_text import (
    Block,
    bullets,
    clip,
    clock,
    context,
    escaped,
    facts,
    fields,
    literal,
    paragraph,
    plain,
    quote,
    rich,
    words,
)
from inbox.escalation.words import items
from inbox.message import Severity

MAX_CHARACTERS = 13_000
MAX_BLOCKS = 50
HEADER_CHARACTERS = 150
#: Facts up to this length run on in one paragraph, longer ones have a row of their own.
SHORT_CHARACTERS = 45
ENTRY_CHARACTERS = 2_800

_MARKS = {Severity.HIGH: "🔴", Severity.NORMAL: "🟠", Severity.LOW: "🔵"}
_LANGUAGES = {"en": "English", "es": "Spanish", "pt": "Portuguese"}
_CHANNELS = {"chat": "chat", "email": "email", "sms": "text message", "voice": "phone"}
_KINDS = {"author": "Author", "bot": "Bot", "agent": "Agent", "note": "Note", "event": ""}
_BUTTONS = {
    "case_claim": "Claim",
    "case_reply": "Reply",
    "case_resolve": "Resolve",
    "case_return": "Back to bot",
    "case_release": "Release",
    "case_reopen": "Reopen",
}
_OFFERED = {
    "open": ("case_claim", "case_reply", "case_resolve", "case_return"),
    "claimed": ("case_reply", "case_resolve", "case_return", "case_release"),
    "returned": ("case_reopen",),
    "resolved": ("case_reopen",),
}


@dataclass(frozen=True, slots=True)
class Post:
    text: str  # for notifications and screen readers, escaped
    blocks: list[Block]


@dataclass(frozen=True, slots=True)
class _Room:
    """How much of each part is shown."""

    history: int
    entry: int
    quote: int
    value: int
    rows: int
    fields: int = 10


# From roomy to tight; the history gives way first.
_ROOMS = (
    _Room(history=10, entry=200, quote=1_000, value=300, rows=14),
    _Room(history=6, entry=120, quote=1_000, value=300, rows=14),
    _Room(history=3, entry=100, quote=1_000, value=300, rows=14),
    _Room(history=0, entry=0, quote=1_000, value=240, rows=14),
    _Room(history=0, entry=0, quote=500, value=160, rows=10),
    _Room(history=0, entry=0, quote=300, value=100, rows=6, fields=6),
    _Room(history=0, entry=0, quote=150, value=40, rows=2, fields=4),
)


def card_post(card: HandoffCard) -> Post:
    """The root message. Never longer than Slack takes, whatever the card holds."""
    text = f"{_title(card)}: {_state(card)}"
    for room in _ROOMS:
        blocks = list(_blocks(card, room))
        if size(blocks) <= MAX_CHARACTERS:
            break
    return Post(escaped(text, 500), blocks)


def size(blocks: list[Block]) -> int:
    """Characters of the blocks as they are sent; an upper bound of however Slack counts them."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def entry_post(entry: TranscriptEntry) -> Post:
    """One line of the thread; the words are shown literally."""
    who = _who_said(entry)
    text = clip(entry.text, ENTRY_CHARACTERS)
    if entry.kind == "event":
        return Post(escaped(entry.text, 500), [context(f"{literal(entry.text, 1_000)} · {clock(entry.at)}")])
    head = f"*{literal(who, 150)}* · {clock(entry.at)}"
    if entry.status:
        head += f" · {literal(entry.status, 100)}"
    blocks = [context(head), rich(paragraph(words(text)))]
    if len(text) < len(entry.text):
        blocks.append(context("Shortened here; the console has the whole text."))
    return Post(escaped(f"{who}: {entry.text}", 500), blocks)


def language(code: str) -> str:
    return _LANGUAGES.get(code, code or "unknown")


def channel(name: str) -> str:
    return _CHANNELS.get(name, name)


def _blocks(card: HandoffCard, room: _Room) -> Iterable[Block]:
    yield {"type": "header", "text": plain(_title(card), HEADER_CHARACTERS)}
    yield context(_clock_line(card))
    if card.quote:
        wrote = f"The author, by {channel(card.channel)}, in {language(card.language)}:"
        yield rich(paragraph(words(wrote, bold=True)), quote(clip(card.quote, room.quote)))
    # Slack folds long messages: what can be done stands above the fold, beside the reason.
    yield {"type": "actions", "block_id": "case", "elements": [_button(a, card) for a in _OFFERED[card.status]]}
    yield fields(_author(card)[: max(room.fields, 6)], room.value)
    if card.status in ("open", "claimed"):
        yield from _sections(card, room)
    if card.status == "returned":
        yield context("The bot has this conversation again.")
    if card.url:
        yield context(f"<{escaped(card.url.replace('|', '%7C'), 1_000)}|Whole conversation in the console>")


def _title(card: HandoffCard) -> str:
    mark = "✅" if card.status == "resolved" else "🤖" if card.status == "returned" else _MARKS[card.severity]
    return f"{mark} Case {card.number} · {card.headline}"


def _state(card: HandoffCard) -> str:
    """The state in words, without mark-up."""
    if card.status == "resolved":
        by = f" by {card.owner}" if card.owner else ""
        return f"resolved{by}: {card.outcome.replace('_', ' ') or 'no outcome given'}"
    if card.status == "claimed":
        return f"claimed by {card.owner or 'someone'}"
    if card.status == "returned":
        return "back with the bot"
    due = f", answer due {card.due_at:%a %Y-%m-%d %H:%M} UTC" if card.due_at else ""
    return f"{card.severity} severity, nobody has claimed it{due}"


def _clock_line(card: HandoffCard) -> str:
    parts = [f"*{card.severity.upper()}*", literal(card.reason.replace("_", " "), 80)]
    if card.status in ("open", "claimed") and card.due_at:
        parts.append(f"first answer due *{clock(card.due_at)}*")
    if card.status == "open":
        parts.append("*nobody has claimed it*")
    else:
        parts.append(f"*{literal(_state(card), 200)}*")
    return " · ".join(parts)


def _author(card: HandoffCard) -> list[Line]:
    """Who it is, with what decides how to answer; the rest of ``who`` follows as it is."""
    reply = items(channel(c) for c in card.reply_channels) or "no channel allowed"
    lines = [
        Line(label="Author", value=card.author_name or "not known"),
        Line(label="Proof", value=card.proof or "none", warn=card.proof[:2] in ("", "L0")),
        Line(label="Reply by", value=reply, warn=not card.reply_channels),
        Line(label="Language", value=language(card.language)),
    ]
    if card.local_time:
        lines.append(Line(label="Author's time", value=card.local_time))
    if card.flags:
        lines.append(Line(label="Flags", value=items(card.flags), warn=True))
    return [*lines, *card.who][:10]


def _sections(card: HandoffCard, room: _Room) -> Iterable[Block]:
    yield from _facts("Money", card.money, room)
    yield from _facts("Contested", card.contested, room)
    yield from _facts("Royalties", card.royalties, room)
    if card.history and room.history:
        rows = [_history(entry, room.entry) for entry in card.history[-room.history :]]
        yield rich(paragraph(words("Last messages", bold=True)), bullets(rows))
    if card.bot_did or card.bot_withheld:
        did = Line(label="The bot", value="; ".join(card.bot_did[: room.rows]) or "did nothing yet")
        silent = Line(label="Not said", value="; ".join(card.bot_withheld[: room.rows]))
        yield rich(paragraph(*facts((), [did, silent] if card.bot_withheld else [did], room.quote)))
    if card.next_steps:
        steps = [clip(step, room.value) for step in card.next_steps[: room.rows]]
        yield rich(paragraph(words("Next", bold=True)), bullets(steps, ordered=True))


def _facts(title: str, lines: tuple[Line, ...], room: _Room) -> Iterable[Block]:
    """Short facts first, run on; then the long ones in rows. Payments and the like belong together in rows."""
    if not lines:
        return
    short = [x for x in lines if len(x.value) <= SHORT_CHARACTERS]
    long = [x for x in lines if len(x.value) > SHORT_CHARACTERS]
    parts = facts(short[: room.fields], long[: room.rows], room.value)
    yield rich(paragraph(words(f"{title.upper()}\n", bold=True), *parts))


def _history(entry: TranscriptEntry, limit: int) -> str:
    text = clip(" ".join(entry.text.split()), limit)
    return f"{entry.at:%a %d %b %H:%M} {_who_said(entry)}: {text}" if entry.kind != "event" else text


def _who_said(entry: TranscriptEntry) -> str:
    kind = _KINDS[entry.kind]
    who = entry.who if entry.who and entry.who.lower() != kind.lower() else ""
    name = f"{who} ({kind.lower()})" if who and kind else who or kind
    return f"{name} by {channel(entry.channel)}" if entry.channel else name


def _button(action: str, card: HandoffCard) -> Block:
    button: Block = {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": _BUTTONS[action], "emoji": False},
        "value": str(card.number),
    }
    if action == "case_claim":
        button["style"] = "primary"
    return button
