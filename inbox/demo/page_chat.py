"""The author portal's chat: the real widget, with a token as the portal signs it, or without one."""

from __future__ import annotations

from aiohttp import web

from inbox.accounts.base import Account
from inbox.channels.chat_tokens import sign_author
from inbox.demo.view import page
from inbox.demo.world import Demo


def routes(demo: Demo) -> list[web.AbstractRouteDef]:
    async def chat(request: web.Request) -> web.Response:
        author = await demo.chosen(request)
        return page(
            "chat.html", nav="chat", author=author, authors=await demo.authors(), company=demo.app.settings.company,
            token=_token(demo, author) if author else "",
        )  # fmt: skip

    async def token(request: web.Request) -> web.Response:
        """What the widget's host page asks for before the old token ends."""
        author = await demo.chosen(request)
        if author is None:
            raise web.HTTPNotFound(text="Name the author: /demo/token?author=…")
        return web.Response(text=_token(demo, author), headers={"Cache-Control": "no-store"})

    return [web.get("/demo/chat", chat), web.get("/demo/token", token)]


def _token(demo: Demo, author: Account) -> str:
    return sign_author(author.ref.id, demo.keys.chat_secret, demo.now(), name=author.name, language=author.language)
