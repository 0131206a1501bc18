"""Accounts at Stripe over a local Stripe: the port's contract, its failures, and the pages to pay on."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from inbox.accounts.base import Account, AccountRef, AccountSource, PaymentLink, SourceNotice
from inbox.accounts.stripe import StripeSource
from inbox.clock import SetClock
from inbox.errors import Conflict, NotFound, Permanent, Transient, Unsupported
from inbox.message import ContactPoint
from inbox.money import Money
from inbox.settings import Company, Stripe
from tests.accounts.contract import AT, AccountContract, rich_account, second_account, usd
from tests.emulators import stripe_objects as objects
from tests.emulators.stripe import Fault, StripeEmulator
from tests.emulators.stripe_seed import seed

REF = AccountRef("stripe", "A-900")
KEY = "sk_test_emulator"


def stripes_part(account: Account) -> Account:
    """What Stripe can know of an account; the rest is the ledger's."""
    refunds = tuple(dataclasses.replace(r, status="paid") for r in account.refunds)
    return dataclasses.replace(
        account, titles=(), royalties=None, promises=(), contact_log=(), consents={}, flags=(), refunds=refunds
    )


@pytest.fixture
async def emulator() -> AsyncIterator[StripeEmulator]:
    made = StripeEmulator()
    yield made
    await made.stop()


async def source_of(emulator: StripeEmulator, clock: SetClock | None = None, **settings: Any) -> StripeSource:
    url = await emulator.start()
    told = {
        "api_keys": (KEY,),
        "api_base": url,
        "timeout_seconds": 2,
        "deadline_seconds": 4,
        "max_retries": 0,
    } | settings
    return StripeSource(Stripe(**told), Company(), "https://inbox.example/done", clock=clock or SetClock(AT))


@pytest.fixture
async def filled(emulator: StripeEmulator) -> AsyncIterator[StripeSource]:
    for account in (rich_account("stripe"), second_account("stripe")):
        seed(emulator, stripes_part(account))
    source = await source_of(emulator)
    yield source
    await source.close()


class TestStripeSource(AccountContract):
    @pytest.fixture
    async def source(self, filled: StripeSource) -> AccountSource:
        return filled

    @pytest.fixture
    async def dead_source(self, emulator: StripeEmulator) -> AsyncIterator[AccountSource]:
        source = await source_of(emulator)
        await emulator.stop()
        yield source
        await source.close()

    def expected(self, source: AccountSource) -> Account:
        return stripes_part(rich_account(source.name))

    def assert_names_the_invoice(self, link: PaymentLink, source: AccountSource) -> None:
        assert link.url == "https://checkout.stripe.com/c/pay/cs_test_1"


@pytest.fixture
def asked(emulator: StripeEmulator, filled: StripeSource) -> StripeEmulator:
    return emulator


async def test_the_page_has_amount_invoice_and_customer_filled_in(
    filled: StripeSource, emulator: StripeEmulator
) -> None:
    await filled.payment_link(REF, usd("50.00"), "INV-900")
    told = emulator.sessions["cs_test_1"]["asked"]
    assert told["line_items[0][price_data][unit_amount]"] == "5000"
    assert told["line_items[0][price_data][product_data][name]"] == "Invoice INV-900"
    assert told["payment_intent_data[metadata][inbox_invoice]"] == "in_INV-900"
    assert told["customer"] == "A-900"


async def test_the_same_wish_leads_to_the_same_page_and_another_one_to_another(
    filled: StripeSource, emulator: StripeEmulator
) -> None:
    first = await filled.payment_link(REF, usd("50.00"), "INV-900")
    assert await filled.payment_link(REF, usd("50.00"), "INV-900") == first
    assert await filled.payment_link(REF, usd("60.00"), "INV-900") != first
    emulator.paid("ch_9", "A-900", 5000, "in_INV-900")
    assert await filled.payment_link(REF, usd("50.00"), "INV-900") != first  # the first page is used up


async def test_who_turns_round_comes_back_to_where_they_were(filled: StripeSource, emulator: StripeEmulator) -> None:
    back = "https://inbox.example/l/abc"
    first = await filled.payment_link(REF, usd("50.00"), "INV-900", back=back)
    told = emulator.sessions["cs_test_1"]["asked"]
    assert (told["cancel_url"], told["success_url"]) == (back, "https://inbox.example/done")
    assert await filled.payment_link(REF, usd("50.00"), "INV-900", back=back) == first
    assert await filled.payment_link(REF, usd("50.00"), "INV-900", back=f"{back}d") != first
    await filled.method_link(REF, back=back)
    asked = emulator.calls[-1][1]
    assert asked["return_url"] == back
    assert asked["flow_data[after_completion][redirect][return_url]"] == "https://inbox.example/done"


@pytest.mark.parametrize("amount", ["240.01", "999999.00"])
async def test_nobody_is_led_to_pay_more_than_is_left(filled: StripeSource, amount: str) -> None:
    with pytest.raises(Conflict, match=r"only 240\.00 USD of INV-900 is left"):
        await filled.payment_link(REF, usd(amount), "INV-900")


@pytest.mark.parametrize("amount", [Money(0), Money(-500)])
async def test_nothing_and_less_cannot_be_paid(filled: StripeSource, amount: Money) -> None:
    with pytest.raises(Permanent, match="cannot be charged"):
        await filled.payment_link(REF, amount, "INV-900")


async def test_another_currency_is_refused(filled: StripeSource) -> None:
    with pytest.raises(Conflict, match="cannot be paid in EUR"):
        await filled.payment_link(REF, Money.of("50.00", "EUR"), "INV-900")


async def test_an_invoice_that_is_not_open_cannot_be_paid(filled: StripeSource) -> None:
    with pytest.raises(Conflict, match="nothing to pay"):
        await filled.payment_link(REF, usd("1.00"), "INV-404")


async def test_the_card_is_changed_in_the_customer_portal(filled: StripeSource, emulator: StripeEmulator) -> None:
    link = await filled.method_link(REF)
    assert link.url.startswith("https://billing.stripe.com/")
    assert emulator.calls[-1][1]["flow_data[type]"] == "payment_method_update"
    emulator.portal = False
    filled._clock.tick(120)  # type: ignore[attr-defined]
    with pytest.raises(Unsupported, match="switch on the customer portal"):
        await filled.method_link(REF)


async def test_a_payment_through_our_page_is_booked_to_its_invoice_once(
    filled: StripeSource, emulator: StripeEmulator
) -> None:
    await filled.payment_link(REF, usd("50.00"), "INV-900")
    emulator.pay("cs_test_1", "ch_50")
    unbooked = await filled.load(REF)
    assert unbooked.doubt is not None
    assert unbooked.doubt.text == "ch_50 was paid for INV-900, which does not show it"
    assert [await filled.credit(REF), await filled.credit(REF)] == [1, 0]
    account = await filled.load(REF)
    assert account.doubt is None
    assert account.outstanding == usd("190.00")
    assert next(p for p in account.payments if p.id == "ch_50").invoice_id == "INV-900"


# --- the far end fails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 503, 429, 409])
async def test_a_troubled_stripe_is_transient(filled: StripeSource, emulator: StripeEmulator, status: int) -> None:
    emulator.always = Fault(status=status, headers={"Retry-After": "7"})
    with pytest.raises(Transient) as caught:
        await filled.load(REF)
    assert caught.value.retry_after == (7 if status == 429 else None)


async def test_an_answer_that_is_no_json_is_transient(filled: StripeSource, emulator: StripeEmulator) -> None:
    emulator.always = Fault(status=200, body="<html>maintenance</html>")
    with pytest.raises(Transient):
        await filled.load(REF)


async def test_a_hanging_stripe_ends_in_time(emulator: StripeEmulator) -> None:
    seed(emulator, stripes_part(rich_account("stripe")))
    emulator.always = Fault(status=500, wait=30)
    source = await source_of(emulator, timeout_seconds=1, deadline_seconds=1)
    with pytest.raises(Transient):
        await source.load(REF)
    await source.close()


async def test_reading_is_retried_and_the_account_is_whole(emulator: StripeEmulator) -> None:
    seed(emulator, stripes_part(rich_account("stripe")))
    emulator.faults = [Fault(status=503), Fault()]
    source = await source_of(emulator, max_retries=2, deadline_seconds=10, timeout_seconds=5)
    assert (await source.load(REF)).outstanding == usd("240.00")
    await source.close()


async def test_a_write_whose_answer_was_lost_is_done_once(emulator: StripeEmulator) -> None:
    seed(emulator, stripes_part(rich_account("stripe")))
    source = await source_of(emulator, max_retries=2, deadline_seconds=10, timeout_seconds=5)
    await source._wire.call(lambda v1, o: v1.customers.retrieve_async("A-900", None, o))
    wanted = {
        "customer": "A-900",
        "return_url": "https://inbox.example/",
        "flow_data": {"type": "payment_method_update"},
    }
    emulator.faults = [Fault(status=500, after=True)]
    await source._wire.call(lambda v1, o: v1.billing_portal.sessions.create_async(wanted, o), key="one")
    assert len(emulator._done) == 1
    emulator.paid("ch_50", "A-900", 5000, metadata={"inbox_invoice": "in_INV-900"})
    emulator.faults = [*[Fault(status=503)] * 0]
    await source.credit(REF)
    assert emulator.get("invoices", "in_INV-900")["amount_remaining"] == 19000  # type: ignore[index]
    await source.close()


async def test_a_rolled_key_gives_way_to_the_next(emulator: StripeEmulator) -> None:
    seed(emulator, stripes_part(rich_account("stripe")))
    source = await source_of(emulator, api_keys=("sk_test_old", KEY))
    assert (await source.load(REF)).name == "Ottoline Farrow-Achterberg"
    await source.close()


async def test_when_no_key_is_accepted_the_fix_is_named(emulator: StripeEmulator) -> None:
    source = await source_of(emulator, api_keys=("sk_test_old", "sk_test_older"))
    with pytest.raises(Permanent, match=r"stripe\.api_keys"):
        await source.check()
    await source.close()


async def test_nothing_shows_a_key(emulator: StripeEmulator) -> None:
    source = await source_of(emulator, webhook_secrets=("whsec_hush",))
    shown = f"{source!r} {source._wire!r} {source._settings!r} {vars(source)}"
    assert KEY not in shown
    assert "whsec_hush" not in shown
    await source.close()


async def test_a_deleted_customer_is_not_found(filled: StripeSource, emulator: StripeEmulator) -> None:
    emulator.put("customers", {"id": "A-900", "object": "customer", "deleted": True, "created": 1, "email": None})
    with pytest.raises(NotFound):
        await filled.load(REF)
    assert list(await filled.find(ContactPoint("email", "ottoline@farrow.example"))) == []


async def test_unknown_parameters_would_be_refused(emulator: StripeEmulator) -> None:
    """The emulator's own honesty: a call that Stripe would refuse does not pass here either."""
    source = await source_of(emulator)
    with pytest.raises(Permanent, match="unknown parameter: colour"):
        await source._wire.call(lambda v1, o: v1.customers.list_async({"colour": "red"}, o))
    await source.close()


# --- finding and reading ----------------------------------------------------------------------------------------------


async def test_long_lists_are_read_to_the_end(filled: StripeSource, emulator: StripeEmulator) -> None:
    for n in range(230):
        emulator.put("charges", objects.charge(f"ch_{n}", "A-900", emulator.now + n, 100))
        emulator.put("invoices", objects.invoice(f"in_{n}", "A-900", emulator.now + n, 100, number=f"INV-X{n}"))
        emulator.invoice_payments.append(objects.invoice_payment("in_INV-900", f"pi_x{n}", emulator.now, 1))
    account = await filled.load(REF)
    assert len(account.payments) == 232
    assert account.outstanding == usd("470.00")


async def test_more_records_than_are_read_is_an_error_not_a_part(
    filled: StripeSource, emulator: StripeEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbox.accounts.stripe_wire.PAGES", 1)
    for n in range(150):
        emulator.put("charges", objects.charge(f"ch_{n}", "A-900", emulator.now + n, 100))
    with pytest.raises(Permanent, match="more than"):
        await filled.load(REF)


async def test_a_quote_in_an_address_cannot_widen_the_search(filled: StripeSource, emulator: StripeEmulator) -> None:
    point = ContactPoint("email", "x' OR email:'ottoline@farrow.example")
    assert list(await filled.find(point)) == []
    assert emulator.calls[-1][1]["query"] == "email:'x\\' or email:\\'ottoline@farrow.example'"


async def test_who_a_dispute_belongs_to_is_asked_by_its_charge(filled: StripeSource) -> None:
    emulator_notice = SourceNotice(source="stripe", event_id="evt_1", kind="chargeback", type="x", record_id="ch_404")
    assert await filled.owner(emulator_notice) is None
    assert await filled.owner(dataclasses.replace(emulator_notice, account_id="A-900")) == REF


async def test_check_says_what_can_be_read(filled: StripeSource, emulator: StripeEmulator) -> None:
    assert "can be read, test mode; no webhook" in await filled.check()
    emulator.always = Fault(status=403)
    with pytest.raises(Permanent, match="may not do this"):
        await filled.check()


async def test_days_are_those_of_the_authors_zone(filled: StripeSource, emulator: StripeEmulator) -> None:
    midnight = 1_773_201_600  # 2026-03-11 04:00 UTC, midnight in New York
    emulator.put("charges", objects.charge("ch_a", "A-900", midnight - 1, 100))
    emulator.put("charges", objects.charge("ch_b", "A-900", midnight, 100))
    days = {p.id: p.on for p in (await filled.load(REF)).payments}
    assert (days["ch_a"], days["ch_b"]) == (date(2026, 3, 10), date(2026, 3, 11))


async def test_a_later_day_turns_an_open_instalment_into_a_late_one(emulator: StripeEmulator) -> None:
    seed(emulator, stripes_part(rich_account("stripe")))
    source = await source_of(emulator, SetClock(AT + timedelta(days=36)))
    states = [i.status for i in (await source.load(REF)).plans[0].instalments]
    assert states == ["paid", "failed", "failed"]
    await source.close()


@pytest.mark.parametrize("kind", ["customers", "invoices", "charges", "refunds", "disputes", "payment_methods"])
@pytest.mark.parametrize("junk", ["text", 7, True, [1], {"a": 1}, None])
async def test_records_of_another_shape_are_an_error_or_left_out_never_a_crash(
    filled: StripeSource, emulator: StripeEmulator, kind: str, junk: Any
) -> None:
    """As an API version from another year might tell them."""
    whole = await filled.load(REF)
    record = emulator.held[kind][0]
    for field in [f for f in record if f not in ("id", "object", "customer", "created", "charge", "invoice")]:
        kept, record[field] = record[field], junk
        try:
            account = await filled.load(REF)
        except Permanent:
            pass
        else:
            assert account.doubt is not None or account.outstanding == whole.outstanding, field
        record[field] = kept
