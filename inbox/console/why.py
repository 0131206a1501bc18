"""Why the bot said what it said: the decision record and the facts of a reply, put into readable pieces. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from inbox import jsontext
from inbox.console.view import plain, words

PROOF_WORDS: Mapping[str, str] = {
    "none": "nothing proven", "portal": "signed in at the portal", "carrier": "the carrier's sender number",
    "caller_id": "caller id only, easily forged", "dmarc_pass": "mail that passed DMARC",
    "dmarc_fail": "mail that failed DMARC",
}  # fmt: skip
MASK_WORDS: Mapping[str, str] = {
    "pan": "card number", "cvv": "card security code", "expiry": "card expiry date", "ssn": "social security number",
    "tax_id": "tax number", "bank": "bank number", "password": "password or PIN", "code": "one-time code",
}  # fmt: skip
ROUTE_WORDS: Mapping[str, str] = {
    "answer": "Answered", "escalate": "Given to a person", "verify_first": "Asked for proof first",
    "clarify": "Asked what was meant", "ignore": "Left without a reply",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FactLine:
    name: str
    value: str
    source: str  # the record, "ledger:A-71104/INV-70112"; "" if it was made for this reply
    as_of: str  # ISO 8601


@dataclass(frozen=True, slots=True)
class PartLine:
    """One approved answer in the reply."""

    answer: str
    language: str
    version: int
    version_id: str
    facts: tuple[FactLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    route: str
    reply_kind: str
    severity: str
    reason: str
    intents: tuple[str, ...]
    candidates: tuple[tuple[str, float, str], ...]  # intent, score, nearest phrase
    findings: tuple[tuple[str, str, str, str], ...]  # guard, route, reason, quote
    level: str  # "L1: mail that passed DMARC"
    entities: tuple[tuple[str, str], ...]
    effects: tuple[tuple[str, str], ...]
    withheld: tuple[tuple[str, str], ...]  # answers, why not
    person: str  # reason of the case it opened or joined
    case: int
    asked: str  # the earlier message whose question was answered, after a code


def explain(row: Any) -> Why:
    """From a row of ``decisions``. Fields that an older record lacks stay empty."""
    record: dict[str, Any] = jsontext.loads(row["record"])
    return Why(
        route=ROUTE_WORDS.get(row["route"], words(row["route"])), reply_kind=words(row["reply_kind"]),
        severity=row["severity"], reason=str(record.get("reason", "")), intents=tuple(record.get("intents", ())),
        candidates=tuple((str(i), float(s), str(p)) for i, s, p in record.get("candidates", ())),
        findings=tuple((str(g), str(r), str(w), str(q)) for g, r, w, q in record.get("findings", ())),
        level=_level(record), entities=tuple((words(k), plain(v)) for k, v in record.get("entities", {}).items()),
        effects=tuple((words(str(kind)), plain(data)) for kind, data in record.get("effects", ())),
        withheld=tuple((_listed(u.get("answers", ())), str(u.get("words", ""))) for u in record.get("unsaid", ())),
        person=str(record.get("person", "")), case=int(record.get("case", 0)), asked=str(record.get("asked", "")),
    )  # fmt: skip


def parts_of(row: Any) -> tuple[PartLine, ...]:
    """From a row of ``messages``: the answers it was rendered from, the mail layout last."""
    return tuple(_part(part) for part in jsontext.loads(row["parts"]))


def masked_of(row: Any) -> tuple[str, ...]:
    """``card number``, ``2 × bank number``: each kind that was masked in an inbound message."""
    return tuple(_mask(found["kind"], found["count"]) for found in jsontext.loads(row["masked"]))


def _mask(kind: str, count: int) -> str:
    word = MASK_WORDS.get(kind, kind.replace("_", " "))
    return f"{count} × {word}" if count > 1 else word


def _part(part: Mapping[str, Any]) -> PartLine:
    sources = part.get("sources", {})
    facts = tuple(
        FactLine(words(name), plain(value), *_source(sources.get(name)))
        for name, value in part.get("facts", {}).items()
    )
    return PartLine(part["answer"], part.get("language", ""), part.get("version", 0), part.get("version_id", ""), facts)


def _source(pair: Any) -> tuple[str, str]:
    return (str(pair[0]), str(pair[1])) if pair else ("", "")


def _level(record: Mapping[str, Any]) -> str:
    if "level" not in record:
        return ""
    how = PROOF_WORDS.get(str(record.get("proof", "none")), "")
    return f"L{record['level']}: {how}"


def _listed(answers: Iterable[str]) -> str:
    return ", ".join(words(a) for a in answers)
