"""Pay by Stripe Connect: a transfer to the author's connected account, keyed by the withdrawal.

Stripe forgets an idempotency key after a day or so, therefore the transfer is first looked for by its group, which is the
withdrawal's id too. An adapter: off unless the settings name it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inbox.errors import Permanent, Transient
from inbox.payouts.base import Order, Sent

if TYPE_CHECKING:
    import stripe

_RETRIES = 2  # by the library, with the same key
_TIMEOUT = 30.0


class ConnectRail:
    """``api_base`` is Stripe's address, or that of a stand-in."""

    name = "stripe"

    def __init__(self, key: str, api_base: str = "https://api.stripe.com") -> None:
        self._key = key
        self._base = api_base
        self._client: stripe.StripeClient | None = None
        self._http: stripe.AIOHTTPClient | None = None

    def __repr__(self) -> str:
        return f"ConnectRail({self._base})"  # never the key

    async def pay(self, order: Order) -> Sent:
        import stripe

        if not order.account.startswith("acct_"):
            raise Permanent(
                f"{order.withdrawal_id}: {order.account[:20]!r} is no connected account; it begins with acct_"
            )
        transfers = self._stripe().v1.transfers
        try:
            known = await transfers.list_async({"transfer_group": order.withdrawal_id, "limit": 2})
            transfer: Any = known.data[0] if known.data else None
            if transfer is None:
                transfer = await transfers.create_async(
                    {
                        "amount": order.amount.minor, "currency": order.amount.currency.lower(), "destination": order.account,
                        "transfer_group": order.withdrawal_id,
                        "metadata": {"withdrawal": order.withdrawal_id, "batch": order.batch},
                    },
                    {"idempotency_key": order.withdrawal_id},
                )  # fmt: skip
        except stripe.StripeError as error:
            raise _translated(order, error) from error
        return _checked(order, transfer)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close_async()  # type: ignore[no-untyped-call]  # stripe leaves it bare
        self._client = self._http = None

    def _stripe(self) -> stripe.StripeClient:
        if self._client is None:
            import stripe

            self._http = stripe.AIOHTTPClient(timeout=_TIMEOUT)
            self._client = stripe.StripeClient(
                self._key, http_client=self._http, base_addresses={"api": self._base}, max_network_retries=_RETRIES
            )
        return self._client


def _translated(order: Order, error: stripe.StripeError) -> Transient | Permanent:
    import stripe

    status, words = error.http_status or 0, error.user_message or error.code or type(error).__name__
    text = f"{order.withdrawal_id}: Stripe said: {words}"
    busy = (
        isinstance(error, (stripe.APIConnectionError, stripe.RateLimitError)) or status in (409, 429) or status >= 500
    )
    # Asking again is safe even if it was paid: the key and the group are the same.
    return Transient(text) if busy else Permanent(text, code=error.code or "")


def _checked(order: Order, transfer: Any) -> Sent:
    """A transfer of this group that is not this order would be somebody's mistake: never pass it off as paid."""
    told = (transfer.amount, transfer.currency.upper(), transfer.destination)
    if told != (order.amount.minor, order.amount.currency, order.account):
        raise Permanent(f"{order.withdrawal_id}: Stripe has another transfer of that group, {transfer.id}; look at it")
    if transfer.reversed:
        raise Permanent(f"{order.withdrawal_id}: the transfer {transfer.id} was reversed; report it as returned")
    return Sent(reference=transfer.id, on=datetime.fromtimestamp(transfer.created, UTC).date())
