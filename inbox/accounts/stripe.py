"""Accounts at Stripe behind the account port: customers with all their records, safe pages to pay on, signed webhooks.

https://docs.stripe.com/api; the library pins the API version, so an account that has another default changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from aiohttp import web

from inbox.accounts import stripe_door as door
from inbox.accounts.base import Account, AccountRef, PaymentLink, SourceEvents, SourceNotice
from inbox.accounts.stripe_account import FOR_INVOICE, SOURCE, Told, account, id_of, number, uncredited
from inbox.accounts.stripe_amounts import money, written
from inbox.accounts.stripe_wire import Wire, together
from inbox.clock import Clock, SystemClock, from_micros
from inbox.errors import Conflict, NotFound, Permanent, Unsupported
from inbox.message import ContactPoint
from inbox.money import Money
from inbox.settings import Company, Stripe

PATH = "/stripe/webhook"
_SAME_WISH = 12 * 3600  # seconds in which the same wish to pay leads to the same page
_EXPANDED = ["data.payments"]


class StripeSource:
    """``return_url`` is where Stripe's pages lead back to."""

    def __init__(
        self,
        settings: Stripe,
        company: Company,
        return_url: str,
        *,
        clock: Clock | None = None,
        wire: Wire | None = None,
    ) -> None:
        self._settings = settings
        self._company = company
        self._return_url = return_url
        self._clock = clock or SystemClock()
        self._wire = wire or Wire(settings)

    @property
    def name(self) -> str:
        return SOURCE

    @property
    def payment_hosts(self) -> tuple[str, ...]:
        return ("https://checkout.stripe.com", "https://billing.stripe.com")

    # Reading -------------------------------------------------------------------------------------------------------

    async def find(self, point: ContactPoint) -> Sequence[AccountRef]:
        """By the list, which is up to the second but minds case, and by the search, which is neither."""
        value = point.value.strip()
        if point.kind == "chat" or not value:
            return []
        async with self._wire.in_time():
            if point.kind == "phone":
                found = await self._search("phone", value)
            else:
                listed = await self._wire.every(
                    lambda v1, paging, o: v1.customers.list_async({"email": value.lower(), **paging}, o)
                )
                found = [*listed, *await self._search("email", value.lower())]
        same = {
            c["id"]
            for c in found
            if not c.get("deleted") and str(c.get(point.kind) or "").strip().lower() == value.lower()
        }
        return [AccountRef(SOURCE, id_) for id_ in sorted(same)]

    async def _search(self, field: str, value: str) -> list[dict[str, Any]]:
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        params = {"query": f"{field}:'{quoted}'", "limit": 100}
        page = await self._wire.call(lambda v1, o: v1.customers.search_async(params, o))
        return list(page.get("data") or ())

    async def load(self, ref: AccountRef) -> Account:
        as_of = self._clock.now()  # before the first question, so that nothing told later counts as known
        _own(ref)
        async with self._wire.in_time():
            customer = await self._customer(ref.id)
            invoices, charges, methods = await together(
                self._invoices(ref.id), self._charges(ref.id), self._methods(ref.id)
            )
            refunds = [r for c in charges for r in await self._refunds(c)]
            disputes = [d for c in charges if c.get("disputed") for d in await self._disputes(c["id"])]
            return account(
                Told(
                    customer=customer, invoices=invoices, charges=charges, refunds=refunds, disputes=disputes,
                    methods=methods, as_of=as_of, timezone=self._company.timezone, currency=self._company.currency,
                )
            )  # fmt: skip

    async def _customer(self, id_: str) -> dict[str, Any]:
        customer = await self._wire.call(lambda v1, o: v1.customers.retrieve_async(id_, None, o))
        if customer.get("deleted"):
            raise NotFound(f"there is no account {SOURCE}:{id_} any more")
        return customer

    async def _invoices(self, customer: str) -> list[dict[str, Any]]:
        params = {"customer": customer, "expand": _EXPANDED}
        found = await self._wire.every(lambda v1, paging, o: v1.invoices.list_async({**params, **paging}, o))
        for invoice in found:
            if (invoice.get("payments") or {}).get("has_more"):
                rest = await self._payments(invoice["id"])
                invoice["payments"] = {"object": "list", "data": rest, "has_more": False}
        return found

    async def _payments(self, invoice: str) -> list[dict[str, Any]]:
        return await self._wire.every(
            lambda v1, paging, o: v1.invoice_payments.list_async({"invoice": invoice, **paging}, o)
        )

    async def _charges(self, customer: str) -> list[dict[str, Any]]:
        params = {"customer": customer, "expand": ["data.refunds"]}
        return await self._wire.every(lambda v1, paging, o: v1.charges.list_async({**params, **paging}, o))

    async def _refunds(self, charge: dict[str, Any]) -> list[dict[str, Any]]:
        listed = charge.get("refunds")
        if isinstance(listed, dict) and not listed.get("has_more"):
            return list(listed.get("data") or ())
        wanted = {"charge": charge["id"]}
        return await self._wire.every(lambda v1, paging, o: v1.refunds.list_async({**wanted, **paging}, o))

    async def _disputes(self, charge: str) -> list[dict[str, Any]]:
        return await self._wire.every(lambda v1, paging, o: v1.disputes.list_async({"charge": charge, **paging}, o))

    async def _methods(self, customer: str) -> list[dict[str, Any]]:
        return await self._wire.every(
            lambda v1, paging, o: v1.customers.payment_methods.list_async(customer, dict(paging), o)
        )

    async def owner(self, notice: SourceNotice) -> AccountRef | None:
        if notice.account_id:
            return AccountRef(SOURCE, notice.account_id)
        record = notice.record_id
        async with self._wire.in_time():
            try:
                if record.startswith(("ch_", "py_")):
                    found = await self._wire.call(lambda v1, o: v1.charges.retrieve_async(record, None, o))
                elif record.startswith("pi_"):
                    found = await self._wire.call(lambda v1, o: v1.payment_intents.retrieve_async(record, None, o))
                else:
                    return None
            except NotFound:
                return None
        customer = id_of(found.get("customer"))
        return AccountRef(SOURCE, customer) if customer else None

    # Writing -------------------------------------------------------------------------------------------------------

    async def credit(self, ref: AccountRef) -> int:
        _own(ref)
        async with self._wire.in_time():
            invoices, charges = await together(self._invoices(ref.id), self._charges(ref.id))
            pairs = [(i["id"], id_of(c.get("payment_intent"))) for i, c in uncredited(invoices, charges)]
            for invoice, intent in pairs:
                await self._attach(invoice, intent)
        return len(pairs)

    async def _attach(self, invoice: str, intent: str) -> None:
        wanted = {"payment_intent": intent}
        await self._wire.call(
            lambda v1, o: v1.invoices.attach_payment_async(invoice, wanted, o), key=f"inbox-credit-{invoice}-{intent}"
        )

    async def payment_link(
        self, ref: AccountRef, amount: Money, invoice_id: str = "", *, back: str = ""
    ) -> PaymentLink:
        """A page with the amount filled in, for one open invoice. Raises ``Conflict`` if less is owed by now."""
        _own(ref)
        async with self._wire.in_time():
            invoice = await self._open_invoice(ref, invoice_id)
            left = money(invoice.get("amount_remaining"), invoice.get("currency"), f"{invoice_id}: amount_remaining")
            if amount.currency != left.currency:
                raise Conflict(f"{number(invoice)} is in {left.currency}, it cannot be paid in {amount.currency}")
            if left < amount:
                raise Conflict(f"only {left} {left.currency} of {number(invoice)} is left to pay")
            wanted = _checkout(ref, amount, invoice, self._return_url) | {"cancel_url": back or self._return_url}
            wish = int(self._clock.now().timestamp()) // _SAME_WISH
            key = f"inbox-pay-{invoice['id']}-{left.minor}-{amount.minor}-{wish}{_of(back)}"
            session = await self._wire.call(lambda v1, o: v1.checkout.sessions.create_async(wanted, o), key=key)
        return _link(session, "expires_at")

    async def _open_invoice(self, ref: AccountRef, invoice_id: str) -> dict[str, Any]:
        params = {"customer": ref.id, "status": "open"}
        found = await self._wire.every(lambda v1, paging, o: v1.invoices.list_async({**params, **paging}, o))
        fitting = [i for i in found if not invoice_id or number(i) == invoice_id or i["id"] == invoice_id]
        if not fitting:
            raise Conflict(f"{invoice_id or 'no invoice'} is open at Stripe: there is nothing to pay")
        return min(fitting, key=lambda i: (i.get("due_date") or i.get("created") or 0, i["id"]))

    async def method_link(self, ref: AccountRef, *, back: str = "") -> PaymentLink:
        """Stripe's customer portal, at the step where the method is changed. Raises ``Unsupported``."""
        _own(ref)
        wanted: dict[str, Any] = {
            "customer": ref.id, "return_url": back or self._return_url,
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {"type": "redirect", "redirect": {"return_url": self._return_url}},
            },
        }  # fmt: skip
        key = f"inbox-method-{ref.id}-{int(self._clock.now().timestamp()) // 60}{_of(back)}"  # such a page lives for minutes only
        try:
            async with self._wire.in_time():
                session = await self._wire.call(
                    lambda v1, o: v1.billing_portal.sessions.create_async(wanted, o), key=key
                )
        except Permanent as refusal:
            raise Unsupported(f"switch on the customer portal in Stripe's settings: {refusal}") from refusal
        return _link(session, "")

    # Edges ---------------------------------------------------------------------------------------------------------

    def routes(self, events: SourceEvents) -> Iterable[web.AbstractRouteDef]:
        """No secret, no door."""
        secrets = tuple(s for s in self._settings.webhook_secrets if s.strip())
        if not secrets:
            return []

        async def receive(request: web.Request) -> web.Response:
            raw = await door.raw_body(request)
            door.verify(raw, request.headers.get("Stripe-Signature", ""), secrets, self._clock.now())
            notice = door.notice(raw)
            if notice is not None:
                await events.changed(notice)
            return web.json_response({"received": True})

        return [web.post(PATH, receive)]

    async def check(self) -> str:
        """Every right that reading needs is tried; a restricted key that lacks one is told by Stripe's own words."""
        async with self._wire.in_time():
            pages = [await self._peek(n) for n in ("customers", "invoices", "charges", "refunds", "disputes")]
        live = next((r.get("livemode") for page in pages for r in page.get("data") or ()), None)
        mode = "" if live is None else ", live mode" if live else ", test mode"
        secrets = len(self._settings.webhook_secrets)
        heard = f"webhooks signed by {secrets} secrets" if secrets else "no webhook: changes are seen when authors ask"
        return f"customers, invoices, charges, refunds and disputes can be read{mode}; {heard}"

    async def _peek(self, records: str) -> dict[str, Any]:
        return await self._wire.call(lambda v1, o: getattr(v1, records).list_async({"limit": 1}, o))

    async def close(self) -> None:
        await self._wire.close()


def _own(ref: AccountRef) -> None:
    if ref.source != SOURCE or not ref.id or "/" in ref.id:
        raise NotFound(f"there is no account {ref.source}:{ref.id}")


def _checkout(ref: AccountRef, amount: Money, invoice: dict[str, Any], return_url: str) -> dict[str, Any]:
    """The payment carries the invoice's id along, so that it can be booked to it."""
    named = {FOR_INVOICE: invoice["id"]}
    product = {"name": f"Invoice {number(invoice)}"}
    price = {"currency": amount.currency.lower(), "unit_amount": written(amount), "product_data": product}
    return {
        "mode": "payment", "customer": ref.id, "client_reference_id": number(invoice), "metadata": named,
        "line_items": [{"quantity": 1, "price_data": price}], "success_url": return_url,
        "payment_intent_data": {"metadata": named, "description": f"Invoice {number(invoice)}"},
    }  # fmt: skip


def _of(back: str) -> str:
    """A key stands for one wish in the same words: another way back is another page."""
    return f"-{hashlib.sha256(back.encode()).hexdigest()[:16]}" if back else ""


def _link(session: dict[str, Any], ends: str) -> PaymentLink:
    url = session.get("url")
    if not isinstance(url, str) or not url.startswith("https://"):
        raise Permanent("Stripe gave no safe address", code="unreadable")
    until = session.get(ends) if ends else None
    return PaymentLink(url=url, expires_at=from_micros(until * 1_000_000) if isinstance(until, int) else None)


__all__ = ["PATH", "StripeSource"]
