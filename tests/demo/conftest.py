from __future__ import annotations

import asyncio
import re
import shutil
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar, WSMsgType, web

from inbox.demo.running import application
from inbox.demo.setting_up import set_up
from inbox.demo.world import Demo


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Visitor:
    """Somebody with a browser and a running demo."""

    def __init__(self, demo: Demo, session: ClientSession) -> None:
        self.demo = demo
        self.session = session

    async def page(self, path: str) -> str:
        async with self.session.get(self.demo.url + path) as answer:
            assert answer.status == 200, (path, answer.status, await answer.text())
            return await answer.text()

    async def submit(self, path: str, **fields: str) -> str:
        async with self.session.post(self.demo.url + path, data=fields) as answer:
            assert answer.status == 200, (path, answer.status, await answer.text())
            return await answer.text()

    async def chat(self, account_id: str, words: str) -> str:
        """Say it in the widget's own frames; returns the first answer of the bot that follows."""
        token = await self.page(f"/demo/token?author={account_id}") if account_id else ""
        async with self.session.ws_connect(self.demo.url + "/chat/socket") as line, asyncio.timeout(10):
            await line.send_json({"type": "hello", "token": token})
            await line.send_json({"type": "say", "id": uuid.uuid4().hex, "text": words})
            said = False
            async for frame in line:
                assert frame.type is WSMsgType.TEXT
                got = frame.json()
                said = said or got.get("text") == words
                if said and got.get("author") == "bot":
                    return str(got["text"])
        raise AssertionError("the chat ended without an answer")


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Visitor]:
    """The demo on a free port, as ``inbox demo`` serves it."""
    demo = await asyncio.to_thread(set_up, free_port(), folder, lambda _: None)
    runner = web.AppRunner(application(demo), access_log=None, shutdown_timeout=5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", demo.app.settings.web.port).start()
        async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:  # of an address without a name
            yield Visitor(demo, session)
    finally:
        await runner.cleanup()
        await asyncio.to_thread(demo.office.close_door)


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder as the first start leaves it."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    demo = set_up(free_port(), folder, lambda _: None)
    demo.office.close_door()
    demo.app.store.close()
    return folder


@pytest.fixture
def folder(first_start: Path, tmp_path: Path) -> Path:
    return shutil.copytree(first_start, tmp_path / "data")


@pytest.fixture
async def visitor(folder: Path) -> AsyncIterator[Visitor]:
    async with opened(folder) as someone:
        yield someone


async def until(look: Callable[[], Awaitable[object]], seconds: float = 10) -> object:
    """What ``look`` finds, as soon as it finds something."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):
            await asyncio.sleep(0.05)
        return found


def codes(text: str) -> list[str]:
    return re.findall(r"code is (\d{6})", text)
