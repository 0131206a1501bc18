"""The embedded ledger on both engines: the port's contract, and what each verb does to the sums."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from inbox.accounts import booking, changes, ledger, records
from inbox.accounts.base import (
    Account,
    AccountRef,
    AccountSource,
    ContactAttempt,
    Dispute,
    Instalment,
    Payment,
    PaymentMethod,
    Plan,
    Promise,
    Refund,
)
from inbox.clock import SetClock
from inbox.db.store import Store, open_store
from inbox.errors import Conflict, NotFound, Unsupported
from inbox.money import Money
from tests.accounts.contract import AT, AccountContract, rich_account, second_account, usd

REF = AccountRef("ledger", "A-900")
LATER = AT + timedelta(hours=1)


def fill(tx: Any) -> None:
    records.account(tx, rich_account("ledger"), AT)
    records.account(tx, second_account("ledger"), AT)


@pytest.fixture
async def ledger_store(store: Store) -> Store:
    await store.run(fill)
    return store


class TestLedgerSource(AccountContract):
    @pytest.fixture
    async def source(self, ledger_store: Store) -> AccountSource:
        return ledger.LedgerSource(
            ledger_store, "https://pay.example/{account}?i={invoice}&a={amount}", SetClock(LATER)
        )

    @pytest.fixture
    async def dead_source(self, tmp_path: Any) -> AccountSource:
        store = open_store(f"sqlite:///{tmp_path / 'no-tables.db'}")
        store.close()
        return ledger.LedgerSource(store)

    async def test_figures_are_as_of_the_reading(self, source: AccountSource) -> None:
        assert (await source.load(REF)).as_of == LATER

    async def test_without_an_address_no_payment_link(self, ledger_store: Store) -> None:
        with pytest.raises(Unsupported, match=r"ledger\.payment_url"):
            await ledger.LedgerSource(ledger_store).payment_link(REF, usd("1.00"))

    async def test_the_link_quotes_what_it_fills_in(self, source: AccountSource) -> None:
        link = await source.payment_link(REF, usd("120.00"), "INV 9/0")
        assert link.url == "https://pay.example/A-900?i=INV%209%2F0&a=120.00"


Verb = Callable[[Any], Any]


async def after(store: Store, verb: Verb) -> Account:
    await store.run(verb)
    return await store.read(lambda tx: ledger.load(tx, REF))


def pay(amount: str, id_: str = "P-950", status: str = "succeeded", **more: Any) -> Payment:
    return Payment(
        id=id_,
        on=date(2026, 3, 11),
        amount=usd(amount),
        method="visa ••4141",
        status=status,
        invoice_id="INV-900",
        **more,
    )


def states(account: Account) -> list[tuple[str, str]]:
    return [(str(i.amount), i.status) for i in account.plans[0].instalments]


# --- revisions --------------------------------------------------------------------------------------------------------


async def test_a_load_is_cached_until_something_changes(ledger_store: Store) -> None:
    first = await ledger_store.read(lambda tx: ledger.load(tx, REF))
    assert await ledger_store.read(lambda tx: ledger.load(tx, REF)) is first
    second = await after(ledger_store, lambda tx: changes.set_flag(tx, "A-900", "hardship", at=LATER))
    assert second.flags == ("vip", "hardship")
    assert second.as_of == LATER
    assert first.flags == ("vip",)


async def test_a_change_rolled_back_is_never_seen_again(ledger_store: Store) -> None:
    def broken(tx: Any) -> None:
        changes.set_flag(tx, "A-900", "fraud", at=LATER)
        assert "fraud" in ledger.load(tx, REF).flags  # read and cached inside the transaction
        raise ValueError

    with pytest.raises(ValueError):
        await ledger_store.run(broken)
    assert (await after(ledger_store, lambda tx: changes.set_flag(tx, "A-900", "legal", at=LATER))).flags == (
        "vip",
        "legal",
    )


async def test_an_uncached_load_is_quick(ledger_store: Store) -> None:
    """Far below three milliseconds on any machine; the limit only catches a statement per record."""

    def load_uncached(tx: Any) -> Account:
        ledger._cache._entries.clear()
        return ledger.load(tx, REF)

    start = time.process_time()
    for _ in range(50):
        ledger_store.read_now(load_uncached)
    assert (time.process_time() - start) / 50 < 0.05


@pytest.mark.parametrize(
    "verb",
    [
        lambda tx: booking.record_payment(tx, "A-404", pay("1.00"), at=AT),
        lambda tx: changes.set_flag(tx, "A-404", "vip", at=AT),
        lambda tx: booking.update_payment(tx, "A-901", "P-900", "failed", at=AT),
        lambda tx: booking.credit_invoice(tx, "A-901", "INV-900", usd("1.00"), credit_id="C", given_by="x", at=AT),
        lambda tx: booking.move_due_date(tx, "A-901", "PL-900", 3, at=AT),
        lambda tx: changes.close_dispute(tx, "A-901", "dp_900", "won", at=AT),
        lambda tx: changes.keep_promise(tx, "A-901", "PR-900", at=AT),
        lambda tx: changes.set_tax_form(tx, "A-901", "W-9", "approved", at=AT),
    ],
)
async def test_nobody_touches_the_records_of_another_author(ledger_store: Store, verb: Verb) -> None:
    before = await ledger_store.read(lambda tx: ledger.load(tx, REF))
    with pytest.raises(NotFound):
        await ledger_store.run(verb)
    assert await ledger_store.read(lambda tx: ledger.load(tx, REF)) is before


async def test_an_id_of_another_author_is_not_overwritten(ledger_store: Store) -> None:
    dispute = rich_account("ledger").disputes[0]
    with pytest.raises(Conflict, match="another author"):
        await ledger_store.run(lambda tx: changes.open_dispute(tx, "A-901", dispute, at=AT))


# --- payments ---------------------------------------------------------------------------------------------------------


async def test_a_payment_pays_the_oldest_instalment_and_cancels_the_retry(ledger_store: Store) -> None:
    account = await after(ledger_store, lambda tx: booking.record_payment(tx, "A-900", pay("120.00"), at=LATER))
    assert account.outstanding == usd("120.00")
    assert account.invoices[0].paid == usd("240.00")
    assert states(account) == [("120.00", "paid"), ("120.00", "paid"), ("120.00", "scheduled")]
    assert account.plans[0].next_retry_on is None


async def test_the_same_payment_twice_counts_once(ledger_store: Store) -> None:
    for _ in range(2):
        account = await after(ledger_store, lambda tx: booking.record_payment(tx, "A-900", pay("120.00"), at=LATER))
    assert account.outstanding == usd("120.00")
    with pytest.raises(Conflict):
        await ledger_store.run(lambda tx: booking.record_payment(tx, "A-900", pay("99.00"), at=LATER))


async def test_a_part_payment_lowers_the_instalment_it_falls_on(ledger_store: Store) -> None:
    account = await after(ledger_store, lambda tx: booking.record_payment(tx, "A-900", pay("50.00"), at=LATER))
    assert states(account) == [("120.00", "paid"), ("70.00", "failed"), ("120.00", "scheduled")]
    assert account.plans[0].next_retry_on == date(2026, 3, 18)
    assert Money.total(i.amount for i in account.plans[0].left) == account.outstanding == usd("190.00")


async def test_the_last_payment_settles_invoice_and_plan(ledger_store: Store) -> None:
    account = await after(ledger_store, lambda tx: booking.record_payment(tx, "A-900", pay("240.00"), at=LATER))
    assert (account.outstanding, account.invoices[0].status) == (usd("0.00"), "paid")
    assert account.plans[0].left == ()


async def test_what_exceeds_the_balance_stays_with_the_payment(ledger_store: Store) -> None:
    account = await after(ledger_store, lambda tx: booking.record_payment(tx, "A-900", pay("300.00"), at=LATER))
    assert account.outstanding == usd("0.00")
    assert account.invoices[0].paid == usd("360.00")
    back = await after(ledger_store, lambda tx: booking.update_payment(tx, "A-900", "P-950", "failed", at=LATER))
    assert back.outstanding == usd("240.00")


async def test_a_pending_payment_counts_when_it_is_captured(ledger_store: Store) -> None:
    account = await after(
        ledger_store, lambda tx: booking.record_payment(tx, "A-900", pay("120.00", status="pending"), at=LATER)
    )
    assert account.outstanding == usd("240.00")
    account = await after(ledger_store, lambda tx: booking.update_payment(tx, "A-900", "P-950", "succeeded", at=LATER))
    assert account.outstanding == usd("120.00")
    assert states(account)[1] == ("120.00", "paid")


async def test_a_returned_payment_opens_the_newest_instalment_again(ledger_store: Store) -> None:
    await ledger_store.run(lambda tx: booking.record_payment(tx, "A-900", pay("170.00"), at=LATER))
    account = await after(
        ledger_store,
        lambda tx: booking.update_payment(tx, "A-900", "P-950", "failed", decline_code="R01", at=LATER),
    )
    assert account.outstanding == usd("240.00")
    assert states(account) == [("120.00", "paid"), ("120.00", "failed"), ("120.00", "scheduled")]
    assert account.payments[-1].decline_code == "R01"


async def test_a_failed_payment_marks_the_instalment_that_was_due(ledger_store: Store) -> None:
    await ledger_store.run(lambda tx: booking.record_payment(tx, "A-900", pay("120.00"), at=LATER))
    failed = dataclasses.replace(pay("120.00", "P-951", "failed", decline_code="expired_card"), on=date(2026, 4, 15))
    account = await after(
        ledger_store,
        lambda tx: booking.record_payment(tx, "A-900", failed, next_retry_on=date(2026, 4, 18), at=LATER),
    )
    assert states(account)[2] == ("120.00", "failed")
    assert account.plans[0].next_retry_on == date(2026, 4, 18)
    assert account.outstanding == usd("120.00")


async def test_two_writers_of_one_author_lose_nothing(ledger_store: Store) -> None:
    import asyncio

    def paying(n: int) -> Verb:
        return lambda tx: booking.record_payment(tx, "A-900", pay("10.00", f"P-{n}"), at=LATER)

    await asyncio.gather(*(ledger_store.run(paying(n)) for n in range(950, 970)))
    account = await ledger_store.read(lambda tx: ledger.load(tx, REF))
    assert account.outstanding == usd("40.00")


# --- credits and plans ------------------------------------------------------------------------------------------------


async def test_a_credit_lowers_what_the_invoice_comes_to(ledger_store: Store) -> None:
    def credit(tx: Any) -> None:
        booking.credit_invoice(tx, "A-900", "INV-900", usd("30.00"), credit_id="CR-9", given_by="U-1", at=LATER)

    await ledger_store.run(credit)
    account = await after(ledger_store, credit)  # told twice
    invoice = account.invoices[0]
    assert (invoice.total, invoice.paid, invoice.balance) == (usd("330.00"), usd("120.00"), usd("210.00"))
    assert account.outstanding == usd("210.00") == Money.total(i.amount for i in account.plans[0].left)
    assert states(account)[2] == ("90.00", "scheduled")


async def test_a_credit_beyond_the_balance_is_owed_to_the_author(ledger_store: Store) -> None:
    applied = await ledger_store.run(
        lambda tx: booking.credit_invoice(
            tx, "A-900", "INV-900", usd("300.00"), credit_id="CR-9", given_by="U-1", at=LATER
        )
    )
    assert applied == usd("240.00")
    account = await ledger_store.read(lambda tx: ledger.load(tx, REF))
    assert (account.outstanding, account.invoices[0].status) == (usd("0.00"), "paid")


async def test_a_void_invoice_is_owed_no_more(ledger_store: Store) -> None:
    account = await after(ledger_store, lambda tx: booking.void_invoice(tx, "A-900", "INV-900", at=LATER))
    assert account.outstanding == usd("0.00")
    assert account.invoices[0].status == "void"


async def test_a_new_plan_replaces_the_old_one(ledger_store: Store) -> None:
    parts = tuple(
        Instalment(number=n + 1, due_on=date(2026, 5 + n, 2), amount=amount, status="scheduled")
        for n, amount in enumerate(usd("240.00").split(3))
    )
    plan = Plan(id="PL-950", invoice_id="INV-900", instalments=parts, approved_by="U-7")
    account = await after(ledger_store, lambda tx: booking.replace_plan(tx, "A-900", plan, at=LATER))
    assert account.plans == (plan,)
    assert account.invoices[0].due_on == date(2026, 7, 2)
    account = await after(ledger_store, lambda tx: booking.record_payment(tx, "A-900", pay("80.00"), at=LATER))
    assert [i.status for i in account.plans[0].instalments] == ["paid", "scheduled", "scheduled"]


async def test_a_plan_that_does_not_add_up_is_refused(ledger_store: Store) -> None:
    part = Instalment(number=1, due_on=date(2026, 5, 2), amount=usd("200.00"), status="scheduled")
    plan = Plan(id="PL-950", invoice_id="INV-900", instalments=(part,))
    with pytest.raises(Conflict, match=r"200\.00.*240\.00"):
        await ledger_store.run(lambda tx: booking.replace_plan(tx, "A-900", plan, at=LATER))


async def test_due_dates_move_once(ledger_store: Store) -> None:
    moved = await ledger_store.run(lambda tx: booking.move_due_date(tx, "A-900", "PL-900", 6, at=LATER))
    assert moved == (date(2026, 4, 15), date(2026, 4, 21))
    account = await ledger_store.read(lambda tx: ledger.load(tx, REF))
    assert [i.due_on for i in account.plans[0].instalments] == [date(2026, 2, 15), date(2026, 3, 10), date(2026, 4, 21)]
    assert account.invoices[0].due_on == date(2026, 4, 21)
    with pytest.raises(Conflict, match="once"):
        await ledger_store.run(lambda tx: booking.move_due_date(tx, "A-900", "PL-900", 1, at=LATER))


# --- everything around ------------------------------------------------------------------------------------------------


async def test_a_new_default_method_is_the_only_one(ledger_store: Store) -> None:
    method = PaymentMethod(id="pm_10", type="card", brand="visa", last4="2020", expires="01/30", default=True)
    account = await after(ledger_store, lambda tx: changes.add_payment_method(tx, "A-900", method, at=LATER))
    assert [(m.last4, m.default) for m in account.payment_methods] == [("2020", True), ("4141", False)]


async def test_a_paid_refund_marks_its_payment(ledger_store: Store) -> None:
    refund = Refund(
        id="RF-901", invoice_id="INV-900", payment_id="P-900", amount=usd("120.00"), status="paid",
        approved_on=date(2026, 3, 11), method="visa ••4141",
    )  # fmt: skip
    account = await after(ledger_store, lambda tx: changes.save_refund(tx, "A-900", refund, at=LATER))
    assert account.refunds[-1] == refund
    assert account.payments[0].status == "refunded"


async def test_disputes_open_and_close(ledger_store: Store) -> None:
    dispute = Dispute(
        id="D-1", invoice_id="INV-900", amount=usd("10.00"), reason="wrong_amount", opened_on=date(2026, 3, 11),
        status="under_review",
    )  # fmt: skip
    account = await after(ledger_store, lambda tx: changes.open_dispute(tx, "A-900", dispute, at=LATER))
    assert account.disputed_invoice_ids == {"INV-900"}
    await ledger_store.run(lambda tx: changes.close_dispute(tx, "A-900", "dp_900", "won", at=LATER))
    account = await after(ledger_store, lambda tx: changes.close_dispute(tx, "A-900", "D-1", "withdrawn", at=LATER))
    assert account.disputed_invoice_ids == frozenset()
    with pytest.raises(Conflict):
        await ledger_store.run(lambda tx: changes.close_dispute(tx, "A-900", "D-1", "nearly", at=LATER))


async def test_promises_are_kept_or_broken_once(ledger_store: Store) -> None:
    promise = Promise(
        id="PR-2", invoice_id="INV-900", amount=usd("60.00"), on=date(2026, 3, 14), status="open",
        made_on=date(2026, 3, 11), words="saturday",
    )  # fmt: skip
    await ledger_store.run(lambda tx: changes.save_promise(tx, "A-900", promise, at=LATER))
    await ledger_store.run(lambda tx: changes.break_promise(tx, "A-900", "PR-2", at=LATER))
    account = await after(ledger_store, lambda tx: changes.keep_promise(tx, "A-900", "PR-900", at=LATER))
    assert [(p.id, p.status) for p in account.promises] == [("PR-900", "kept"), ("PR-2", "broken")]
    with pytest.raises(Conflict, match="broken already"):
        await ledger_store.run(lambda tx: changes.keep_promise(tx, "A-900", "PR-2", at=LATER))


async def test_royalty_settings_and_contact_data(ledger_store: Store) -> None:
    until = datetime(2026, 3, 14, 15, 0, tzinfo=UTC)

    def change(tx: Any) -> None:
        changes.set_tax_form(tx, "A-900", "W-8BEN", "expired", at=LATER)
        changes.set_payout_method(tx, "A-900", "paypal ••r@f", hold_until=until, at=LATER)
        changes.set_consent(tx, "A-900", "sms", given=False, at=LATER)
        changes.set_contact(tx, "A-900", email="New@Farrow.example", at=LATER)
        changes.set_flag(tx, "A-900", "vip", on=False, at=LATER)
        changes.log_contact(tx, "A-900", ContactAttempt(at=LATER, channel="sms", outcome="sent"), at=LATER)

    account = await after(ledger_store, change)
    assert account.royalties
    assert (account.royalties.tax_form, account.royalties.tax_form_status) == ("W-8BEN", "expired")
    assert (account.royalties.payout_method, account.royalties.hold_until) == ("paypal ••r@f", until)
    assert account.consents == {"sms": False, "email": True, "call": False}
    assert (account.email, account.phone, account.flags) == ("new@farrow.example", "+12025550117", ())
    assert [c.channel for c in account.contact_log] == ["call", "sms"]
