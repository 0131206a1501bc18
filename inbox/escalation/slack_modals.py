"""The forms of the desk: reply and its preview, resolve, back to bot, reopen. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from inbox.escalation.base import OUTCOMES, HandoffCard
from inbox.escalation.slack_blocks import channel as channel_words
from inbox.escalation.slack_blocks import language
from inbox.escalation.slack_text import Block, clip, context, escaped, literal, paragraph, plain, quote, rich, words
from inbox.message import CHANNELS, ChannelName
from inbox.templates.render import segments

#: Slack allows 3,000 characters of private metadata; the draft travels there between form and preview.
METADATA_CHARACTERS = 3_000
REPLY_CHARACTERS = 2_500
NOTE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Draft:
    """What a form is about; it travels in the view, so that no node has to remember it."""

    case: int
    channel: str = ""
    text: str = ""

    def pack(self) -> str:
        """As private metadata. Raises ValueError if Slack would not take that much."""
        packed = json.dumps([self.case, self.channel, self.text], ensure_ascii=False, separators=(",", ":"))
        if len(packed) > METADATA_CHARACTERS:
            raise ValueError(
                f"Too long for Slack by {len(packed) - METADATA_CHARACTERS} characters; please shorten it."
            )
        return packed

    @classmethod
    def unpack(cls, packed: str) -> Draft:
        """Raises ValueError if it is not ours."""
        try:
            case, channel, text = json.loads(packed)
            return cls(int(case), str(channel), str(text))
        except (TypeError, ValueError) as error:
            raise ValueError("this form is not one of ours") from error


def reply_view(card: HandoffCard, channel: str = "", text: str = "", *, problem: str = "") -> Block:
    """The reply form; only channels on which the author may be written to are offered. ``problem`` stands above it."""
    chosen = channel if channel in card.reply_channels else card.reply_channels[0]
    options = [_option(name, channel_words(name)) for name in card.reply_channels]
    return _modal(
        "case_reply",
        f"Reply in case {card.number}",
        "Preview",
        Draft(card.number).pack(),
        [
            *([rich(paragraph(words(f"⚠ {clip(problem, 2_000)}", bold=True)))] if problem else []),
            _hint(card, chosen),
            _input(
                "channel",
                "Send by",
                {"type": "static_select", "options": options, "initial_option": _option(chosen, channel_words(chosen))},
                live=True,
            ),
            _input("text", "Your words", _text(REPLY_CHARACTERS, text)),
        ],
    )


def _hint(card: HandoffCard, channel: str) -> Block:
    who = literal(card.author_name, 100) or "the author"
    how = {
        "sms": "160 plain letters make one text message, 70 with emoji or some accents.",
        "voice": "It is read out on the phone.",
    }.get(channel, "It goes out as you write it, with your approved name.")
    reads = literal(language(card.language), 40)
    return context(f":outbox_tray: *This goes to {who}* by {channel_words(channel)}; the author writes {reads}. {how}")


def preview_view(card: HandoffCard, channel: ChannelName, text: str, preview: str) -> Block:
    """Exactly what the author receives; sending needs one more click. Raises ValueError if the draft is too long."""
    who = literal(card.author_name, 100) or "the author"
    facts = f"*{who}* receives this by {channel_words(channel)}"
    if channel == "sms":
        count = segments(preview)
        facts += f", as {count} text message{'s' if count != 1 else ''}"
    return _modal(
        "case_send",
        f"Case {card.number}: preview",
        "Send to author",
        Draft(card.number, channel, text).pack(),
        [context(facts + "."), rich(quote(preview))],
        close="Back",
    )


def resolve_view(card: HandoffCard) -> Block:
    options = [_option(o, o.replace("_", " ").capitalize()) for o in OUTCOMES]
    return _modal(
        "case_resolved",
        f"Resolve case {card.number}",
        "Resolve",
        Draft(card.number).pack(),
        [
            _input("outcome", "How it ended", {"type": "static_select", "options": options}),
            _input("note", "Note for colleagues; never sent", _text(NOTE_CHARACTERS), optional=True),
        ],
    )


def return_view(card: HandoffCard) -> Block:
    return _reason_view(card, "case_returned", "Back to bot", "Why the bot can take over; colleagues see it")


def reopen_view(card: HandoffCard) -> Block:
    return _reason_view(card, "case_reopened", "Reopen", "Why it is open again; colleagues see it")


def notice_view(title: str, text: str) -> Block:
    """A refusal or an error, where a form cannot show it beside a field."""
    return {
        "type": "modal",
        "title": plain(title, 24),
        "close": plain("Close", 24),
        "blocks": [rich(paragraph(words(clip(text, 2_000))))],
    }


def values(view: Mapping[str, Any]) -> dict[str, str]:
    """What was filled in, by block id."""
    found: dict[str, str] = {}
    for block_id, actions in (view.get("state") or {}).get("values", {}).items():
        for state in actions.values():
            chosen = state.get("selected_option") or {}
            found[block_id] = str(chosen.get("value") or state.get("value") or "")
    return found


def channel_of(name: str) -> ChannelName | None:
    return next((known for known in CHANNELS if known == name), None)


def _reason_view(card: HandoffCard, callback: str, verb: str, label: str) -> Block:
    blocks = [_input("reason", label, _text(NOTE_CHARACTERS))]
    return _modal(callback, f"Case {card.number}: {verb.lower()}", verb, Draft(card.number).pack(), blocks)


def _modal(
    callback: str, title: str, submit: str, metadata: str, blocks: list[Block], *, close: str = "Cancel"
) -> Block:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, 24),
        "submit": plain(submit, 24),
        "close": plain(close, 24),
        "private_metadata": metadata,
        "blocks": blocks,
    }


def _input(block_id: str, label: str, element: Block, *, optional: bool = False, live: bool = False) -> Block:
    block: Block = {"type": "input", "block_id": block_id, "label": plain(label, 200), "optional": optional}
    if live:
        block["dispatch_action"] = True
    return block | {"element": element | {"action_id": block_id}}


def _text(limit: int, initial: str = "") -> Block:
    element: Block = {"type": "plain_text_input", "multiline": True, "max_length": limit}
    return element | ({"initial_value": clip(initial, limit)} if initial else {})


def _option(value: str, label: str) -> Block:
    return {"text": {"type": "plain_text", "text": escaped(label, 75), "emoji": False}, "value": value}
