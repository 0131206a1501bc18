"""The HTTP edge: channel and desk routes, secure links, health, metrics; errors become statuses in one table."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from hmac import compare_digest

from aiohttp import web

from inbox import jobs, metrics
from inbox.clock import Clock, to_micros
from inbox.db.store import Store
from inbox.errors import Conflict, Forbidden, Malformed, NotFound, Overloaded, Transient, Unauthentic
from inbox.settings import Web

log = logging.getLogger(__name__)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STATUS = {
    Unauthentic: 403,
    Forbidden: 403,
    Malformed: 400,
    NotFound: 404,
    Conflict: 409,
    Overloaded: 503,
    Transient: 503,
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}


@dataclass
class Readiness:
    """What must be well before traffic comes here: name -> problem, "" = well."""

    problems: dict[str, str] = field(default_factory=dict)
    stopping: bool = False


def application(
    store: Store, clock: Clock, routes: Iterable[web.AbstractRouteDef], readiness: Readiness, door: Web
) -> web.Application:
    async def readyz(request: web.Request) -> web.Response:
        return await _readyz(request, store, readiness)

    async def metrics_text(request: web.Request) -> web.Response:
        return await _metrics(request, store, clock, door.metrics_tokens)

    middlewares = [_from_proxy, _errors] if door.trust_proxy else [_errors]
    app = web.Application(middlewares=middlewares, client_max_size=door.max_body_bytes)
    app.router.add_routes(routes)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics_text)
    app.on_response_prepare.append(_secure)
    return app


@web.middleware
async def _from_proxy(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The client's address as our own proxy saw it: the last one in the list, for the others are anybody's words."""
    address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return await handler(request.clone(remote=address) if address else request)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except tuple(STATUS) as error:
        status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
        log.info("refused %s %s: %s", request.method, request.path, error, extra={"status": status})
        headers = {"Retry-After": "2"} if status == 503 else {}
        return web.Response(status=status, text=str(error), headers=headers)
    except UnicodeDecodeError:
        return web.Response(status=400, text="the request is not valid UTF-8")
    except ConnectionResetError:
        raise
    except Exception:  # a bug: the traceback goes to the log, never to the outside
        log.exception("failed on %s %s", request.method, request.path)
        return web.Response(status=500, text="something went wrong here; it has been recorded")


async def _secure(request: web.Request, response: web.StreamResponse) -> None:
    _ = request
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


async def _healthz(request: web.Request) -> web.Response:
    _ = request
    return web.json_response({"ok": True})


async def _readyz(request: web.Request, store: Store, readiness: Readiness) -> web.Response:
    _ = request
    if readiness.stopping:
        return web.json_response({"ready": False, "why": "stopping"}, status=503)
    try:
        await store.ping()
    except Transient as error:
        return web.json_response({"ready": False, "why": str(error)}, status=503)
    return web.json_response({"ready": True, "problems": {k: v for k, v in readiness.problems.items() if v}})


async def _metrics(request: web.Request, store: Store, clock: Clock, tokens: tuple[str, ...]) -> web.Response:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    if not any(compare_digest(given, token.encode()) for token in tokens):
        raise NotFound("metrics are shown to whoever has the token of web.metrics_tokens")
    now = to_micros(clock.now())
    metrics.QUEUE.clear()
    metrics.QUEUE_AGE.clear()
    for lane, (count, oldest) in (await store.read(jobs.depth)).items():
        metrics.QUEUE.labels(lane).set(count)
        metrics.QUEUE_AGE.labels(lane).set(max(0.0, (now - oldest) / 1e6))
    metrics.COMMITS.set(store.commits)
    metrics.UNITS.set(store.units)
    return web.Response(body=metrics.text(), content_type="text/plain", charset="utf-8")
