"""What the biller's own site would be: sign-in, pay, a new card, a tax form. It writes into the ledger, nothing else."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from aiohttp import web

from inbox.accounts import booking, changes
from inbox.accounts.base import Account, Invoice, Payment, PaymentMethod
from inbox.demo.view import form, page, see
from inbox.demo.world import Demo
from inbox.ids import new_id
from inbox.money import Money

#: Test cards that a person may "type": nothing but these can be entered, so no real number ever is.
CARDS = {"4242": "visa", "4444": "mastercard", "0005": "amex", "1117": "discover"}
_TAX_FORMS = ("W-9", "W-8BEN")


def routes(demo: Demo) -> list[web.AbstractRouteDef]:
    portal = _Portal(demo)
    return [
        web.get("/demo/portal", portal.show),
        web.get("/demo/pay", portal.checkout),
        web.post("/demo/pay", portal.pay),
        web.post("/demo/card", portal.new_card),
        web.post("/demo/tax-form", portal.tax_form),
    ]


class _Portal:
    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    async def show(self, request: web.Request) -> web.Response:
        author = await self._demo.chosen(request)
        return page(
            "portal.html", nav="portal", author=author, authors=await self._demo.authors(), cards=CARDS,
            company=self._demo.app.settings.company, done=request.query.get("done", ""),
        )  # fmt: skip

    async def checkout(self, request: web.Request) -> web.Response:
        """Where payment links lead: an amount for an invoice, or another page of the portal by ``kind``."""
        author = await self._demo.author(request.query.get("account", ""))
        if request.query.get("kind") in ("update_method", "tax_form", "document"):
            return see(f"/demo/portal?{urlencode({'author': author.ref.id})}#{request.query['kind']}")
        invoice = author.invoice(request.query.get("invoice", "")) or _oldest_open(author)
        return page(
            "pay.html", nav="portal", author=author, invoice=invoice, invoice_id=invoice.id if invoice else "",
            amount=_amount(request.query.get("amount", ""), author) or (invoice.balance if invoice else None),
            company=self._demo.app.settings.company, paid=None,
        )  # fmt: skip

    async def pay(self, request: web.Request) -> web.Response:
        sent = await form(request)
        author = await self._demo.author(sent.get("author", ""))
        amount, invoice = _amount(sent.get("amount", ""), author), author.invoice(sent.get("invoice", ""))
        if invoice is None or amount is None or amount.minor > invoice.balance.minor:
            return _done(author, "That invoice does not have so much left to pay. Nothing was charged.")
        payment = Payment(
            id=f"PAY-{new_id()[-10:]}", on=self._demo.now().date(), amount=amount, method=_default(author),
            status="succeeded", invoice_id=invoice.id,
        )  # fmt: skip
        now = self._demo.now()
        await self._demo.app.store.run(lambda tx: booking.record_payment(tx, author.ref.id, payment, at=now))
        after = await self._demo.author(author.ref.id)
        return page(
            "pay.html", nav="portal", author=after, invoice=after.invoice(invoice.id), invoice_id=invoice.id,
            amount=amount, company=self._demo.app.settings.company, paid=payment,
        )  # fmt: skip

    async def new_card(self, request: web.Request) -> web.Response:
        sent = await form(request)
        author = await self._demo.author(sent.get("author", ""))
        last4 = sent.get("card", "")
        if last4 not in CARDS:
            return _done(author, "Choose one of the test cards.")
        card = PaymentMethod(
            id=f"PM-{author.ref.id}-{last4}", type="card", brand=CARDS[last4], last4=last4,
            expires=_three_years_on(self._demo.now()), default=True,
        )  # fmt: skip
        now = self._demo.now()
        await self._demo.app.store.run(lambda tx: changes.add_payment_method(tx, author.ref.id, card, at=now))
        return _done(author, f"The card ending in {last4} is on file and will be used from now on.")

    async def tax_form(self, request: web.Request) -> web.Response:
        sent = await form(request)
        author = await self._demo.author(sent.get("author", ""))
        name, now = sent.get("form", ""), self._demo.now()
        if name not in _TAX_FORMS or author.royalties is None:
            return _done(author, "Choose a form.")
        await self._demo.app.store.run(lambda tx: changes.set_tax_form(tx, author.ref.id, name, "approved", at=now))
        return _done(author, f"The form {name} is in and approved.")


def _oldest_open(author: Account) -> Invoice | None:
    return min((i for i in author.invoices if i.balance.minor > 0), key=lambda i: i.due_on, default=None)


def _amount(text: str, author: Account) -> Money | None:
    """None for what is no amount to pay."""
    try:
        amount = Money.of(text.strip(), author.currency)
    except ValueError:
        return None
    return amount if amount.minor > 0 else None


def _default(author: Account) -> str:
    """The method on file, masked as payments show it."""
    method = next((m for m in author.payment_methods if m.default), None)
    return f"{method.brand} ••{method.last4}" if method else "visa ••4242"


def _three_years_on(now: datetime) -> str:
    return f"{now.month:02d}/{(now.year + 3) % 100:02d}"


def _done(author: Account, words: str) -> web.Response:
    return see("/demo/portal?" + urlencode({"author": author.ref.id, "done": words}))
