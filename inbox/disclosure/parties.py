"""Who besides the author may hear about an account, and about which part of it: the authorisations on record. Pure.

An authorised person is never the author: they write from the address that was recorded with the authorisation, prove it
with a code, and get a *view* of the account that holds nothing but what their scope covers. What is not in the view cannot
be told, linked or sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from inbox.accounts.base import Account, AccountRef, Invoice
from inbox.disclosure.levels import CODE_LEVEL
from inbox.disclosure.table import Act
from inbox.intents.understanding import Entities
from inbox.message import ContactPoint
from inbox.money import Money

Status = Literal["proposed", "approved", "refused", "revoked"]
RELATIONS: tuple[str, ...] = ("spouse", "relative", "assistant", "accountant", "agent", "executor", "attorney", "other")
#: What a scope may name. Promises, withdrawals and changes bind the author, so nobody else's message does them.
INTENTS: tuple[str, ...] = (
    "account_balance", "amount_due", "payment_status", "payment_failed", "make_payment", "payment_plan", "invoice_copy",
    "refund_status", "royalty_balance", "royalty_withdrawal_status",
)  # fmt: skip
#: Answers about the account as a whole: they need a scope over all its titles.
_OF_ALL_TITLES = frozenset({"royalty_balance", "royalty_withdrawal_status"})
#: Answers that can be given without an amount.
_WITHOUT_MONEY = frozenset({"payment_status", "refund_status", "royalty_withdrawal_status"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """``titles`` empty: all of them. ``money``: whether amounts may be told."""

    intents: tuple[str, ...]
    titles: tuple[str, ...] = ()
    money: bool = True

    @property
    def words(self) -> str:
        """What may be heard, for the desk."""
        named = ", ".join(intent.replace("_", " ") for intent in self.intents)
        titles = f" of {', '.join(self.titles)}" if self.titles else ""
        return f"{named}{titles}{'' if self.money else '; no amounts'}"

    def problems(self, account: Account) -> list[str]:
        """What is wrong with this scope for that account, in words for the person who wrote it down."""
        found = [
            f"{i!r} cannot be opened to another person; choose from {', '.join(INTENTS)}"
            for i in self.intents
            if i not in INTENTS
        ]
        if not self.intents:
            found.append("say at least one thing that the person may hear about")
        known = {t.casefold() for t in account.titles}
        found += [f"{t!r} is no title of {account.ref.id}" for t in self.titles if t.casefold() not in known]
        if not self.money:
            found += [f"{i} cannot be told without amounts; open the amounts or leave it out" for i in self.intents
                      if i in INTENTS and i not in _WITHOUT_MONEY]  # fmt: skip
        if self.titles:
            found += [f"{i} is about all titles together; name no titles or leave it out" for i in self.intents
                      if i in _OF_ALL_TITLES]  # fmt: skip
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """One authorisation as it is on record."""

    id: str
    ref: AccountRef
    person: str
    relation: str
    point: ContactPoint
    scope: Scope
    starts_at: datetime
    ends_at: datetime | None  # None: until it is revoked
    status: Status
    recorded_by: str
    approved_by: str = ""
    evidence: str = ""

    def is_live(self, now: datetime) -> bool:
        return self.status == "approved" and self.starts_at <= now and (self.ends_at is None or now < self.ends_at)

    @property
    def words(self) -> str:
        """On whose authority, for the record and the desk."""
        return f"{self.person} ({self.relation}) for {self.ref.id}, authorisation {self.id}, approved by {self.approved_by}"


def narrowed(act: Act, authority: Authority, intent: str, level: int) -> Act:
    """What the table allows the author, cut down to what this person may hear."""
    if act in (Act.POLICY, Act.DO, Act.REFUSE, Act.CASE):
        return act
    if level < CODE_LEVEL:
        return Act.STEP_UP
    return act if intent in authority.scope.intents else Act.REFUSE


def view(account: Account, authority: Authority) -> Account:
    """The part of the account that the scope covers, with the person's own name and address in place of the author's."""
    scope, point = authority.scope, authority.point
    kept = tuple(i for i in account.invoices if covers(account, scope, i))
    ids = {i.id for i in kept}
    whole = not scope.titles
    return replace(
        account,
        name=authority.person,
        email=point.value if point.kind == "email" else "",
        phone=point.value if point.kind == "phone" else "",
        titles=account.titles if whole else tuple(t for t in account.titles if _named(t, scope.titles)),
        outstanding=account.outstanding if whole else Money.total((i.balance for i in kept if i.status != "void"), account.currency),
        invoices=kept,
        plans=tuple(p for p in account.plans if p.invoice_id in ids),
        payments=account.payments if whole else tuple(p for p in account.payments if p.invoice_id in ids),
        payment_methods=(),
        royalties=replace(account.royalties, payout_method="") if account.royalties is not None and whole else None,
        refunds=account.refunds if whole else tuple(r for r in account.refunds if r.invoice_id in ids),
        disputes=account.disputes if whole else tuple(d for d in account.disputes if d.invoice_id in ids),
        promises=tuple(p for p in account.promises if p.invoice_id in ids),
        contact_log=(),
    )  # fmt: skip


def covers(account: Account, scope: Scope, invoice: Invoice) -> bool:
    """Whether the invoice is for a title of the scope. One that names no title belongs to none, unless there is only one."""
    if not scope.titles:
        return True
    if len(account.titles) == 1:
        return _named(account.titles[0], scope.titles)
    said = _words(invoice.description)
    about = [t for t in account.titles if f" {_words(t).strip()} " in said]
    return bool(about) and all(_named(t, scope.titles) for t in about)


def without_money(values: Mapping[str, object]) -> dict[str, object]:
    """The values of an answer with every amount gone, for a scope that does not tell amounts."""
    return {name: None if isinstance(value, Money) else value for name, value in values.items()}


def meant(
    found: Sequence[tuple[Authority, Account]], text: str, entities: Entities
) -> tuple[Authority, Account] | None:
    """Which account a person with several authorisations writes about: the one whose author, title or record they name."""
    if len(found) == 1:
        return found[0]
    said = _words(text)
    named = [pair for pair in found if _is_named(pair[1], said, entities)]
    return named[0] if len(named) == 1 else None


@dataclass(frozen=True, slots=True)
class Hearer:
    """One line of the party map: who may hear about a title."""

    person: str
    relation: str
    address: str
    intents: tuple[str, ...]
    money: bool
    ends_at: datetime | None
    authority: str


def party_map(account: Account, authorities: Iterable[Authority], now: datetime) -> dict[str, tuple[Hearer, ...]]:
    """For every title of the account, who besides the author may hear about it now; ``""`` is what belongs to no title."""
    live = [a for a in authorities if a.ref == account.ref and a.is_live(now)]
    return {
        title: tuple(_hearer(a) for a in live if not a.scope.titles or (title and _named(title, a.scope.titles)))
        for title in (*account.titles, "")
    }


def _hearer(a: Authority) -> Hearer:
    return Hearer(a.person, a.relation, a.point.value, a.scope.intents, a.scope.money, a.ends_at, a.id)


def _is_named(account: Account, said: str, entities: Entities) -> bool:
    ids = {*entities.invoice_ids, *entities.payment_ids, *entities.refund_ids, *entities.withdrawal_ids}
    own = {r.id for part in (account.invoices, account.payments, account.refunds) for r in part}
    own |= {w.id for w in account.royalties.withdrawals} if account.royalties else set()
    return bool(ids & own) or any(
        f" {_words(n).strip()} " in said for n in (account.name, *account.titles) if _words(n).strip()
    )


def _named(title: str, titles: Sequence[str]) -> bool:
    return title.casefold() in {t.casefold() for t in titles}


def _words(text: str) -> str:
    """Lower-case words with one space around each, so that whole names are found and parts of words are not."""
    cut = "".join(c if c.isalnum() else " " for c in text.casefold())
    return f" {' '.join(cut.split())} "
