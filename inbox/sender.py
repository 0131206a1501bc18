"""Who writes, and for whose account: the author, an authorised person, or somebody who must first prove it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from inbox import authorisations, contacts, jsontext, verification
from inbox.accounts import known
from inbox.accounts.base import Account, AccountRef, Dispute
from inbox.contacts import Contact
from inbox.conversations import Conversation, point_of
from inbox.db.store import Tx
from inbox.disclosure import parties
from inbox.disclosure.parties import Authority
from inbox.errors import NotFound
from inbox.house import House
from inbox.intents.understanding import Understanding
from inbox.message import ContactPoint, SenderProof
from inbox.receivables import holds

#: The channel itself vouches for the address that a message came from.
VOUCHED = frozenset({SenderProof.PORTAL, SenderProof.CARRIER, SenderProof.DMARC_PASS})


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message as it came and as it was understood."""

    row: Any
    point: ContactPoint
    read: Understanding


@dataclass(frozen=True, slots=True)
class Speaker:
    """Whose account the message is about. With an ``authority`` the account is that person's view of it."""

    conversation: Conversation
    account: Account | None
    authority: Authority | None = None
    recorded: bool = False  # an authorisation names this address, but no code was given yet
    which: bool = False  # it names several accounts, and the message none of them


def account_of(tx: Tx, ref: AccountRef, now: datetime) -> Account | None:
    """The account as it is now; items that a case of ours contests count as disputed, whatever the biller says."""
    if not ref.id:
        return None
    try:
        account = known.load(tx, ref, now)
    except NotFound:
        return None
    held = [h for h in holds.of(tx, ref.id, now) if h["invoice_id"] and h["reason"] == "dispute_open"]
    contested = tuple(
        Dispute(
            id=f"case-{h['case']}",
            invoice_id=h["invoice_id"],
            amount=account.outstanding,
            reason=h["reason"],
            opened_on=account.as_of.date(),
            status="under_review",
        )
        for h in held
    )
    return replace(account, disputes=(*account.disputes, *contested)) if contested else account


def account(
    tx: Tx, house: House, conversation: Conversation, contact: Contact, point: ContactPoint, now: datetime
) -> Account | None:
    """The account before the message is read: what was proven here, else the contact's own."""
    if verification.proven_here(conversation, point, now, house.rules):
        if conversation.proof_authority:
            return None  # which part of which account is asked when it is known what the message says
        if conversation.proof_account:
            source, _, key = conversation.proof_account.partition(":")
            return account_of(tx, AccountRef(source, key), now)
    return account_of(tx, AccountRef(contact.account_source, contact.account_id), now)


def proven_account(
    tx: Tx, house: House, conversation: Conversation, point: ContactPoint, now: datetime
) -> Account | None:
    """The account that a code proved for this conversation alone and that is still told to ``point``; None if there is none.

    Of an authorised person it is their view of the account that they asked about last.
    """
    if not conversation.proof_account or not verification.proven_here(conversation, point, now, house.rules):
        return None
    if not conversation.proof_authority:
        source, _, key = conversation.proof_account.partition(":")
        return account_of(tx, AccountRef(source, key), now)
    live = authorisations.of_point(tx, point_of(conversation.proof_authority), now)
    authority = next((a for a in live if _key(a) == conversation.proof_account), None)
    whole = account_of(tx, authority.ref, now) if authority else None
    return parties.view(whole, authority) if whole is not None and authority is not None else None


def request(row: Any, conversation: Conversation, point: ContactPoint, purpose: str = "read") -> verification.Request:
    """Who asks for a code or gives one."""
    client = str(jsontext.loads(row["meta"]).get("network", "")) if point.kind == "chat" else ""
    return verification.Request(conversation, point, SenderProof(row["proof"]) in VOUCHED, client, purpose)


def may_join(tx: Tx, contact: Contact, point: ContactPoint, ref: AccountRef) -> bool:
    """Whether a proof makes this address the author's from now on.

    Not if it is on file for anybody else, nor if the contact is another verified author: two of them are never joined. Nor
    if an authorised person writes, from whichever address of theirs: they may have been handed the author's code. The proof
    then holds for this conversation alone.
    """
    if contact.account_id and contact.account_id != ref.id:
        return False
    if any(authorisations.holds_any(tx, p) for p in (point, *contacts.points(tx, contact.id))):
        return False
    return all(found == ref for found in known.find(tx, point))


def speaks_for(
    tx: Tx,
    house: House,
    conversation: Conversation,
    contact: Contact,
    own: Account | None,
    spoken: Spoken,
    now: datetime,
) -> Speaker:
    """``own`` is what ``account`` gave. An authorised person's account is chosen here, by what the message names."""
    if own is not None or contact.account_id:
        return Speaker(conversation, own)
    if conversation.proof_authority and verification.proven_here(conversation, spoken.point, now, house.rules):
        return _authorised(tx, conversation, spoken, now)
    vouched = SenderProof(spoken.row["proof"]) in VOUCHED
    return Speaker(conversation, None, recorded=vouched and bool(authorisations.of_point(tx, spoken.point, now)))


def _authorised(tx: Tx, conversation: Conversation, spoken: Spoken, now: datetime) -> Speaker:
    live = authorisations.of_point(tx, point_of(conversation.proof_authority), now)
    loaded = [(authority, account_of(tx, authority.ref, now)) for authority in live]
    found = [(authority, whole) for authority, whole in loaded if whole is not None]
    if not found:
        return Speaker(conversation, None)  # revoked or run out: nobody in particular writes
    before = [pair for pair in found if _key(pair[0]) == conversation.proof_account]
    chosen = parties.meant(found, spoken.read.text, spoken.read.entities) or (before[0] if before else None)
    if chosen is None:
        return Speaker(conversation, None, which=True)
    authority, whole = chosen
    return Speaker(
        replace(conversation, proof_account=_key(authority)), parties.view(whole, authority), authority=authority
    )


def _key(authority: Authority) -> str:
    return f"{authority.ref.source}:{authority.ref.id}"
