"""What in a message suggests that its sender is a contact we know under another address. Only ever evidence for staff."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from inbox import contacts, jsontext, merging
from inbox.accounts import ledger
from inbox.accounts.base import Account
from inbox.contacts import Contact
from inbox.db.store import Tx
from inbox.intents import figures
from inbox.merging import Evidence
from inbox.message import ContactPoint

_DIGIT = re.compile(r"\d")
_LOOKED_AT = 20_000  # characters of a mail, history and all
_ADDRESSES = 5
_FORWARD_MARKS = ("from:", "de:", "reply-to:", "responder a:")


def notice(tx: Tx, row: Any, contact: Contact, now: datetime) -> int:
    """Suggest merges that the message gives evidence for; returns how many. Most messages name no address at all."""
    mail = _body(row) if row["channel"] == "email" else ""
    text = row["text"]
    if "@" not in text and "@" not in mail and _DIGIT.search(text) is None:
        return 0
    own = {row["address"].partition(":")[2].lower(), row["recipient"].lower()}
    forwarded = jsontext.loads(row["meta"]).get("only_history") == "yes"
    count = 0
    for value, place in _emails(text, mail, forwarded=forwarded).items():
        if value in own or count >= _ADDRESSES:
            continue
        count += _suggest(
            tx, contact, ContactPoint("email", value), (place, f"{_WORDS[place]} {value}", row["id"]), now
        )
    if contact.name or row["author_name"]:
        count += _by_name(tx, row, contact, f"{text}\n{_signature(text, mail)}", now)
    return count


_WORDS = {
    "signature_email": "signs with the address", "forwarded_address": "forwards a mail of the address",
    "name_and_phone": "gives the same name and the number",
}  # fmt: skip


def _emails(text: str, mail: str, *, forwarded: bool) -> dict[str, str]:
    """Each address and where it stands: in a line that tells who wrote a forwarded mail, or in the sender's own words."""
    found: dict[str, str] = {}
    for line in mail.splitlines():
        if "@" not in line or len(line) > 1_000:
            continue
        bare = line.lstrip("> *_\t").lower()
        if bare.startswith(_FORWARD_MARKS):
            found |= dict.fromkeys(figures.emails(line.lower()), "forwarded_address")
    place = "forwarded_address" if forwarded else "signature_email"
    for value in figures.emails(f"{text}\n{_signature(text, mail)}".lower()):
        found.setdefault(value, place)
    return found


def _signature(text: str, mail: str) -> str:
    """What stands between the sender's own words and the quoted history."""
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    if not last or last not in mail:
        return ""
    tail = mail[mail.rindex(last) + len(last) :]
    kept: list[str] = []
    for line in tail.splitlines():
        bare = line.strip()
        if (
            bare.startswith(">")
            or bare.lower().startswith(_FORWARD_MARKS)
            or bare.endswith(("wrote:", "escribió:", "escreveu:"))
        ):
            break
        kept.append(bare)
    return "\n".join(kept[:15])


def _by_name(tx: Tx, row: Any, contact: Contact, text: str, now: datetime) -> int:
    name = (row["author_name"] or contact.name).strip()
    count = 0
    for value in figures.phones(text)[:_ADDRESSES]:
        phone = ContactPoint(
            "phone", value if value.startswith("+") else f"+1{value}" if len(value) == 10 else f"+{value}"
        )
        other = _known(tx, contact, phone)
        if other is None or str(phone) == row["address"] or not _same_name(name, other.name):
            continue
        words = f"{_WORDS['name_and_phone']} {phone.value}"
        evidence = Evidence("name_and_phone", words, row["id"])
        count += merging.suggest(tx, contact, _contact(tx, other, now), evidence, now)
    return count


def _same_name(one: str, other: str) -> bool:
    return bool(one) and " ".join(one.casefold().split()) == " ".join(other.casefold().split())


def _suggest(tx: Tx, contact: Contact, point: ContactPoint, evidence: tuple[str, str, str], now: datetime) -> int:
    other = _known(tx, contact, point)
    return 0 if other is None else int(merging.suggest(tx, contact, _contact(tx, other, now), Evidence(*evidence), now))


def _known(tx: Tx, contact: Contact, point: ContactPoint) -> Contact | Account | None:
    """Whose address it is: the one account that has it on file, else a contact that wrote from it.

    None for somebody who can never be ``contact``: of two authors neither is suggested. An account of an author who never
    wrote has no contact yet; it gets one with the suggestion.
    """
    refs = ledger.find(tx, point)
    if not refs:
        return contacts.by_point(tx, point)
    if len(refs) > 1 or contact.account_id:
        return None
    return contacts.by_account(tx, refs[0].source, refs[0].id) or ledger.load(tx, refs[0])


def _contact(tx: Tx, known: Contact | Account, now: datetime) -> Contact:
    if isinstance(known, Contact):
        return known
    return contacts.add(
        tx, now, source=known.ref.source, account_id=known.ref.id, name=known.name, language=known.language,
        timezone=known.timezone,
    )  # fmt: skip


def _body(row: Any) -> str:
    """The mail's text with signature and history, as it was masked and kept."""
    return str(row["raw"]).partition("\n\n")[2][:_LOOKED_AT]
