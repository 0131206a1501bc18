"""``inbox payouts``: batches of withdrawals for finance, and what finance reports about them."""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from inbox.errors import InboxError, Malformed

if TYPE_CHECKING:
    from inbox.clock import Clock
    from inbox.db.store import Store
    from inbox.house import House
    from inbox.payouts.files import Format
    from inbox.settings import Settings

BY = "cli"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    words = "export withdrawals for finance and take in its report"
    payouts = commands.add_parser("payouts", help=words, description=f"{words.capitalize()}.")
    verbs = payouts.add_subparsers(required=True, metavar="export|reconcile|list|pay")
    export = verbs.add_parser("export", help="put what may be paid into a batch and write its file")
    export.add_argument("--out", type=Path, required=True, metavar="FILE.csv|.json")
    export.add_argument("--until", type=_day, metavar="DATE", help="requests up to this day (default: today)")
    export.add_argument("--batch", metavar="PB-…", help="write the file of an earlier batch again; nothing is claimed")
    export.set_defaults(run=_export)
    reconcile = verbs.add_parser("reconcile", help="apply what finance reports: all of it, or nothing")
    reconcile.add_argument("file", type=Path, metavar="FILE.csv|.json")
    reconcile.add_argument("--check", action="store_true", help="only look for mistakes")
    reconcile.set_defaults(run=_reconcile)
    listed = verbs.add_parser("list", help="batches, and how many withdrawals are in each state")
    listed.set_defaults(run=_list)
    pay = verbs.add_parser("pay", help="send a batch by the rail of the settings; may be run again")
    pay.add_argument("batch", metavar="PB-…")
    pay.set_defaults(run=_pay)


@dataclass
class _Opened:
    settings: Settings
    store: Store
    clock: Clock

    @cached_property
    def house(self) -> House:
        """Only what tells authors something needs the words, which take a while to load."""
        from inbox import app

        return app.make_house(self.settings)


def _export(arguments: argparse.Namespace) -> int:
    """The batch is claimed before its file is written: after a crash in between, ``--batch`` writes it again."""
    from inbox.payouts import batches

    form = _form(arguments.out)
    if arguments.out.exists():
        raise Malformed(f"{arguments.out} is there already; choose another name, so that no batch is lost")
    if not arguments.out.parent.is_dir():
        raise Malformed(f"{arguments.out.parent} is not a folder")
    with _opened(arguments) as inbox:
        if arguments.batch:
            number = batches.number_of(arguments.batch)
        else:
            now = inbox.clock.now()
            until = arguments.until or now.date()
            house = inbox.house
            picked = inbox.store.read_now(lambda tx: batches.pick(tx, until, now))
            claimed = inbox.store.run_sync(lambda tx: batches.claim(tx, house, picked, by=BY, at=now))
            for withdrawal_id, why in claimed.waiting:
                print(f"waits: {withdrawal_id}: {why}")
            if claimed.batch is None:
                print("nothing to pay; no batch was made")
                return 0
            number = claimed.batch.number
            print(
                f"batch {claimed.batch.id}: {claimed.batch.count} withdrawals, {claimed.batch.total or 'several currencies'}"
            )
        raw = inbox.store.read_now(lambda tx: batches.content(tx, number, form))
        _write(arguments.out, raw)
    print(f"{batches.batch_id(number)} written to {arguments.out}")
    return 0


def _reconcile(arguments: argparse.Namespace) -> int:
    from inbox.payouts import batches, files

    form = _form(arguments.file)
    try:
        raw = arguments.file.read_bytes()
    except OSError as error:
        raise InboxError(f"{arguments.file} cannot be read: {error.strerror}") from error
    reports = files.read(raw, form)
    with _opened(arguments) as inbox:
        now = inbox.clock.now()
        if arguments.check:
            problems = inbox.store.read_now(lambda tx: batches.problems(tx, reports, now))
            print("\n".join(problems or [f"{len(reports)} rows, no mistakes; nothing was applied"]))
            return 1 if problems else 0
        house = inbox.house
        done = inbox.store.run_sync(lambda tx: batches.reconcile(tx, house, reports, by="finance", at=now))
    print("\n".join(done.lines()))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from inbox.payouts import batches, withdrawals

    with _opened(arguments) as inbox:
        counts = inbox.store.read_now(withdrawals.counts)
        found = inbox.store.read_now(batches.every)
    print(", ".join(f"{n} {state.replace('_', ' ')}" for state, n in counts.items()))
    for batch in found:
        print(f"{batch.id}  {batch.created_at:%Y-%m-%d %H:%M}  {batch.count:5}  {batch.total:>14}  {batch.created_by}")
    return 0


def _pay(arguments: argparse.Namespace) -> int:
    from inbox.payouts import batches, sending
    from inbox.payouts.connect import ConnectRail

    with _opened(arguments) as inbox:
        chosen = inbox.settings.payouts
        if chosen.rail != "stripe":
            raise Malformed("no rail is set up: give the batch file to finance, or set payouts.rail to stripe")
        rail = ConnectRail(chosen.stripe_keys[0], chosen.stripe_api_base)

        async def work() -> sending.Paid:
            try:
                return await sending.pay(
                    inbox.store, inbox.house, inbox.clock, rail, batches.number_of(arguments.batch)
                )  # fmt: skip
            finally:
                await rail.close()

        done = asyncio.run(work())
    print("\n".join(done.lines()))
    return 0 if done.complete else 1


@contextmanager
def _opened(arguments: argparse.Namespace) -> Iterator[_Opened]:
    from inbox import settings
    from inbox.clock import SystemClock
    from inbox.db import migrate
    from inbox.db.store import open_store

    loaded = settings.load(arguments.config)
    migrate.upgrade(loaded.database.url)
    store = open_store(loaded.database.url)
    try:
        yield _Opened(loaded, store, SystemClock())
    finally:
        store.close()


def _form(path: Path) -> Format:
    from inbox.payouts.files import FORMATS

    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise Malformed(f"{path} must end in .csv or .json")
    return form


def _write(path: Path, raw: bytes) -> None:
    """Whole or not at all, readable by its owner only; an existing file is never replaced."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(raw)
            out.flush()
            os.fsync(out.fileno())
        os.link(temporary, path)
    except OSError as error:
        raise InboxError(f"{path} cannot be written: {error.strerror}; write it again with --batch") from error
    finally:
        Path(temporary).unlink()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day like 2026-03-20") from error
