"""Automatic charges through the biller's own payment system: one signed request each, with the charge's id as its key."""

from __future__ import annotations

import json

from aiohttp import ClientError, ClientSession, ClientTimeout

from inbox.accounts.base import ChargeRequest, ChargeResult
from inbox.accounts.signing import HEADER, sign
from inbox.clock import Clock, SystemClock
from inbox.errors import Permanent, Transient

_TIMEOUT = ClientTimeout(total=20, connect=5)
STATES = ("succeeded", "failed", "pending")


class ChargeDoor:
    """``POST ledger.charge_url`` with ``Idempotency-Key``; asked twice with one key, the other side charges once."""

    def __init__(self, url: str, secrets: tuple[str, ...], clock: Clock | None = None) -> None:
        self._url = url
        self._secrets = secrets
        self._clock = clock or SystemClock()

    def __repr__(self) -> str:
        return f"ChargeDoor({self._url!r})"

    async def charge(self, request: ChargeRequest) -> ChargeResult:
        """Raises ``Transient`` for 429, 5xx and a dead line, ``Permanent`` for other refusals and unreadable answers."""
        body = json.dumps({
            "charge": request.id, "account": request.ref.id, "invoice": request.invoice_id, "amount": str(request.amount),
            "currency": request.amount.currency, "method": request.method_id,
        }).encode()  # fmt: skip
        headers = {
            "Content-Type": "application/json", "Idempotency-Key": request.id,
            HEADER: sign(self._secrets[0], body, int(self._clock.now().timestamp())),
        }  # fmt: skip
        try:
            async with (
                ClientSession(timeout=_TIMEOUT) as session,
                session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                text = await answer.text()
                status = answer.status
        except (ClientError, TimeoutError, UnicodeDecodeError) as error:
            raise Transient(f"the payment system cannot be asked now: {type(error).__name__}") from error
        if status == 429 or status >= 500:
            raise Transient(f"the payment system answered {status}")
        if status != 200:
            raise Permanent(f"the payment system refused charge {request.id}: {status} {text[:200]}", code=str(status))
        return _result(request, text)


def _result(request: ChargeRequest, text: str) -> ChargeResult:
    try:
        told = json.loads(text)
        result = ChargeResult(
            payment_id=_text(told["payment"]), status=_text(told["status"]), method=_text(told.get("method"))[:60],
            decline_code=_text(told.get("decline_code"))[:60],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Permanent(f"the answer to charge {request.id} cannot be read: {text[:200]!r}") from error
    if result.status not in STATES or not result.payment_id:
        raise Permanent(f"the answer to charge {request.id} has no payment or no status of {', '.join(STATES)}")
    return result


def _text(value: object) -> str:
    """``null`` is nothing."""
    return "" if value is None else str(value)
