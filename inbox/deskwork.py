"""What a desk may do to the inbox (``escalation.base.DeskEvents``), over one store."""

from __future__ import annotations

import logging

from inbox import contacts, conversations
from inbox.accounts.base import AccountRef
from inbox.clock import Clock
from inbox.db.store import Store, Tx
from inbox.errors import NotFound
from inbox.escalation import acts, handoffs, posting
from inbox.escalation.base import CaseRef, DeskEvent, DeskResult, HandoffCard
from inbox.house import House
from inbox.message import ChannelName, ContactPoint
from inbox.triage import account_of

log = logging.getLogger(__name__)


class Deskwork:
    def __init__(self, store: Store, house: House, clock: Clock) -> None:
        self._store = store
        self._house = house
        self._clock = clock

    async def apply(self, event: DeskEvent) -> DeskResult:
        result = await self._store.run(lambda tx: acts.apply(tx, self._house, event, self._on_file(tx, event.case)))
        log.info("desk event", extra={"kind": event.kind, "case": event.case, "ok": result.ok})
        return result

    async def card(self, case: int) -> HandoffCard:
        now = self._clock.now()
        return await self._store.read(lambda tx: posting.card_of(tx, self._house, case, now))

    async def case_of(self, ref: CaseRef) -> int | None:
        return await self._store.read(lambda tx: handoffs.by_thread(tx, ref.desk, ref.channel, ref.ts))

    async def preview(self, case: int, text: str, channel: ChannelName) -> str:
        now = self._clock.now()
        return await self._store.read(lambda tx: posting.preview(tx, self._house, case, text, channel, now))

    def _on_file(self, tx: Tx, number: int) -> tuple[ContactPoint, ...]:
        try:
            case = handoffs.get_plain(tx, number)
        except NotFound:
            return ()
        conversation = conversations.by_id_plain(tx, case.conversation_id)
        contact = contacts.by_id(tx, conversation.contact_id) if conversation else None
        if contact is None:
            return ()
        account = account_of(tx, AccountRef(contact.account_source, contact.account_id), self._clock.now())
        return account.points() if account else ()
