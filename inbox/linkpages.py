"""The pages behind secure links: pay, change the method, a document, a tax form. One author, an end, nothing indexed.

Opening a page changes nothing, so mail scanners do no harm.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inbox import conversations, links, paypages
from inbox.accounts import known, ledger
from inbox.accounts.base import Account, BillingSource, Invoice
from inbox.clock import Clock
from inbox.db.store import Store, Tx
from inbox.errors import DataError, NotFound
from inbox.escalation import handoffs
from inbox.house import House
from inbox.links import Link
from inbox.message import LANGUAGES, Language
from inbox.money import Money
from inbox.papers import papers
from inbox.templates import filters

_FOLDER = Path(__file__).parent / "pages"
_pages = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
_pages.filters.update(filters.FILTERS)
_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
#: A browser's own viewer is an embedded object of the document's origin, which needs leave to load and to be styled.
_PDF_HEADERS = {
    **_HEADERS,
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
}
#: What links made before they named a kind are about.
_DEFAULT_KIND = "invoice"


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
        self._drawing = asyncio.Semaphore(1)  # one paper at a time: the page must not take the processor from the rest

    async def show(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        now = self._clock.now()
        try:
            link = await self._store.read(lambda tx: links.find(tx, token, now))
            account = await self._store.read(lambda tx: known.load(tx, link.ref, now))
            if account.doubt is not None and _tells_what_is_owed(link):
                return await self._withheld(link, account, account.doubt.text)
            if link.kind == "document":
                return await self._document(link, account)
        except NotFound:
            return self._page("ended.html", 404, language="en", timezone="")
        values = self._values(link, account) | {"link_path": f"/l/{token}"}
        html = self._page(f"{link.kind}.html", 200, language=account.language, timezone=account.timezone, **values)
        if self._source is not None and values["payable"]:
            html.headers.update(paypages.form_headers(self._source))
        return html

    async def _document(self, link: Link, account: Account) -> web.Response:
        """The paper itself. Figures that contradict each other are not put on paper; a person looks first."""
        wanted = papers.Wanted(
            kind=link.data.get("kind", _DEFAULT_KIND), record_id=link.data.get("document_id", ""),
            since=_day(link.data.get("since", "")), until=_day(link.data.get("until", "")),
        )  # fmt: skip
        language = language_of(link, account)
        try:
            async with self._drawing:
                paper = await asyncio.to_thread(papers.make, wanted, account, self._house.company, language)
        except DataError as contradiction:
            return await self._withheld(link, account, "; ".join(contradiction.problems))
        headers = {
            **_PDF_HEADERS,
            "Content-Disposition": f'inline; filename="{paper.name}"',
            "Content-Language": language,
        }
        return web.Response(body=paper.content, content_type="application/pdf", headers=headers)

    async def _withheld(self, link: Link, account: Account, words: str) -> web.Response:
        """Figures in doubt are not shown; a person looks first."""
        await self._store.run(lambda tx: _tell_person(tx, self._house, link, words, self._clock.now()))
        return self._page("checked.html", 503, language=language_of(link, account), timezone=account.timezone)

    def _values(self, link: Link, account: Account) -> dict[str, object]:
        invoice = account.invoice(link.data.get("invoice_id", ""))
        payable = self._source is not None and paypages.is_payable(account, link)
        if payable and link.kind == "pay":
            invoice = paypages.invoice_of(account, link)
        amount = self._amount(link, account, invoice)
        return {
            "link": link, "account": account, "invoice": invoice, "amount": amount,
            "go": "" if payable else self._payment_page(link, amount), "payable": payable,
        }  # fmt: skip

    def _amount(self, link: Link, account: Account, invoice: Invoice | None) -> Money | None:
        """What is filled in: never more than is left, for the link may be older than the last payment."""
        currency = invoice.balance.currency if invoice is not None else account.currency
        asked = Money.of(link.data["amount"], currency) if "amount" in link.data else None
        if invoice is None:
            return asked
        return min(asked, invoice.balance) if asked is not None else invoice.balance

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


def _tells_what_is_owed(link: Link) -> bool:
    """Royalties and tax forms are the ledger's own, whatever the billing system says."""
    if link.kind == "document":
        return str(link.data.get("kind", _DEFAULT_KIND)) != "royalty_statement"
    return link.kind == "pay"


def _tell_person(tx: Tx, house: House, link: Link, words: str, now: datetime) -> None:
    """The page says that a person looks, so one is told; once, however often the page is opened."""
    conversation = conversations.by_id(tx, link.conversation_id)
    if conversation is None:
        return
    conversation = conversations.goes_on(tx, conversation)
    if handoffs.live(tx, conversation.id) is not None:
        return
    ask = handoffs.Ask(
        reason="stale_figures", account_id=link.ref.id, quote=f"The author opened a secure link: {words}"[:500],
        did=("No figure was shown.",), withheld=(link.data.get("document_id") or link.data.get("invoice_id") or "the page",),
    )  # fmt: skip
    handoffs.open_case(tx, house, conversation, ask, now)


def language_of(link: Link, account: Account) -> Language:
    """The language of the message that carried the link, else the author's."""
    return next((known for known in LANGUAGES if known == link.data.get("language")), account.language)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
