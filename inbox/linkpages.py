"""The pages behind secure links: pay, change the method, a document, a tax form. One author, an end, nothing indexed.

Opening a page changes nothing, so mail scanners do no harm.
"""

from __future__ import annotations

from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inbox import links, paypages
from inbox.accounts import known, ledger
from inbox.accounts.base import Account, BillingSource, Invoice, Payment
from inbox.clock import Clock
from inbox.db.store import Store
from inbox.errors import NotFound
from inbox.house import House
from inbox.links import Link
from inbox.money import Money
from inbox.templates import filters

_FOLDER = Path(__file__).parent / "pages"
_pages = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
_pages.filters.update(filters.FILTERS)
_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


def link_routes(
    store: Store, house: House, clock: Clock, source: BillingSource | None = None
) -> list[web.AbstractRouteDef]:  # fmt: skip
    pages = LinkPages(store, house, clock, source)
    return [
        web.get("/l/{token}", pages.show), *paypages.pay_routes(store, house, clock, source),
        web.static("/static", _FOLDER / "static"),
    ]  # fmt: skip


class LinkPages:
    def __init__(self, store: Store, house: House, clock: Clock, source: BillingSource | None = None) -> None:
        self._store = store
        self._house = house
        self._clock = clock
        self._source = source

    async def show(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        now = self._clock.now()
        try:
            link = await self._store.read(lambda tx: links.find(tx, token, now))
            account = await self._store.read(lambda tx: known.load(tx, link.ref, now))
        except NotFound:
            return self._page("ended.html", 404, language="en", timezone="")
        values = self._values(link, account) | {"link_path": f"/l/{token}"}
        html = self._page(f"{link.kind}.html", 200, language=account.language, timezone=account.timezone, **values)
        if self._source is not None and values["payable"]:
            html.headers.update(paypages.form_headers(self._source))
        return html

    def _values(self, link: Link, account: Account) -> dict[str, object]:
        invoice = account.invoice(link.data.get("invoice_id", ""))
        payable = self._source is not None and paypages.is_payable(account, link)
        if payable and link.kind == "pay":
            invoice = paypages.invoice_of(account, link)
        amount = self._amount(link, account, invoice)
        return {
            "link": link, "account": account, "invoice": invoice, "amount": amount,
            "document": _document(link, account), "go": "" if payable else self._payment_page(link, amount),
            "payable": payable,
        }  # fmt: skip

    def _amount(self, link: Link, account: Account, invoice: Invoice | None) -> Money | None:
        if "amount" in link.data:
            return Money.of(link.data["amount"], account.currency)
        return invoice.balance if invoice else None

    def _payment_page(self, link: Link, amount: Money | None) -> str:
        """The biller's own page, or the portal; "" if neither is set."""
        if not self._house.payment_url:
            return self._house.company.portal_url
        url = ledger.payment_link(
            self._house.payment_url, link.ref, amount or Money.zero(), link.data.get("invoice_id", "")
        ).url
        return url.replace("{kind}", link.kind)

    def _page(self, name: str, status: int, **values: object) -> web.Response:
        html = _pages.get_template(name).render(company=self._house.company, channel="page", **values)
        return web.Response(text=html, status=status, content_type="text/html", headers=_HEADERS)


def _document(link: Link, account: Account) -> Invoice | Payment | None:
    wanted = link.data.get("document_id", "")
    return account.invoice(wanted) or next((p for p in account.payments if p.id == wanted), None)
