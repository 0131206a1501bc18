"""Run a built application until a signal, then stop gracefully."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

from inbox import app as root
from inbox.settings import Settings
from inbox.templates import versions

log = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Web, channels and workers in one process."""
    _loop(lambda: _serve(root.build(settings)))
    return 0


def work(settings: Settings) -> int:
    """Workers and listeners only."""
    _loop(lambda: _work(root.build(settings)))
    return 0


async def _serve(app: root.App) -> None:
    await hold(app.http(), app.settings.web.host, app.settings.web.port)


async def hold(
    application: web.Application, host: str, port: int, *, ready: Callable[[], None] | None = None,
    with_tasks: Iterable[Awaitable[Any]] = (),
) -> None:  # fmt: skip
    """Listen until a signal asks to stop; in-flight requests get ten seconds."""
    stop = _stop_event()
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=10)
    await runner.setup()
    tasks = [asyncio.ensure_future(t) for t in with_tasks]
    try:
        site = web.TCPSite(runner, host, port, reuse_address=True)
        await site.start()
        settle_memory()
        log.info("ready", extra={"host": host, "port": port})
        if ready:
            ready()
        await stop.wait()
        log.info("stopping")
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runner.cleanup()


async def _work(app: root.App) -> None:
    stop = _stop_event()
    await app.store.run(lambda tx: versions.sync(tx, app.house.answers, app.clock.now()))
    worker = asyncio.create_task(app.worker.run())
    stopped = asyncio.create_task(stop.wait())
    settle_memory()
    await asyncio.wait([worker, stopped], return_when=asyncio.FIRST_COMPLETED)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    if app.crm is not None:
        await app.crm.close()
    await asyncio.to_thread(app.store.close)


def _stop_event() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


def settle_memory() -> None:
    """Tell the collector that what is loaded now stays: it looks less often, and never through the catalogue. The little
    that is garbage by now stays too: looking for it would take as long as making the reader.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def _loop(main: Callable[[], Any]) -> None:
    try:
        import uvloop
    except ImportError:  # Windows
        asyncio.run(main())
    else:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
