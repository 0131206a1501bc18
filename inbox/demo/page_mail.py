"""Mailboxes: what authors wrote, what the company answered, and a form that sends a real mail through SMTP."""

from __future__ import annotations

from urllib.parse import urlencode

import aiosmtplib
from aiohttp import web

from inbox.accounts.base import Account
from inbox.demo import mail
from inbox.demo.cast import SUPPORT
from inbox.demo.mail import VERDICTS, Draft, Opened
from inbox.demo.post_office import Letter
from inbox.demo.view import form, page, see
from inbox.demo.world import Demo

STRANGER = "somebody@elsewhere.example"
_SHOWN = 40
#: A mail's HTML is somebody else's: no scripts, no forms, nothing fetched; links open in a new tab.
_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'"
)


def routes(demo: Demo) -> list[web.AbstractRouteDef]:
    box = _Mailbox(demo)
    return [
        web.get("/demo/mail", box.show),
        web.post("/demo/mail", box.send),
        web.get(r"/demo/mail/{number:\d{1,9}}.html", box.html),
    ]


class _Mailbox:
    def __init__(self, demo: Demo) -> None:
        self._demo = demo

    async def show(self, request: web.Request) -> web.Response:
        author = await self._demo.chosen(request)
        address = author.email if author else STRANGER
        letters = self._demo.office.of_person(address)
        chosen = self._letter(request.query.get("letter", ""), address) or (letters[0] if letters else None)
        return page(
            "mail.html", nav="mail", author=author, address=address, authors=await self._demo.authors(),
            letters=[mail.opened(one) for one in letters[:_SHOWN]], chosen=mail.opened(chosen) if chosen else None,
            support=SUPPORT, mark=self._demo.mark(), problem=request.query.get("problem", ""), verdicts=VERDICTS,
        )  # fmt: skip

    async def send(self, request: web.Request) -> web.Response:
        sent = await form(request)
        author = await self._demo.author(sent["author"]) if sent.get("author") else None
        where = {"author": sent["author"]} if author else {}
        draft = self._draft(sent, author)
        try:
            await mail.send(draft, self._demo.smtp_port)
        except (aiosmtplib.SMTPException, OSError) as error:
            return see("/demo/mail?" + urlencode(where | {"problem": f"The mail was not taken: {error}"}))
        return see("/demo/mail?" + urlencode(where))

    def _draft(self, sent: dict[str, str], author: Account | None) -> Draft:
        sender = author.email if author else STRANGER
        before = self._letter(sent.get("answers", ""), sender)
        return Draft(
            sender=sender,
            name=author.name if author else "Somebody Else",
            to=_reply_address(mail.opened(before), sender) if before else SUPPORT,
            subject=" ".join(sent.get("subject", "").split())[:200],
            text=sent.get("text", "").replace("\r\n", "\n")[:20_000],
            verdict=sent["verdict"] if sent.get("verdict") in VERDICTS else "none",
            answers=before,
        )

    async def html(self, request: web.Request) -> web.Response:
        letter = self._demo.office.letter(int(request.match_info["number"]))
        if letter is None:
            raise web.HTTPNotFound(text="There is no such mail.")
        body = f'<!doctype html><base target="_blank">{mail.opened(letter).html}'
        headers = {"Content-Security-Policy": _POLICY, "X-Frame-Options": "SAMEORIGIN", "Cache-Control": "no-store"}
        return web.Response(text=body, content_type="text/html", headers=headers)

    def _letter(self, number: str, address: str) -> Letter | None:
        found = self._demo.office.letter(int(number)) if number.isdecimal() and len(number) < 10 else None
        return found if found and address.lower() in (found.sender, found.recipient) else None


def _reply_address(before: Opened, own: str) -> str:
    """Where an answer goes: to the Reply-To of a mail from the company; to the company for one's own mail."""
    address = before.reply_to.rpartition("<")[2].rstrip(">").strip() or SUPPORT
    return SUPPORT if address.lower() == own.lower() else address
