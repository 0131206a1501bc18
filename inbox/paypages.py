"""From our secure link to the billing system's own page: made at the press of the button, with the amount filled in.

Nothing is made when a page is only opened. Money and cards are typed at the billing system, never here.
"""

from __future__ import annotations

import contextlib
import logging
import re
from dataclasses import dataclass
from decimal import InvalidOperation
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inbox import links
from inbox.accounts import dues, known
from inbox.accounts.base import Account, AccountRef, BillingSource, Invoice
from inbox.clock import Clock
from inbox.db.store import Store
from inbox.errors import Conflict, NotFound, Permanent, Transient
from inbox.house import House
from inbox.links import Link
from inbox.money import Money

log = logging.getLogger(__name__)
_pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True, undefined=StrictUndefined
)
_HEADERS = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


def form_headers(source: BillingSource) -> dict[str, str]:
    """For the page with the button: the form may lead to the billing system's pages, and nowhere else."""
    where = " ".join(("'self'", *source.payment_hosts))
    return {
        "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
        f"form-action {where}; frame-ancestors 'none'"
    }


def is_payable(account: Account, link: Link) -> bool:
    """Does the billing system take what this link is for?"""
    if account.billing is None or account.doubt is not None:
        return False
    return link.kind == "update_method" or (link.kind == "pay" and invoice_of(account, link) is not None)


def invoice_of(account: Account, link: Link) -> Invoice | None:
    """The invoice that the link names, else the one that is due first, if the billing system has it open."""
    wanted = link.data.get("invoice_id", "")
    named = account.invoice(wanted)
    first = dues.current_due(dues.unpaid(account), account.as_of.date())
    invoice = named if wanted else first.invoice if first else None
    return invoice if invoice and invoice.id in account.billed and invoice.balance.minor > 0 else None


def pay_routes(
    store: Store, house: House, clock: Clock, source: BillingSource | None
) -> list[web.AbstractRouteDef]:  # fmt: skip
    if source is None:
        return []
    pages = PayPages(store, house, clock, source)
    return [web.post("/l/{token}/go", pages.go), web.get("/paid", pages.back)]


@dataclass(frozen=True, slots=True)
class Turn:
    """The press of the button: for which link, with which amount typed, and where to go if the author turns round."""

    link: Link
    typed: str
    back: str


class PayPages:
    def __init__(self, store: Store, house: House, clock: Clock, source: BillingSource) -> None:
        self._store = store
        self._house = house
        self._clock = clock
        self._source = source

    async def go(self, request: web.Request) -> web.Response:
        """303 to the billing system's page; a kind page where that cannot be."""
        token, now = request.match_info["token"], self._clock.now()
        form = await request.post()
        try:
            link = await self._store.read(lambda tx: links.find(tx, token, now))
            account = await self._store.read(lambda tx: known.load(tx, link.ref, now))
        except NotFound:
            return _page("ended.html", 404, self._house, language="en")
        if account.billing is None or not is_payable(account, link):
            return _page("later.html", 409, self._house, language=account.language)
        try:
            turn = Turn(link, str(form.get("amount", "")), f"{self._house.public_url}/l/{token}")
            url = await self._url(account, account.billing, turn)
        except Conflict as no:  # less is owed by now, or the amount is none
            log.info("not led to pay: %s", no)
            return _page("later.html", 409, self._house, language=account.language)
        except (Transient, Permanent, NotFound) as error:
            log.warning("no page to pay on: %s", error)
            return _page("later.html", 503, self._house, language=account.language)
        with contextlib.suppress(NotFound):  # it ended in this very moment
            await self._store.run(lambda tx: links.use(tx, token, now))
        raise web.HTTPSeeOther(url, headers=_HEADERS)

    async def _url(self, account: Account, ref: AccountRef, turn: Turn) -> str:
        if turn.link.kind == "update_method":
            return (await self._source.method_link(ref, back=turn.back)).url
        invoice = invoice_of(account, turn.link)
        assert invoice is not None
        amount = _amount(turn.typed, turn.link, invoice)
        return (await self._source.payment_link(ref, amount, invoice.id, back=turn.back)).url

    async def back(self, request: web.Request) -> web.Response:
        _ = request
        return _page("paid.html", 200, self._house, language="en")


def _amount(typed: str, link: Link, invoice: Invoice) -> Money:
    """What was typed, else what the link fills in, else all that is left. Raises ``Conflict`` outside of what is owed."""
    told = _plain(typed) or link.data.get("amount", "") or str(invoice.balance)
    try:
        amount = Money.of(told, invoice.balance.currency)
    except (ValueError, InvalidOperation) as error:
        raise Conflict(f"{told[:40]!r} is no amount") from error
    if not 0 < amount.minor <= invoice.balance.minor:
        raise Conflict(f"{amount} is not between 0 and the {invoice.balance} that are left")
    return amount


_SPOKEN = re.compile(
    r"(?P<whole>\d{1,7}|[1-9]\d{0,2}(?P<apart>[.,' ])\d{3}(?:(?P=apart)\d{3})?)(?:[.,](?P<part>\d{1,2}))?"
)


def _plain(typed: str) -> str:
    """``1,200``, ``1.200,50`` and ``12,5`` as decimals with a dot; what reads otherwise stays as it is, to be refused."""
    text = typed.strip().lstrip("$ ").strip()
    match = _SPOKEN.fullmatch(text)
    if match is None or (match["part"] and text[match.end("whole")] == match["apart"]):
        return text
    whole = "".join(c for c in match["whole"] if c.isdigit())
    return f"{whole}.{match['part']}" if match["part"] else whole


def _page(name: str, status: int, house: House, *, language: str) -> web.Response:
    html = _pages.get_template(name).render(company=house.company, language=language)
    return web.Response(text=html, status=status, content_type="text/html", headers=_HEADERS)
