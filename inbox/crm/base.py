"""The CRM port: whom the CRM knows at an address, and the book in which it keeps our cases and conversations.

Every writing carries a key of ours and may be repeated: the same key is the same record. Whoever writes hands over
masked text alone; an adapter masks once more before anything leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from inbox.accounts.base import AccountRef
from inbox.errors import Permanent, Transient
from inbox.message import ChannelName, ContactPoint, Severity

CaseStatus = Literal["open", "claimed", "returned", "resolved"]


class NoAccess(Permanent):
    """The CRM does not let the inbox in; nothing can be written there until that is mended."""


class Unreachable(Transient):
    """The CRM takes nothing from anybody now: down, throttled or out of calls. What waits is caught up later."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the CRM has on record under an address."""

    id: str  # of the person there, "" = only their organisation is known
    account_id: str = ""  # of their organisation there
    name: str = ""
    author_id: str = ""  # our own id of this author, where the CRM has it on record

    def ref(self, source: str) -> AccountRef:
        """Their account: ours where the CRM names it, whose figures the biller tells, else the CRM's own record."""
        return (
            AccountRef("ledger", self.author_id) if self.author_id else AccountRef(source, self.id or self.account_id)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseEntry:
    """A handoff as the CRM shows it. All texts are masked; ``key`` is the same at every writing."""

    key: str  # "1041-01J9…": unlike any other installation's
    subject: str
    text: str
    severity: Severity
    status: CaseStatus
    channel: ChannelName
    author_name: str = ""
    points: tuple[ContactPoint, ...] = ()  # the author's addresses, mail and phone


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkEntry:
    """A conversation that was resolved, in a few lines and with a link. All texts are masked."""

    key: str  # the conversation's id
    subject: str
    text: str
    ended_on: date  # where the company is
    case_id: str = ""  # the CRM's id of its last case, "" = it had none


@dataclass(frozen=True, slots=True)
class Filed:
    """Where the CRM keeps it."""

    id: str
    created: bool
    url: str = ""  # for people


class CaseBook(Protocol):
    @property
    def name(self) -> str: ...

    async def find(self, point: ContactPoint) -> Sequence[AccountRef]:
        """The identity half of ``AccountSource``: the accounts of all who have this address; several stay several."""
        ...

    async def people(self, point: ContactPoint) -> Sequence[Person]:
        """Everybody the CRM has under this address, in the order of their ids. Raises ``Transient`` or ``Permanent``."""
        ...

    async def file_case(self, entry: CaseEntry, person: Person | None, *, first: bool) -> Filed:
        """Write the case, or what changed on it. What people may correct there, the person above all, is written the
        first time alone. Raises ``Unreachable``, ``Transient``, ``NoAccess`` or
        ``Permanent``.
        """
        ...

    async def file_talk(self, entry: TalkEntry, person: Person | None, *, first: bool) -> Filed:
        """Write the conversation's log entry. Raises like ``file_case``."""
        ...

    async def check(self) -> str:
        """For ``inbox doctor``: one line of what works. Raises what is wrong, with the fix."""
        ...

    async def close(self) -> None: ...
