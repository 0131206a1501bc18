"""Calls to Stripe: keys in rotation, explicit retries and time limits, whole lists, and errors in our own words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp
import stripe

from inbox.clock import monotonic
from inbox.errors import InboxError, NotFound, Permanent, Transient
from inbox.settings import Stripe

PAGE = 100
TROUBLES = 5  # calls in a row that found Stripe away; then nobody waits for it
REST = 30.0  # seconds until it is asked again
PAGES = 50  # 5,000 records of one kind for one author; more is a mistake, or not for a bot

T = TypeVar("T")
Call = Callable[[Any, Any], Awaitable[Any]]  # (client.v1, request options) -> Stripe's object


class Wire:
    """``settings.api_keys`` in order: a key that Stripe no longer accepts gives way to the next."""

    def __init__(self, settings: Stripe) -> None:
        self._settings = settings
        limits = aiohttp.ClientTimeout(total=settings.timeout_seconds, sock_connect=min(5, settings.timeout_seconds))
        addresses: Any = {"api": settings.api_base} if settings.api_base else None
        # The aiohttp transport opens its session on the first call, in the loop that makes it.
        self._transports = [stripe.AIOHTTPClient(timeout=limits) for _ in settings.api_keys]
        self._clients = [
            stripe.StripeClient(
                key, http_client=transport, max_network_retries=settings.max_retries, base_addresses=addresses
            )
            for key, transport in zip(settings.api_keys, self._transports, strict=True)
        ]
        self._current = 0
        self._troubles = 0
        self._rest_until = 0.0

    def __repr__(self) -> str:
        return f"Wire({len(self._clients)} keys)"

    async def call(self, call: Call, *, key: str = "") -> dict[str, Any]:
        """One request; ``key`` is the idempotency key, which every write must have. Raises ``NotFound``, ``Transient`` or
        ``Permanent``.
        """
        if monotonic() < self._rest_until:
            raise Transient("Stripe did not answer the last calls; it is asked again in half a minute")
        try:
            found = await self._call(call, {"idempotency_key": key} if key else {})
        except Transient:
            self._troubles += 1
            if self._troubles >= TROUBLES:
                self._rest_until, self._troubles = monotonic() + REST, 0
            raise
        self._troubles = 0
        return found

    async def _call(self, call: Call, options: dict[str, str]) -> dict[str, Any]:
        for attempt in range(len(self._clients)):
            used = self._current
            try:
                found = await call(self._clients[used].v1, options)
            except stripe.AuthenticationError as error:
                if self._current == used:  # calls that meet the dead key together move on once
                    self._current = (used + 1) % len(self._clients)
                if attempt + 1 == len(self._clients):
                    raise Permanent(
                        "Stripe accepts none of stripe.api_keys; make a new restricted key (docs/billing-sources.md)",
                        code="authentication",
                    ) from error
            except stripe.StripeError as error:
                raise translated(error) from error
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise Transient(f"Stripe cannot be reached: {type(error).__name__}") from error
            except (ValueError, TypeError, AttributeError, KeyError) as error:  # an answer that is no JSON object
                raise Transient(f"Stripe's answer cannot be read: {type(error).__name__}") from error
            else:
                return dict(found.to_dict())
        raise Permanent("stripe.api_keys is empty; set it (docs/billing-sources.md)")

    async def every(self, call: Callable[[Any, dict[str, Any], Any], Awaitable[Any]]) -> list[dict[str, Any]]:
        """All pages of a list, newest first as Stripe gives them. ``call`` gets the paging parameters."""
        found: list[dict[str, Any]] = []
        paging: dict[str, Any] = {"limit": PAGE}
        for _ in range(PAGES):
            page = await self._page(call, dict(paging))
            records = page.get("data")
            if not isinstance(records, list):
                raise Permanent("Stripe's list has no data", code="unreadable")
            found += records
            if not page.get("has_more") or not records:
                return found
            paging["starting_after"] = records[-1]["id"]
        raise Permanent(
            f"Stripe has more than {PAGE * PAGES} records for one author; a person must look", code="too_many"
        )

    async def _page(self, call: Callable[[Any, dict[str, Any], Any], Awaitable[Any]], paging: dict[str, Any]) -> Any:
        return await self.call(lambda v1, options: call(v1, paging, options))

    @asynccontextmanager
    async def in_time(self) -> AsyncIterator[None]:
        """Everything within it must be done before ``stripe.deadline_seconds`` are over, else ``Transient``; records of
        another shape than the API's are ``Permanent``.
        """
        try:
            async with asyncio.timeout(self._settings.deadline_seconds):
                yield
        except TimeoutError as error:
            raise Transient(f"Stripe did not answer within {self._settings.deadline_seconds} s") from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Permanent(f"Stripe's records cannot be read: {type(error).__name__}", code="unreadable") from error

    async def close(self) -> None:
        for transport in self._transports:
            if getattr(transport, "_cached_session", None) is not None:  # closing must not open one
                await transport.close_async()  # type: ignore[no-untyped-call]  # the SDK has no types here


async def together(*calls: Coroutine[Any, Any, T]) -> list[T]:
    """All answers; the first failure ends the other calls."""
    tasks = [asyncio.ensure_future(c) for c in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def translated(error: stripe.StripeError) -> InboxError:
    """The library's error in our words, without the body it quotes."""
    status, code = error.http_status or 0, error.code or ""
    words = _short(error)
    if isinstance(error, stripe.RateLimitError) or status == 429:
        return Transient(f"Stripe asks to slow down: {words}", retry_after=_wait(error.headers))
    if isinstance(error, stripe.APIConnectionError) or status >= 500 or status in (0, 200, 409):
        return Transient(f"Stripe cannot take this now: {words}")
    if status == 404 or code == "resource_missing":
        return NotFound(f"Stripe has no such record: {words}")
    if isinstance(error, stripe.PermissionError):
        return Permanent(f"the key of stripe.api_keys may not do this: {words}", code="permission")
    return Permanent(f"Stripe refused: {words}", code=code or str(status))


def _short(error: stripe.StripeError) -> str:
    kind = f"{error.http_status or 'no answer'}{f' {error.code}' if error.code else ''}"
    if isinstance(error, (stripe.InvalidRequestError, stripe.CardError)) and error.user_message:
        return f"{kind}, {' '.join(str(error.user_message).split())[:200]}"
    return kind


def _wait(headers: Mapping[str, str] | None) -> float | None:
    headers = headers or {}
    value = headers.get("Retry-After") or headers.get("retry-after") or ""
    return float(value) if value.isascii() and value.isdigit() else None
