"""Changes of a payment plan that the bot may agree to: a past-due amount in parts, a due day moved. Pure.

Both are read back first and booked only after a yes; whatever lies beyond the house's limits (playbook section 8.4) is a
person's. Figures come from the account, never from the message: the author names days and how many parts.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from inbox.accounts import dues
from inbox.accounts.dues import Due
from inbox.accounts.facts import Fact, Held
from inbox.accounts.factsheet import contradiction, rows, sheet
from inbox.deciding.figures import permitted, step_up
from inbox.deciding.people import hand_over, outside_scope
from inbox.deciding.situation import HOLD_OF, Decision, Effect, Person, Reply, Situation
from inbox.disclosure.table import Act
from inbox.intents.normalize import fold
from inbox.message import Route, Severity
from inbox.money import Money

INTENT = "payment_plan"
WISHES = frozenset({"split", "move"})
_FIRST_PART_AFTER = timedelta(days=7)  # where the author names no day
_PARTS = {
    word: number
    for number, words in enumerate(("half halves two dos duas dois mitad mitades metade metades 2", "three tres 3", "four cuatro quatro 4", "five cinco 5", "six seis 6"), 2)
    for word in words.split()
}  # fmt: skip
_UNIT = re.compile(
    r"halves|parts?|payments?|pieces|instal\w+|portions|chunks|goes|months?|partes?|pagos?|mitades|cuotas?|veces|meses|"
    r"mensualidades|vezes|parcelas?|pagamentos?|metades|prestacoes"
)
_WORDS = re.compile(r"[a-z0-9]+")
_TIMES = re.compile(r"([2-9])x")
_NOW = re.compile(r"\b(now|today|straight away|ahora|hoy|ya|agora|hoje)\b")
_STOPPED = frozenset({"hardship", "bankruptcy", "attorney_represented", "deceased_reported", "self_harm_cue"})
_HALVES = frozenset({"half", "halves", "mitad", "mitades", "metade", "metades"})


def change(s: Situation) -> Decision | None:
    """The proposal, what is missing for it, or the person; None if the message asks for no change."""
    wish = next((w for w in ("move", "split") if w in s.read.wishes), "")
    if not wish and s.context.get("awaiting") == "plan_day" and s.read.entities.dates:
        wish = "move"
    if not wish or (s.account is not None and not s.account.invoices):
        return None
    if (missing := _not_yet(s)) is not None:
        return missing
    assert s.account is not None
    if isinstance(held := contradiction(s.account), Held):
        return _to_person(s, held.text, ())
    if elsewhere := _kept_elsewhere(s):
        return _to_person(s, elsewhere, ())
    return _move(s) if wish == "move" else _split(s)


def confirmed(s: Situation) -> Decision | None:
    """The author's yes or no to the change that was read back; None if there is none or it is neither."""
    proposed = s.context.get("change")
    said = s.read.entities.answer
    if s.context.get("awaiting") != "confirm" or not isinstance(proposed, dict) or not said:
        return None
    if (missing := _not_yet(s)) is not None:
        return missing
    if said == "no":
        return _answer(s, "ack", Reply(answer="confirm_declined"))
    if elsewhere := _kept_elsewhere(s):
        return _to_person(s, elsewhere, ())
    return _book_parts(s, proposed) if proposed["kind"] == "split" else _book_move(s, proposed)


def _kept_elsewhere(s: Situation) -> str:
    """Instalments of a billing system are changed there, by a person; of figures in doubt nothing is agreed."""
    assert s.account is not None
    if s.account.doubt is not None:
        return f"asks for a change of plan: {s.account.doubt.text}"
    if s.account.billing is not None:
        return f"asks for a change of plan, which is kept at {s.account.billing.source}"
    return ""


def _not_yet(s: Situation) -> Decision | None:
    """More proof, or the refusal to somebody whose authorisation does not reach so far; None if it may be done."""
    act = permitted("plan_change", s)
    if act is Act.REFUSE:
        return outside_scope(s, "plan_change")
    return None if act.tells and s.account is not None else step_up(s, INTENT)


def _book_parts(s: Situation, agreed: dict[str, Any]) -> Decision:
    assert s.account is not None
    parts = [(date.fromisoformat(p["due"]), Money.of(p["amount"], s.account.currency)) for p in agreed["parts"]]
    due = _still_due(s, agreed["invoice"], Money.total((amount for _, amount in parts), s.account.currency))
    if due is None:
        return _to_person(s, "agreed to parts of an amount that changed meanwhile", ())
    listed = rows({"due_on": on, "amount": amount} for on, amount in parts)
    reply = Reply(answer="plan_changed", facts=sheet(s.account, due.invoice.id, parts=listed))
    return replace(_answer(s, "facts", reply), effects=(Effect("split_plan", agreed),))


def _book_move(s: Situation, agreed: dict[str, Any]) -> Decision:
    assert s.account is not None
    to_on = date.fromisoformat(agreed["to"])
    moved = _scheduled(s, agreed["plan"], date.fromisoformat(agreed["from"]))
    along = _along(s, agreed["plan"], date.fromisoformat(agreed["from"]))
    if moved is None or len(along) != agreed.get("later", 0):
        return _to_person(s, "agreed to move a due date that changed meanwhile", ())
    facts = sheet(s.account, agreed["plan"], amount=moved.amount, to_on=to_on, **_later(along, agreed["days"]))
    return replace(
        _answer(s, "facts", Reply(answer="due_date_changed", facts=facts)), effects=(Effect("move_due", agreed),)
    )


# --- in parts


def _split(s: Situation) -> Decision:
    assert s.account is not None
    late = [d for d in dues.unpaid(s.account) if d.is_past_due(s.today)]
    if not late:
        return _to_person(s, "asks to pay in parts what is not yet due", ())
    owed = [d for d in late if d.invoice.id == late[0].invoice.id]
    total = Money.total((d.amount for d in owed), s.account.currency)
    days = sorted({d for d in s.read.entities.dates if d > s.today and d not in [o.due_on for o in owed]})
    count = parts_named(s.read.text) or (len(days) if len(days) > 1 else 2)
    if count > s.rules.split_parts:
        return _to_person(s, f"asks for {count} parts of the past-due {total}", owed)
    if own := [a for a in s.read.entities.amounts if a not in (total, *total.split(count))]:
        return _to_person(s, f"asks for parts of its own size ({own[0]}) of the past-due {total}", owed)
    due = _part_days(s, days, count)
    if due[-1] > s.today + timedelta(days=s.rules.split_days):
        return _to_person(s, f"asks for parts of the past-due {total} until {due[-1]}", owed)
    if _agents_only(s):
        return _to_person(s, f"asks for parts of the past-due {total}", owed)
    parts = list(zip(due, total.split(count), strict=True))
    proposed = {
        "kind": "split",
        "invoice": owed[0].invoice.id,
        "parts": [{"due": on.isoformat(), "amount": str(amount)} for on, amount in parts],
        "total": str(total),
    }
    listed = rows({"due_on": on, "amount": amount} for on, amount in parts)
    facts = sheet(s.account, owed[0].invoice.id, parts=listed, total=total)
    return _proposal(s, Reply(answer="plan_proposed", facts=facts), proposed)


def _part_days(s: Situation, named: Sequence[date], count: int) -> list[date]:
    """The days named; one day short of the parts and "now" said, the first is today; else monthly from the first."""
    if len(named) == count:
        return list(named)
    if named and len(named) == count - 1 and (s.today in s.read.entities.dates or _NOW.search(s.read.text.lower())):
        return [s.today, *named]
    return monthly(named[0] if named else s.today + _FIRST_PART_AFTER, count)


def _agents_only(s: Situation) -> bool:
    """Nothing is agreed by the bot with who is in hardship or law, or broke two promises."""
    assert s.account is not None
    broken = [p for p in s.account.promises if p.status == "broken" and s.today - p.on <= timedelta(days=90)]
    return len(broken) >= s.rules.promises_broken_limit or bool(_STOPPED & set(s.account.flags))


def parts_named(text: str) -> int:
    """How many parts the words ask for: ``two halves``, ``en tres pagos``, ``em 2x``; 0 if they name no number."""
    words = _WORDS.findall(fold(text)[:2000])
    for at, word in enumerate(words):
        if times := _TIMES.fullmatch(word):
            return int(times.group(1))
        for before in words[max(0, at - 2) : at] if _UNIT.fullmatch(word) else ():
            if number := _PARTS.get(before, 0) or (int(before[:3]) if before.isdigit() else 0):
                return number if number > 1 else 0
    return 2 if _HALVES & set(words) else 0


def monthly(first: date, count: int) -> list[date]:
    """That day of ``count`` months on end; the last day of a month that is too short."""
    found = []
    for ahead in range(count):
        month0 = first.month - 1 + ahead
        year, month = first.year + month0 // 12, month0 % 12 + 1
        found.append(date(year, month, min(first.day, monthrange(year, month)[1])))
    return found


def _still_due(s: Situation, invoice_id: str, total: Money) -> Due | None:
    """The past-due amount is what was read back: nothing was paid or added since."""
    assert s.account is not None
    late = [d for d in dues.unpaid(s.account) if d.is_past_due(s.today) and d.invoice.id == invoice_id]
    same = late and Money.total((d.amount for d in late), s.account.currency) == total
    return late[0] if same else None


# --- another day


def _move(s: Situation) -> Decision:
    assert s.account is not None
    coming = [d for d in dues.unpaid(s.account) if not d.is_past_due(s.today) and d.plan is not None]
    if not coming:
        return _to_person(s, "asks to move the due date of something that is past due or has no plan", ())
    e = s.read.entities
    named = [d for d in coming if d.due_on in e.dates] or [d for d in coming if e.month and d.due_on.month == e.month]
    chosen = (named or coming)[0]
    assert chosen.plan is not None
    to_on = _target(s, chosen)
    if to_on is None:
        return Decision(
            route=Route.CLARIFY, kind="clarify", reason="a due date to move, without a day", intents=(INTENT,),
            replies=(Reply(answer="due_date_ask", facts={"days": Fact("days", s.rules.due_move_days, "rules", s.now)}),),
            awaiting={"awaiting": "plan_day"},
        )  # fmt: skip
    days = (to_on - chosen.due_on).days
    if days == 0 or to_on <= s.today or abs(days) > s.rules.due_move_days:
        return _to_person(s, f"asks to move the {chosen.amount} due on {chosen.due_on} to {to_on}", (chosen,))
    if chosen.plan.moves or _agents_only(s):
        return _to_person(s, f"asks to move a due date again, to {to_on}", (chosen,))
    proposed = {
        "kind": "move",
        "plan": chosen.plan.id,
        "from": chosen.due_on.isoformat(),
        "to": to_on.isoformat(),
        "days": days,
        "later": len(along := _along(s, chosen.plan.id, chosen.due_on)),
    }
    facts = sheet(
        s.account, chosen.plan.id, amount=chosen.amount, from_on=chosen.due_on, to_on=to_on, **_later(along, days)
    )
    return _proposal(s, Reply(answer="due_date_proposed", facts=facts), proposed)


def _target(s: Situation, due: Due) -> date | None:
    """The day it should move to: the last one named that is not the due day itself. A bare day of the month ("the 18th")
    is the one nearest to the due date.
    """
    e = s.read.entities
    others = [d for d in e.dates if d != due.due_on and not (d in e.bare_days and d.day == due.due_on.day)]
    if not others:
        return None
    last = others[-1]
    if last not in e.bare_days:
        return last
    near = [n for month in (-1, 0, 1) if (n := _in_month(due.due_on, month, last.day)) is not None]
    return min(near, key=lambda n: abs((n - due.due_on).days))


def _in_month(near: date, ahead: int, day: int) -> date | None:
    month0 = near.month - 1 + ahead
    year, month = near.year + month0 // 12, month0 % 12 + 1
    return date(year, month, day) if day <= monthrange(year, month)[1] else None


def _scheduled(s: Situation, plan_id: str, due_on: date) -> Due | None:
    assert s.account is not None
    found = (d for d in dues.unpaid(s.account) if d.plan and d.plan.id == plan_id and d.due_on == due_on)
    return next((d for d in found if d.status == "scheduled" and d.plan and not d.plan.moves), None)


def _along(s: Situation, plan_id: str, since: date) -> list[Due]:
    """The later parts that move with the one due ``since``: the plan's due day moves, not one date."""
    assert s.account is not None
    mine = [d for d in dues.unpaid(s.account) if d.plan and d.plan.id == plan_id and d.status == "scheduled"]
    return [d for d in mine if d.due_on != since and dues.falls_on(d.due_on, since)]


def _later(along: Sequence[Due], days: int) -> dict[str, object]:
    """For the words: how many move along, by how many days, and when the last of them is due then."""
    if not along:
        return {"later": None}
    return {"later": len(along), "days": abs(days), "last_on": along[-1].due_on + timedelta(days=days)}


# --- both


def _proposal(s: Situation, reply: Reply, proposed: dict[str, Any]) -> Decision:
    return replace(_answer(s, "confirm", reply), awaiting={"awaiting": "confirm", "change": proposed})


def _answer(s: Situation, kind: str, reply: Reply) -> Decision:
    return Decision(route=Route.ANSWER, kind=kind, reason=s.read.reason, intents=(INTENT,), replies=(reply,))


def _to_person(s: Situation, words: str, owed: Sequence[Due]) -> Decision:
    reason = "plan_change_beyond_authority"
    decision = hand_over(s, Person(reason=reason, severity=Severity.NORMAL, words=words, hold=HOLD_OF.get(reason, "")))
    assert decision.person is not None
    about = replace(
        decision.person, invoice_ids=tuple(dict.fromkeys(d.invoice.id for d in owed)), amounts=tuple(d.amount for d in owed),
        withheld=("no change was agreed",),
    )  # fmt: skip
    return replace(decision, person=about, intents=(INTENT,))
