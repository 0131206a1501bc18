"""Guards: named, readable rules that can only make a route safer. Pure.

The rules are data (``guards/*.toml``). A rule fires where one of its patterns stands, unless the same clause denies it
("I am not asking for a refund"), calms it (a closed matter, another merchant, a question of policy), or an exception of
its own applies. Calms never touch identity, harm or legal rules: those are marked ``calmed = false``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inbox.intents.normalize import Text
from inbox.intents.pattern import Hit
from inbox.intents.rules import Calm, Rule
from inbox.intents.understanding import Finding
from inbox.message import Route, Severity

#: Safest first (evaluation data, section 1); ``ignore`` is for machines only and is weighed by the reader.
ORDER: tuple[Route, ...] = (Route.VERIFY_FIRST, Route.ESCALATE, Route.ANSWER, Route.CLARIFY, Route.IGNORE)
_SEVERITIES = (Severity.HIGH, Severity.NORMAL, Severity.LOW)


@dataclass(frozen=True, slots=True)
class Mark:
    """Owner of a pattern hit: which list of which rule it belongs to."""

    rule: Rule | Calm
    part: str = "when"


@dataclass(frozen=True, slots=True)
class Calmed:
    """An alarm that was not one: where, which intents, and what it is instead."""

    calm: Calm
    clause: int
    start: int
    end: int

    def covers(self, intent: str, clause: int, start: int) -> bool:
        if intent not in self.calm.calms or not (self.calm.whole or clause == self.clause):
            return False
        return not self.calm.reach or self.start <= start <= self.end + self.calm.reach


def judge(text: Text, hits: Sequence[Hit], channel: str) -> tuple[tuple[Finding, ...], tuple[Calmed, ...]]:
    """The findings, most severe first and one per rule, and what was calmed."""
    calmed = tuple(_calmed(text, hits))
    stopped: set[tuple[str, int]] = set()
    for hit in hits:
        if isinstance(hit.owner, Mark) and hit.owner.part in ("unless", "never"):
            clause = text.clause_of[hit.start] if hit.owner.part == "unless" else -1
            stopped.add((hit.owner.rule.name, clause))
            if hit.owner.part == "unless":  # the exception may reach over a clause break
                stopped.add((hit.owner.rule.name, text.clause_of[hit.end - 1]))
    found: dict[str, Finding] = {}
    for hit in hits:
        if not isinstance(hit.owner, Mark) or hit.owner.part != "when" or not isinstance(hit.owner.rule, Rule):
            continue
        rule, clause = hit.owner.rule, _clause(text, hit)
        if rule.name in found or (rule.channels and channel not in rule.channels):
            continue
        if (rule.name, -1) in stopped or (rule.name, clause) in stopped or _is_calmed(rule, clause, hit.start, calmed):
            continue
        found[rule.name] = _finding(rule, text, hit, clause)
    return tuple(sorted(found.values(), key=_weight)), calmed


def _calmed(text: Text, hits: Sequence[Hit]) -> list[Calmed]:
    return [
        Calmed(hit.owner.rule, _clause(text, hit), hit.start, hit.end)
        for hit in hits
        if isinstance(hit.owner, Mark) and isinstance(hit.owner.rule, Calm)
    ]


def _is_calmed(rule: Rule, clause: int, start: int, calmed: Sequence[Calmed]) -> bool:
    return any(
        c.covers(rule.intent, clause, start) and (rule.deniable if c.calm.reach else rule.calmed) for c in calmed
    )


def _clause(text: Text, hit: Hit) -> int:
    """The clause of the first real word: a pattern may begin with a clause mark."""
    at = hit.start
    while at < hit.end - 1 and text.tokens[at] in (".", "<<"):
        at += 1
    return text.clause_of[at]


def _finding(rule: Rule, text: Text, hit: Hit, clause: int) -> Finding:
    words = [t for t in text.tokens[hit.start : hit.end] if t not in (".", "<<", ">>")]
    return Finding(
        guard=rule.name, route=rule.route, reason=rule.reason, intent=rule.intent, severity=rule.severity,
        case_reason=rule.case, quote=" ".join(words), clause=clause,
    )  # fmt: skip


def _weight(finding: Finding) -> tuple[int, int, str]:
    return ORDER.index(finding.route), _SEVERITIES.index(finding.severity), finding.guard
