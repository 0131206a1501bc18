"""What every source of accounts promises. A subclass gives ``source`` and ``dead_source``; each test runs against it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from inbox.accounts.base import (
    Account,
    AccountRef,
    AccountSource,
    ContactAttempt,
    Dispute,
    Instalment,
    Invoice,
    Payment,
    PaymentLink,
    PaymentMethod,
    Plan,
    Promise,
    Refund,
    Royalties,
    Withdrawal,
)
from inbox.errors import NotFound, Transient
from inbox.message import ContactPoint
from inbox.money import Money

AT = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)


def usd(text: str) -> Money:
    return Money.of(text)


def rich_account(source: str) -> Account:
    """One account with every kind of record."""
    return Account(
        ref=AccountRef(source, "A-900"), as_of=AT, name="Ottoline Farrow-Achterberg", email="ottoline@farrow.example",
        phone="+12025550117", timezone="America/New_York", language="en", region="US-MD",
        titles=("Marsh Lights", "The Ferryman's Arithmetic"), outstanding=usd("240.00"),
        invoices=(
            Invoice(id="INV-900", description="Editing", issued_on=date(2026, 1, 5), due_on=date(2026, 4, 15),
                    total=usd("360.00"), paid=usd("120.00"), balance=usd("240.00"), status="open"),
        ),
        plans=(
            Plan(id="PL-900", invoice_id="INV-900", next_retry_on=date(2026, 3, 18), instalments=(
                Instalment(number=1, due_on=date(2026, 2, 15), amount=usd("120.00"), status="paid"),
                Instalment(number=2, due_on=date(2026, 3, 10), amount=usd("120.00"), status="failed"),
                Instalment(number=3, due_on=date(2026, 4, 15), amount=usd("120.00"), status="scheduled"),
            )),
        ),
        payments=(
            Payment(id="P-900", on=date(2026, 2, 15), amount=usd("120.00"), method="visa ••4141", status="succeeded",
                    invoice_id="INV-900"),
            Payment(id="P-901", on=date(2026, 3, 10), amount=usd("120.00"), method="visa ••4141", status="failed",
                    invoice_id="INV-900", decline_code="do_not_honor"),
        ),
        payment_methods=(PaymentMethod(id="pm_9", type="card", brand="visa", last4="4141", expires="09/27", default=True),),
        royalties=Royalties(
            available=usd("81.20"), pending=usd("14.00"), returns_reserve=usd("6.30"), threshold=usd("50.00"),
            next_run_on=date(2026, 3, 20), tax_form="W-9", tax_form_status="approved", payout_method="bank ••8081",
            hold_until=datetime(2026, 3, 12, 9, 0, tzinfo=UTC),
            withdrawals=(Withdrawal(id="WD-900", amount=usd("60.00"), requested_on=date(2026, 1, 20), status="paid",
                                    paid_on=date(2026, 1, 26)),),
        ),
        refunds=(Refund(id="RF-900", invoice_id="INV-900", payment_id="P-900", amount=usd("20.00"), status="approved",
                        approved_on=date(2026, 3, 2), method="visa ••4141", expected="5-10 business days"),),
        disputes=(Dispute(id="dp_900", invoice_id="INV-900", amount=usd("120.00"), reason="13.1", payment_id="P-900",
                          opened_on=date(2026, 3, 4), status="needs_response", network="visa",
                          respond_by=date(2026, 3, 20)),),
        promises=(Promise(id="PR-900", invoice_id="INV-900", amount=usd("120.00"), on=date(2026, 3, 20), status="open",
                          made_on=date(2026, 3, 9), words="on the 20th"),),
        contact_log=(ContactAttempt(at=AT, channel="call", outcome="no_answer"),),
        consents={"sms": True, "email": True, "call": False}, flags=("vip",),
    )  # fmt: skip


def second_account(source: str) -> Account:
    """Shares the first one's phone: a couple."""
    return Account(
        ref=AccountRef(source, "A-901"), as_of=AT, name="Ansel Farrow", email="ansel@farrow.example", phone="+12025550117",
        timezone="America/New_York", language="en", region="US-MD",
    )  # fmt: skip


class AccountContract:
    @pytest.fixture
    async def source(self) -> AccountSource:
        """The source, holding ``rich_account`` and ``second_account``."""
        raise NotImplementedError

    @pytest.fixture
    async def dead_source(self) -> AccountSource:
        """The same with its far end down."""
        raise NotImplementedError

    def expected(self, source: AccountSource) -> Account:
        """``rich_account``, or the part of it that this source can know."""
        return rich_account(source.name)

    def assert_names_the_invoice(self, link: PaymentLink, source: AccountSource) -> None:
        """What tells that the link is for INV-900."""
        assert "INV-900" in link.url

    async def test_finds_by_email_whatever_its_case(self, source: AccountSource) -> None:
        found = await source.find(ContactPoint("email", "Ottoline@Farrow.example"))
        assert list(found) == [AccountRef(source.name, "A-900")]

    async def test_finds_all_accounts_of_one_address(self, source: AccountSource) -> None:
        found = await source.find(ContactPoint("phone", "+12025550117"))
        assert [r.id for r in found] == ["A-900", "A-901"]

    @pytest.mark.parametrize(
        "point",
        [ContactPoint("email", "nobody@farrow.example"), ContactPoint("phone", ""), ContactPoint("chat", "A-900")],
    )
    async def test_finds_nothing_for_a_stranger(self, source: AccountSource, point: ContactPoint) -> None:
        assert list(await source.find(point)) == []

    async def test_loads_the_whole_account(self, source: AccountSource) -> None:
        account = await source.load(AccountRef(source.name, "A-900"))
        assert account == dataclasses.replace(self.expected(source), as_of=account.as_of)

    async def test_an_account_is_frozen_and_knows_where_and_when_its_figures_come_from(
        self, source: AccountSource
    ) -> None:
        account = await source.load(AccountRef(source.name, "A-900"))
        with pytest.raises(dataclasses.FrozenInstanceError):
            account.name = "Somebody Else"  # type: ignore[misc]
        assert account.as_of.tzinfo is not None
        assert account.source_of("INV-900") == f"{source.name}:A-900/INV-900"
        assert account.outstanding.decimal == Decimal("240.00")

    async def test_an_empty_account_owes_nothing(self, source: AccountSource) -> None:
        account = await source.load(AccountRef(source.name, "A-901"))
        assert account.outstanding == Money(0)
        assert account.invoices == account.payments == account.plans == ()
        assert account.royalties is None

    async def test_an_unknown_account_is_not_found(self, source: AccountSource) -> None:
        with pytest.raises(NotFound):
            await source.load(AccountRef(source.name, "A-404"))

    async def test_a_ref_of_another_source_is_not_found(self, source: AccountSource) -> None:
        with pytest.raises(NotFound):
            await source.load(AccountRef("elsewhere", "A-900"))

    async def test_a_payment_link_names_the_invoice(self, source: AccountSource) -> None:
        link = await source.payment_link(AccountRef(source.name, "A-900"), usd("120.00"), "INV-900")
        assert link.url.startswith("https://")
        self.assert_names_the_invoice(link, source)

    async def test_a_dead_far_end_is_transient(self, dead_source: AccountSource) -> None:
        with pytest.raises(Transient):
            await dead_source.load(AccountRef(dead_source.name, "A-900"))
