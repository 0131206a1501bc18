"""Where a one-time code goes: only to a contact that was on file before, and that one person alone has on file."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from inbox import authorisations, contacts
from inbox.accounts import known
from inbox.accounts.base import Account, AccountRef
from inbox.conversations import address
from inbox.db.store import Tx
from inbox.house import House
from inbox.message import ChannelName, ContactPoint
from inbox.verification import Target

if TYPE_CHECKING:
    from inbox.replying import Turn


def target(tx: Tx, house: House, turn: Turn, now: datetime) -> Target:
    """Whose code it is: the account's that is known, the authorised person's, or that of the contact the sender named."""
    if turn.authority is not None:
        point = turn.authority.point
        return Target(authority=address(point), to=point if usable(tx, house, point) else None)
    if turn.account is not None:
        return Target(turn.account.ref, to=_on_file(tx, house, turn, turn.account))
    points = [ContactPoint("email" if "@" in value else "phone", value.lower()) for value in turn.given]
    if not points and turn.point.kind == "phone":
        points = [turn.point]
    return named(tx, house, points, now)


def named(tx: Tx, house: House, points: list[ContactPoint], now: datetime) -> Target:
    """The one account that has all of these on file, else the first that is somebody's; the statements are the same for all.

    A contact that two accounts share proves neither: the code needs one that only the account in question has.
    """
    owners: dict[ContactPoint, list[AccountRef]] = {}
    persons: dict[ContactPoint, bool] = {}
    open_to: dict[ContactPoint, bool] = {}
    for point in dict.fromkeys(points):
        owners[point] = known.find(tx, point)
        persons[point] = bool(authorisations.of_point(tx, point, now))
        open_to[point] = usable(tx, house, point)
    for point, refs in owners.items():
        if len(refs) == 1 and open_to[point]:
            return Target(refs[0], to=point)
    for point, refs in owners.items():
        if not refs and persons[point] and open_to[point]:
            return Target(authority=address(point), to=point)
    return Target(asked=address(points[0])) if points else Target()


def usable(tx: Tx, house: House, point: ContactPoint) -> bool:
    channel: ChannelName = "email" if point.kind == "email" else "sms"
    suppressed = contacts.suppression(tx, point)
    return channel in house.channels and (not suppressed or (channel == "email" and suppressed == "opt_out"))


def _on_file(tx: Tx, house: House, turn: Turn, account: Account) -> ContactPoint | None:
    """The address that asks if it is on file, else the best on file; never one that another account has as well."""
    on_file = account.points()
    preferred = [p for p in (turn.point,) if p in on_file and p.kind != "chat"]
    order = {"phone": 0, "email": 1} if turn.row["channel"] == "voice" else {"email": 0, "phone": 1}
    rest = sorted((p for p in on_file if p not in preferred), key=lambda p: order[p.kind])
    return next((p for p in (*preferred, *rest) if usable(tx, house, p) and known.find(tx, p) == [account.ref]), None)
