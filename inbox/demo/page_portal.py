"""What the biller's own site would be: sign-in, pay, a new card, a tax form, and the bank behind it. Money and cards
reach the inbox through the payment system's signed door, never past it.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from aiohttp import web

from inbox.accounts import changes
from inbox.accounts.base import Account, Invoice
from inbox.demo.bank import ANSWERS, Bank, method_of, payment
from inbox.demo.view import form, page, see
from inbox.demo.world import Demo
from inbox.money import Money
from inbox.receivables import autopay

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
        web.post("/demo/night-run", portal.night_run),
        *portal.bank.routes(),
    ]


class _Portal:
    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self.bank = Bank(demo)

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
            company=self._demo.app.settings.company, paid=None, cards=CARDS,
        )  # fmt: skip

    async def pay(self, request: web.Request) -> web.Response:
        sent = await form(request)
        author = await self._demo.author(sent.get("author", ""))
        amount, invoice = _amount(sent.get("amount", ""), author), author.invoice(sent.get("invoice", ""))
        if invoice is None or amount is None or amount.minor > invoice.balance.minor:
            return _done(author, "That invoice does not have so much left to pay. Nothing was charged.")
        method = sent.get("card", "")
        if method not in {f"{brand} ••{last4}" for last4, brand in CARDS.items()}:
            method = method_of(author)
        part = payment(amount, invoice.id, method)
        status, begun = await self.bank.tell("payment.started", author.ref.id, payment=part)
        if status != 200 or isinstance(begun, str):
            return _done(author, f"Nothing was charged: {begun}.")
        status, told = await self.bank.tell("payment.succeeded", author.ref.id, payment=part, charge=begun["charge"])
        if status != 200:
            return _done(author, f"Nothing was charged: {told}.")
        after = await self._demo.author(author.ref.id)
        return page(
            "pay.html", nav="portal", author=after, invoice=after.invoice(invoice.id), invoice_id=invoice.id,
            amount=amount, company=self._demo.app.settings.company, cards=CARDS, paid={**part, "amount": amount},
        )  # fmt: skip

    async def new_card(self, request: web.Request) -> web.Response:
        sent = await form(request)
        author = await self._demo.author(sent.get("author", ""))
        last4 = sent.get("card", "")
        if last4 not in CARDS:
            return _done(author, "Choose one of the test cards.")
        card = {
            "id": f"PM-{author.ref.id}-{last4}", "type": "card", "brand": CARDS[last4], "last4": last4,
            "expires": _three_years_on(self._demo.now()), "default": True,
        }  # fmt: skip
        await self.bank.tell("payment_method.added", author.ref.id, method=card)
        return _done(author, f"The card ending in {last4} is on file and will be used from now on.")

    async def tax_form(self, request: web.Request) -> web.Response:
        sent = await form(request)
        author = await self._demo.author(sent.get("author", ""))
        name, now = sent.get("form", ""), self._demo.now()
        if name not in _TAX_FORMS or author.royalties is None:
            return _done(author, "Choose a form.")
        await self._demo.app.store.run(lambda tx: changes.set_tax_form(tx, author.ref.id, name, "approved", at=now))
        return _done(author, f"The form {name} is in and approved.")

    async def night_run(self, request: web.Request) -> web.Response:
        """The automatic charges of the night, for this author, with the bank's answer chosen beforehand."""
        sent = await form(request)
        author, answer = await self._demo.author(sent.get("author", "")), sent.get("answer", "")
        if answer not in ANSWERS:
            return _done(author, "Choose what the bank answers.")
        self.bank.will(author.ref.id, answer)
        app, now = self._demo.app, self._demo.now()
        begun = await app.store.run(lambda tx: autopay.run(tx, app.house, author.ref, now))
        if held := [h.denied.words for h in begun if isinstance(h, autopay.HeldBack)]:
            return _done(author, f"Held back: {held[0]}.")
        if begun:
            return _done(author, f"The bank was asked for {len(begun)} charge(s).")
        if answer != "approve" and await self.bank.decline(author, answer):
            return _done(author, "The bank declined the oldest part that is open.")
        return _done(author, "Nothing is due for an automatic charge today.")


def _oldest_open(author: Account) -> Invoice | None:
    return min((i for i in author.invoices if i.balance.minor > 0), key=lambda i: i.due_on, default=None)


def _amount(text: str, author: Account) -> Money | None:
    """None for what is no amount to pay."""
    try:
        amount = Money.of(text.strip(), author.currency)
    except ValueError:
        return None
    return amount if amount.minor > 0 else None


def _three_years_on(now: datetime) -> str:
    return f"{now.month:02d}/{(now.year + 3) % 100:02d}"


def _done(author: Account, words: str) -> web.Response:
    return see("/demo/portal?" + urlencode({"author": author.ref.id, "done": words}))
