"""One good question, and a person when two did not help. Pure."""

from __future__ import annotations

from inbox.accounts.facts import FACTS, Fact
from inbox.deciding.people import hand_over, opt_out_effects
from inbox.deciding.situation import (
    Decision,
    Person,
    Reply,
    Situation,
)
from inbox.message import Route, Severity

CLARIFY_BEFORE_PERSON = 2


def clarify(s: Situation) -> Decision:
    if "promise_to_pay" in s.read.intents:
        return Decision(
            route=Route.CLARIFY, kind="clarify", reason="a promise without a date", intents=("promise_to_pay",),
            replies=(Reply(answer="promise_ask_date"),), awaiting={"awaiting": "promise_date", "intents": ["promise_to_pay"]},
        )  # fmt: skip
    misses = int(s.context.get("misses", 0))
    if misses >= CLARIFY_BEFORE_PERSON:
        return hand_over(
            s,
            Person(reason="not_understood", severity=Severity.NORMAL, words="still not understood after two questions"),
        )
    options = tuple(dict.fromkeys(c.intent for c in s.read.candidates if c.intent in _OFFERED and c.score >= 0.3))[:3]
    facts = {"options": Fact("options", options, "catalogue", s.now)}
    reply = Reply(answer="clarify", facts=facts) if len(options) >= 2 else Reply(answer="clarify_open")
    return Decision(
        route=Route.CLARIFY, kind="clarify", reason=s.read.reason, intents=s.read.intents, replies=(reply,),
        effects=opt_out_effects(s), awaiting={"awaiting": "clarify", "options": list(options), "misses": misses + 1},
    )  # fmt: skip


_OFFERED = frozenset(FACTS)
