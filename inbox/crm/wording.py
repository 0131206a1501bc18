"""What the CRM is told of a case and of a conversation, in short lines. Pure; every text that came from people is masked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inbox import redaction
from inbox.escalation.reasons import reason_of

_CLOSING = "Written by Inbox, which replaces this text when something changes. Keep your own notes in comments."
_QUOTE = 500  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What is said of the author and of the place where everything stands."""

    name: str
    account: str  # "ledger:A-71104", "" = not known
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Of a conversation."""

    channels: tuple[str, ...]
    author: int
    bot: int
    agent: int
    topics: tuple[str, ...]
    cases: tuple[tuple[int, str], ...]  # number, outcome
    opened_at: datetime
    ended_at: datetime
    outcome: str


def case_subject(row: Mapping[str, Any]) -> str:
    return f"Inbox #{row['number']}: {reason_of(row['reason']).headline}"


def case_text(row: Mapping[str, Any], facts: Mapping[str, Any], about: About, times: Mapping[str, datetime]) -> str:
    """``row`` is the handoff; ``times`` those of its moments that have come: due, claimed, first_reply, closed."""
    contested = [*facts.get("invoice_ids", ()), *facts.get("payment_ids", ()), *facts.get("amounts", ())]
    lines = [
        f"{reason_of(row['reason']).headline} ({row['reason']}, {row['severity']})",
        _labelled("Author", _author(about)),
        _labelled("Proof", facts.get("proof", "")),
        _labelled("Their words", masked(str(facts.get("quote", "")))[:_QUOTE]),
        _labelled("Contested", ", ".join(dict.fromkeys(map(str, contested)))),
        _labelled("With", row["owner_name"] and f"{row['owner_name']}{_since(times.get('claimed'))}"),
        _labelled("First reply by a person", _at(times.get("first_reply"))),
        "" if "first_reply" in times or "closed" in times else _labelled("Answer by", _at(times.get("due"))),
        _labelled("Outcome", row["outcome"] and f"{words(row['outcome'])}{_since(times.get('closed'))}"),
        *_ending(about),
    ]
    return _joined(lines)


def talk_subject(counts: Counts) -> str:
    about = ", ".join(words(t) for t in counts.topics[:3]) or "a conversation"
    return f"Inbox: {about} ({' and '.join(counts.channels)}), {words(counts.outcome)}"


def talk_text(counts: Counts, about: About) -> str:
    cases = (f"#{number} {words(outcome)}".strip() for number, outcome in counts.cases)
    lines = [
        _labelled("Author", _author(about)),
        _labelled("From", f"{_at(counts.opened_at)} to {_at(counts.ended_at)}"),
        _labelled("Messages", f"{counts.author} by the author, {counts.bot} by the bot, {counts.agent} by agents"),
        _labelled("About", ", ".join(words(t) for t in counts.topics)),
        _labelled("Cases", ", ".join(cases)),
        _labelled("Outcome", words(counts.outcome)),
        *_ending(about),
    ]
    return _joined(lines)


def with_matches(text: str, matches: int) -> str:
    """The text, and where it is not clear who of the CRM's people the author is, a line that says so."""
    if not matches:
        return text
    several = f"{matches} people here have" if matches > 1 else "Somebody else here has"
    return f"{text}\n{several} the author's address, so none is linked. Choose the right one by hand."


def masked(text: str) -> str:
    """No number of a card, a bank or an identity, and no one-time code."""
    return redaction.mask_codes(redaction.mask(" ".join(text.split())).text)


def _joined(lines: Iterable[str]) -> str:
    """Every line masked once more: names and outcomes are people's words too."""
    return "\n".join(redaction.mask(line).text for line in lines if line)


def words(code: str) -> str:
    return masked(code.replace("_", " ").replace(":", " "))


def _ending(about: About) -> Iterable[str]:
    yield _labelled("Whole conversation", about.url)
    yield _CLOSING


def _author(about: About) -> str:
    name = masked(about.name) or "unknown"
    return f"{name}, account {about.account}" if about.account else f"{name}, no account matched"


def _labelled(label: str, value: str) -> str:
    return f"{label}: {value}" if value else ""


def _since(at: datetime | None) -> str:
    return f", {_at(at)}" if at else ""


def _at(at: datetime | None) -> str:
    return f"{at:%a %Y-%m-%d %H:%M} UTC" if at else ""
