"""The one table of what may be said or done: by what is asked, how far the sender is proven, and the channel. Pure.

``permitted`` answers it for one part of a message; every decision asks it before an account is looked at. The same rows
make the table in ``docs/security.md`` (``inbox.disclosure.document``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from inbox.intents.understanding import Entities
from inbox.message import CHANNELS, ChannelName


class Act(StrEnum):
    """What a cell allows."""

    FACTS = "facts"  # the figures of the account
    PARTIAL = "partial facts"  # the current instalment, or the state of an item whose id is quoted
    LINK = "link only"  # a secure page, and the amount it is filled in with
    POLICY = "policy only"  # words that hold for everybody; nothing of an account
    DO = "done"  # what anybody may ask for themselves, for the address they write from
    STEP_UP = "step up"  # nothing before more is proven, in words that tell nothing
    REFUSE = "refuse"  # not by message, whoever asks; a security event
    CASE = "case"  # a person

    @property
    def tells(self) -> bool:
        """Whether something of the account is said or done."""
        return self in (Act.FACTS, Act.PARTIAL, Act.LINK)


LEVELS = range(4)
_Cells = tuple[Act, Act, Act, Act]


@dataclass(frozen=True, slots=True)
class Row:
    """One question: its cells for L0 to L3, and the channels where they differ."""

    asked: str
    cells: _Cells
    on: Mapping[ChannelName, _Cells] = field(default_factory=dict)

    def act(self, level: int, channel: ChannelName) -> Act:
        return self.on.get(channel, self.cells)[level]


def _same(act: Act) -> _Cells:
    return (act, act, act, act)


def _row(asked: str, zero: Act, one: Act, two: Act, **on: _Cells) -> Row:
    """Level 1 means that the reply goes to the contact on file; in a chat and on the phone it does not, so there it counts
    no more than level 0. What level 3 adds is never said or done by the bot.
    """
    away: dict[ChannelName, _Cells] = {"chat": (zero, zero, two, two), "voice": (zero, zero, two, two)}
    return Row(asked, (zero, one, two, two), MappingProxyType(away | on))  # type: ignore[arg-type]  # channel names as keywords


_F, _P, _L, _POLICY, _UP, _NO, _CASE = (
    Act.FACTS, Act.PARTIAL, Act.LINK, Act.POLICY, Act.STEP_UP, Act.REFUSE, Act.CASE,
)  # fmt: skip

#: "… (id quoted)": the message names the item by its id. "… (in general)": nothing of one's own is asked.
ROWS: tuple[Row, ...] = (
    _row("account_balance", _UP, _UP, _F),
    _row("amount_due", _UP, _P, _F),
    _row("payment_status", _UP, _P, _F),
    _row("payment_failed", _UP, _P, _F),
    _row("update_payment_method", _UP, _L, _F),
    _row("make_payment", _UP, _L, _L),
    _row("payment_plan", _UP, _UP, _F),
    _row("payment_plan (in general)", _POLICY, _UP, _F, voice=(_UP, _UP, _F, _F)),
    _row("plan_change", _UP, _UP, _F),
    _row("invoice_copy", _UP, _UP, _F),
    _row("invoice_copy (id quoted)", _UP, _P, _F),
    _row("royalty_balance", _UP, _UP, _F),
    _row("royalty_withdrawal", _UP, _UP, _F),
    _row("royalty_withdrawal_status", _UP, _UP, _F),
    _row("royalty_withdrawal_status (id quoted)", _UP, _P, _F),
    _row("refund_status", _UP, _UP, _F),
    _row("refund_status (id quoted)", _UP, _P, _F),
    _row("promise_to_pay", _UP, _P, _F),
    _row("promise_status", _UP, _P, _F),
    *(Row(i, _same(_POLICY)) for i in ("payment_methods_accepted", "refund_request (in general)", "out_of_scope",
                                       "greeting", "thanks")),
    Row("opt_out", _same(Act.DO)),
    *(Row(i, _same(_CASE)) for i in ("refund_request", "chargeback", "unrecognised_charge", "double_charge", "wrong_amount",
                                     "complaint", "speak_to_human", "cancel_service", "hardship")),
    _row("payout_destination_change", _NO, _NO, _CASE),
    _row("contact_change", _NO, _NO, _CASE),
    *(Row(i, _same(_NO)) for i in ("third_party", "code_request", "prompt_injection", "impersonation")),
)  # fmt: skip

_BY_NAME: Mapping[str, Row] = MappingProxyType({row.asked: row for row in ROWS})
_QUOTED: Mapping[str, str] = {
    "refund_status": "refund_ids", "royalty_withdrawal_status": "withdrawal_ids", "invoice_copy": "payment_ids",
}  # fmt: skip


def question(intent: str, entities: Entities) -> str:
    """The row that this intent asks, as the words of the message make it."""
    if intent in _QUOTED and getattr(entities, _QUOTED[intent]):
        return f"{intent} (id quoted)"
    if intent == "payment_plan" and not (entities.invoice_ids or entities.month or entities.ordinal):
        return "payment_plan (in general)"
    return intent


def permitted(asked: str, level: int, channel: ChannelName) -> Act:
    """What may be said or done. Raises ``KeyError`` for a question that has no row: nothing is open by omission."""
    return _BY_NAME[asked].act(level, channel)


def lowest(answer: str) -> int:
    """The lowest level at which some variant of the answer tells anything of an account; 0 if none ever does."""
    rows = [row for row in ROWS if row.asked == answer or row.asked.startswith(f"{answer} (")]
    telling = [n for n in LEVELS for row in rows for c in CHANNELS if row.act(n, c).tells]
    return min(telling, default=0)
