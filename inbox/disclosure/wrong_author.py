"""Does a text that is about to leave hold something of another author's account? Pure; the look-up is ``lookup``.

Names with accents folded, mail addresses, telephone numbers and the ids of records count, also when they are dressed in
look-alike letters, other dashes or signs that show nothing. The author's own ones never do, nor do the titles of their
books, the agent who signs, or the company.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inbox.accounts.base import Account
from inbox.disclosure import names
from inbox.redaction import plain

_MAIL = re.compile(r"[A-Za-z0-9._%+\-]{1,64}+@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,6}")
_PHONE = re.compile(r"(?<![\w\-/.])\+?\d(?:[ \-.()]{0,2}+\d){6,14}+(?![\w/])")
_ID = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z0-9_\-#]{0,40}\d)[A-Za-z0-9](?:[_\-#]?[A-Za-z0-9]){2,39}+(?![A-Za-z0-9])")
_SPACED = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{1,4})[ _.#/:\-]{0,3}(\d{2,12})(?![A-Za-z0-9])")
#: How the ids of records begin, when they are written in lower case; and what is written so and is none.
_ID_WORDS = frozenset(("inv", "pay", "wd", "rf", "pi", "acc", "ord"))
_NO_ID = frozenset(
    ("USD", "EUR", "GBP", "MXN", "ARS", "BRL", "CAD", "US", "RM", "NO", "AT", "ON", "OF", "TO", "BY", "IS", "ID")
)
_OUR_LINK = re.compile(r"https?://[^\s/]{1,200}/l/[A-Za-z0-9_\-]{20,}")  # a random token, no id
_DATE = re.compile(r"(?:19|20)\d\d-\d\d-\d\d(?:T\w+)?")
_NUMBER = re.compile(r"\d+")
#: What people call a record, and how its id may begin.
_CALLED = re.compile(
    r"(?i)(?<![a-z])(invoice|factura|fatura|payment|pago|pagamento|withdrawal|retiro|saque|refund|reembolso|account|cuenta|conta)"
    r"(?:e?s)?(?: (?:number|no|id|numero|n))?[ .:#]{1,3}+(\d{2,12})(?![A-Za-z0-9])"
)
_PREFIXES: Mapping[str, tuple[str, ...]] = {
    "invoice": ("INV-", ""), "factura": ("INV-", ""), "fatura": ("INV-", ""), "payment": ("P-", "PAY-", ""),
    "pago": ("P-", "PAY-", ""), "pagamento": ("P-", "PAY-", ""), "withdrawal": ("WD-", ""), "retiro": ("WD-", ""),
    "saque": ("WD-", ""), "refund": ("RF-", ""), "reembolso": ("RF-", ""), "account": ("A-", ""), "cuenta": ("A-", ""),
    "conta": ("A-", ""),
}  # fmt: skip
_SHORTEST_NUMBER = 5  # digits of an id without letters: shorter ones are years and amounts
_FEWEST_LOOSE = 3
_MOST = 4_000  # candidates of one sort; a text that holds more is refused


@dataclass(frozen=True, slots=True)
class Candidates:
    """What in a text could be another author's: by the value it is looked up with, the words as they stand there."""

    ids: Mapping[str, str] = field(default_factory=dict)
    emails: Mapping[str, str] = field(default_factory=dict)
    phones: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.ids or self.emails or self.phones or self.names)

    @property
    def too_many(self) -> bool:
        return max(len(self.ids), len(self.emails), len(self.phones), len(self.names)) > _MOST


@dataclass(frozen=True, slots=True)
class Culprit:
    """Words of a text and the account they belong to."""

    kind: str  # account | invoice | payment | withdrawal | plan | refund | dispute | promise | email | phone | name
    words: str
    account_id: str
    amounts: tuple[str, ...] = ()  # sums of that record which the text tells too

    def __str__(self) -> str:
        sums = f" with {', '.join(self.amounts)}" if self.amounts else ""
        return f"“{self.words}”{sums} ({self.kind}) belongs to account {self.account_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who speaks: their words are nobody's secret."""

    ours: frozenset[str] = frozenset()  # folded words of the company's name
    addresses: frozenset[str] = frozenset()  # mail addresses and telephone numbers of the company
    name: str = ""  # of the agent
    typed: bool = False  # by a person: names may stand in lower case


def candidates(texts: Sequence[str], own: Account | None, speaker: Speaker) -> Candidates:
    """Everything that must be looked up; what is the author's own is left out. Linear in the length of the texts."""
    text = "\n".join(plain(t) for t in texts).replace("\u200b", "")
    text = _OUR_LINK.sub(" ", text)
    ours = _Own(own, speaker)
    for title in own.titles if own else ():
        text = text.replace(plain(title), " · ")
    mails = {m.group().lower(): m.group() for m in _MAIL.finditer(text)}
    rest = _MAIL.sub(" ", text)
    phones = {value: raw for raw in _PHONE.findall(rest) for value in _phone_values(raw)}
    spoken = names.spoken_of(rest, any_case=speaker.typed, without=speaker.ours)
    return Candidates(
        ids=ours.foreign(_ids(rest), ours.ids),
        emails=ours.foreign(mails, ours.addresses),
        phones=ours.foreign(phones, ours.addresses),
        names=ours.foreign(spoken, ours.names),
    )


class _Own:
    """What may be said to this author by this speaker."""

    def __init__(self, own: Account | None, speaker: Speaker) -> None:
        self.ids = frozenset(own_ids(own)) if own else frozenset()
        points = {p.value.lower() for p in own.points()} if own else set()
        self.addresses = frozenset(points | speaker.addresses)
        self.names = frozenset(k for name in (own.name if own else "", speaker.name) for k in names.keys(name) if k)

    @staticmethod
    def foreign(found: Mapping[str, str], ours: frozenset[str]) -> dict[str, str]:
        mine = {shown for value, shown in found.items() if value in ours}
        return {value: shown for value, shown in found.items() if value not in ours and shown not in mine}


def own_ids(account: Account) -> list[str]:
    """The ids of an account and of every record in it."""
    found = [account.ref.id]
    found += [r.id for r in account.invoices]
    found += [r.id for r in account.plans]
    found += [r.id for r in account.payments]
    found += [r.id for r in account.payment_methods]
    found += [r.id for r in account.refunds]
    found += [r.id for r in account.disputes]
    found += [r.id for r in account.promises]
    return found + [r.id for r in (account.royalties.withdrawals if account.royalties else ())]


def _ids(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _ID.finditer(text):
        raw = match.group()
        if (raw.isdigit() and len(raw) < _SHORTEST_NUMBER) or _DATE.fullmatch(raw):
            continue
        for value in (raw, raw.upper(), raw.lower(), raw.replace("#", "-").upper()):
            found.setdefault(value, raw)
    for match in _SPACED.finditer(text):
        letters, digits = match[1].upper(), match[2]
        loose = len(letters) == 1 and " " in match.group()  # "A 20 % discount"
        if letters in _NO_ID or (loose and (letters in "AEIOUY" or len(digits) < _FEWEST_LOOSE)):
            continue
        if not (match[1].isupper() or match[1].lower() in _ID_WORDS):
            continue
        for value in (f"{letters}-{digits}", f"{letters}{digits}", f"{letters}_{digits}"):
            found.setdefault(value, match.group())
    for match in _CALLED.finditer(text):
        for prefix in _PREFIXES[match[1].lower()]:
            found.setdefault(f"{prefix}{match[2]}", match.group())
    return found


def _phone_values(raw: str) -> tuple[str, ...]:
    """As the ledger has it, E.164; a national number is taken for a North American one."""
    digits = "".join(_NUMBER.findall(raw))
    if raw.startswith("+"):
        return (f"+{digits}",)
    if len(digits) == 10:
        return (f"+1{digits}",)
    return (f"+{digits}",) if 11 <= len(digits) <= 15 else ()


def words(culprits: Sequence[Culprit]) -> str:
    """For the person who wrote it: which words, whose account, and what to do."""
    told = "; ".join(str(c) for c in culprits[:5])
    more = f" and {len(culprits) - 5} more" if len(culprits) > 5 else ""
    return f"this would tell the author about someone else: {told}{more}. Take it out and send again"
