"""``inbox demo``: the whole product on one port of this machine, with stand-ins for every far end."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from inbox.demo import page_chat, page_mail, page_phone, page_portal, page_start
from inbox.demo.setting_up import STEPS, set_up
from inbox.demo.view import STATIC
from inbox.demo.world import Demo
from inbox.running import hold

HOST = "127.0.0.1"


def run(port: int = 8080, data: Path = Path("var/demo")) -> int:
    """Set up what is missing, serve until Ctrl-C or SIGTERM. Returns the exit code; 1 if the port is taken."""
    if problem := port_problem(port):
        print(f"inbox: {problem}", file=sys.stderr)
        return 1
    try:
        demo = set_up(port, data, _say)
    except KeyboardInterrupt:
        _say("stopped")
        return 0
    return serve(demo)


def serve(demo: Demo) -> int:
    try:
        asyncio.run(_held(demo))
    except OSError as error:  # somebody took the port while we set up
        if error.errno != errno.EADDRINUSE:
            raise
        print(f"inbox: {_busy(demo.app.settings.web.port)}", file=sys.stderr)
        return 1
    finally:
        demo.office.close_door()
    _say("stopped; a second start goes on from here")
    return 0


async def _held(demo: Demo) -> None:
    port = demo.app.settings.web.port
    _say(f"{STEPS}/{STEPS} serving")

    def ready() -> None:
        _say(f"\n  Open {demo.url}\n  Ctrl-C stops\n")

    tasks: list[Awaitable[None]] = [demo.memory.keep(demo.twilio, demo.slack)]
    await hold(application(demo), HOST, port, ready=ready, with_tasks=tasks)


def application(demo: Demo) -> web.Application:
    """The real application with the demo's pages beside it and the stand-ins below ``/demo``."""
    pages = (page_start, page_chat, page_phone, page_mail, page_portal)
    routes = [route for page in pages for route in page.routes(demo)]
    app = demo.app.http([*routes, web.static("/demo/static", STATIC)])
    app.add_subapp("/demo/twilio", demo.twilio.app)
    app.add_subapp("/demo/slack", demo.slack.app())
    app.on_cleanup.append(_left(demo))
    return app


def _left(demo: Demo) -> Callable[[web.Application], Awaitable[None]]:
    async def left(app: web.Application) -> None:
        _ = app
        await demo.twilio.close()
        demo.memory.save(demo.twilio, demo.slack)

    return left


def port_problem(port: int) -> str:
    """One line for people, "" if the port is free."""
    if not 0 < port < 65536:
        return f"{port} is no port; choose one from 1024 to 65535: make demo PORT=8081"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            return f"port {port} needs more rights than you have; choose one above 1023: make demo PORT=8081"
        except OSError:
            return _busy(port)
    return ""


def _busy(port: int) -> str:
    return f"port {port} is in use by another program; choose another one: make demo PORT={port + 1}"


def _say(words: str) -> None:
    print(words, flush=True)
