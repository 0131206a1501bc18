"""The demo's payment provider: it takes automatic charges, and tells the inbox what happened through the same signed door
that a real one would use. It never writes into the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import ClientSession, web

from inbox.accounts import dues
from inbox.accounts.base import Account
from inbox.accounts.signing import HEADER, check, sign
from inbox.demo.world import Demo
from inbox.ids import new_id
from inbox.money import Money
from inbox.paymentevents import PATH

#: How the bank may answer the next charge of an author, and the code it gives.
ANSWERS: Mapping[str, str] = {"approve": "", "soft": "insufficient_funds", "hard": "stolen_card"}


class Bank:
    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._answers: dict[str, str] = {}  # by account
        self._made: dict[str, dict[str, str]] = {}  # by idempotency key: asked again, the same answer

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.post("/demo/bank/charge", self.charge)]

    def will(self, account_id: str, answer: str) -> None:
        self._answers[account_id] = answer

    async def charge(self, request: web.Request) -> web.Response:
        body = await request.read()
        ledger = self._demo.app.settings.ledger
        check(ledger.charge_secrets, body, request.headers.get(HEADER, ""), int(self._demo.now().timestamp()))
        key, asked = request.headers.get("Idempotency-Key", ""), json.loads(body)
        if key not in self._made:
            code = ANSWERS[self._answers.get(asked["account"], "approve")]
            author = await self._demo.author(asked["account"])
            self._made[key] = {
                "payment": payment_id(), "status": "failed" if code else "succeeded", "method": method_of(author),
                "decline_code": code,
            }  # fmt: skip
        return web.json_response(self._made[key])

    async def tell(self, kind: str, account_id: str, **about: Any) -> tuple[int, dict[str, str] | str]:
        """One event; returns the status and what the inbox answered."""
        body = json.dumps({"type": kind, "account": account_id, **about}).encode()
        secret = self._demo.app.settings.ledger.event_secrets[0]
        headers = {HEADER: sign(secret, body, int(self._demo.now().timestamp())), "Content-Type": "application/json"}
        async with (
            ClientSession() as session,
            session.post(self._demo.url + PATH, data=body, headers=headers) as answer,
        ):
            if answer.status == 200:
                told: dict[str, str] = await answer.json()
                return answer.status, told
            return answer.status, await answer.text()

    async def decline(self, author: Account, answer: str) -> bool:
        """The bank refuses the oldest part that is open, as in a night run; False if nothing is."""
        due = next(iter(dues.unpaid(author)), None)
        if due is None:
            return False
        part = payment(due.amount, due.invoice.id, method_of(author), decline_code=ANSWERS[answer])
        status, _ = await self.tell("payment.failed", author.ref.id, payment=part)
        return status == 200


def payment(amount: Money, invoice_id: str, method: str, **more: str) -> dict[str, str]:
    """The ``payment`` of an event."""
    return {
        "id": payment_id(), "amount": str(amount), "currency": amount.currency, "invoice": invoice_id, "method": method, **more,
    }  # fmt: skip


def payment_id() -> str:
    return f"PAY-{new_id()[-10:]}"


def method_of(author: Account) -> str:
    """The method on file, masked as payments show it."""
    method = dues.default_method(author)
    return dues.masked(method) if method else "visa ••4242"
