"""The life of a withdrawal as a table of allowed moves. Pure.

``requested`` (the author confirmed it), ``in_review`` (it is in a batch of finance), ``held`` (a person stopped it, with a
reason), ``sent``, ``paid`` (it left us; the bank may need days to show it), ``returned`` (the bank sent it back, or a person
called it off: the amount is available again).
"""

from __future__ import annotations

from collections.abc import Mapping

from inbox.errors import Conflict

STATES = ("requested", "in_review", "held", "sent", "paid", "returned")
#: From a state to those it may go to. Nothing leads back: a release goes on where the hold stopped it.
MOVES: Mapping[str, frozenset[str]] = {
    "requested": frozenset({"in_review", "held"}),
    "in_review": frozenset({"held", "sent", "paid", "returned"}),
    "held": frozenset({"requested", "in_review", "returned"}),
    "sent": frozenset({"paid", "returned"}),
    "paid": frozenset({"returned"}),
    "returned": frozenset(),
}
#: States in which the money has not left us.
STILL_HERE = frozenset({"requested", "in_review", "held"})
#: What a file of finance may report.
REPORTED = ("held", "sent", "paid", "returned")
_ORDER = {"requested": 0, "in_review": 1, "held": 1, "sent": 2, "paid": 3, "returned": 4}


def may_move(before: str, after: str, held_from: str = "") -> bool:
    """May a withdrawal go from one state to the other? A release only to the state it was held from."""
    if before == "held" and after in ("requested", "in_review"):
        return after == (held_from or "requested")
    return after in MOVES.get(before, frozenset())


def check_move(withdrawal_id: str, before: str, after: str, held_from: str = "") -> None:
    """Raises ``Conflict`` with the reason in plain words."""
    if after not in MOVES:
        raise Conflict(f"{withdrawal_id}: a withdrawal is one of {', '.join(STATES)}, not {after!r}")
    if may_move(before, after, held_from):
        return
    if before == "held":
        raise Conflict(f"{withdrawal_id} is on hold and cannot be {words(after)}; release it first")
    if _ORDER[after] < _ORDER.get(before, 0):
        raise Conflict(f"{withdrawal_id} is {words(before)}; going back to {words(after)} is not possible")
    raise Conflict(f"{withdrawal_id} is {words(before)} and cannot become {words(after)}")


def words(state: str) -> str:
    return state.replace("_", " ")
