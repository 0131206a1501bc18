"""What all pages of the demo share: templates, headers, forms, and the mark that tells a page that something is new."""

from __future__ import annotations

import zlib
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inbox.money import Money

_FOLDER = Path(__file__).parent
STATIC = _FOLDER / "static"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}

_pages = Environment(
    loader=FileSystemLoader(_FOLDER / "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


def money(amount: Money) -> str:
    sign = _SIGNS.get(amount.currency, f"{amount.currency} ")
    return f"{'-' * (amount.minor < 0)}{sign}{abs(amount.decimal):,.2f}"


def clock_time(at: datetime, timezone: str = "UTC") -> str:
    return at.astimezone(ZoneInfo(timezone or "UTC")).strftime("%d %b, %H:%M")


_pages.filters.update({"money": money, "clock": clock_time})


def page(name: str, **values: Any) -> web.Response:
    """A whole page. ``values`` are what its template names."""
    html = _pages.get_template(name).render(**values)
    return web.Response(text=html, content_type="text/html", headers=HEADERS)


async def form(request: web.Request) -> dict[str, str]:
    """What was sent, from our own pages only."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise web.HTTPForbidden(text="Use the page itself.")
    return {key: value for key, value in (await request.post()).items() if isinstance(value, str)}


def see(where: str) -> web.Response:
    """Go on to another page with GET."""
    return web.Response(status=303, headers={"Location": where})


def mark(*seen: object) -> str:
    """A short text that changes when what is seen does."""
    return f"{zlib.crc32(repr(seen).encode()):08x}"
