"""The command line. Each command is a thin shell around a function that tests call too."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from inbox import __version__, cli_intents, cli_payouts
from inbox.errors import DataError, InboxError, SettingsError

if TYPE_CHECKING:
    from inbox.settings import Settings

T = TypeVar("T")
Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; problems the user can mend are one line each, never a traceback."""
    arguments = _parser().parse_args(argv)
    try:
        code = arguments.run(arguments)
    except (SettingsError, DataError) as error:
        for problem in error.problems:
            print(f"inbox: {problem}", file=sys.stderr)
        code = 2
    except InboxError as error:
        print(f"inbox: {error}", file=sys.stderr)
        code = 1
    except BrokenPipeError:
        code = 0
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="inbox", description="Omnichannel billing-support inbox.")
    parser.add_argument("--version", action="version", version=f"inbox {__version__}")
    parser.add_argument("--config", type=Path, help="settings file (default: INBOX_CONFIG, or inbox.toml if it exists)")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    _add(commands, "serve", _serve, "run the inbox: web, channels, workers")
    _add(commands, "worker", _worker, "run workers only, beside other nodes (PostgreSQL)")
    demo = _add(commands, "demo", _demo, "run the whole product with stand-ins for every far end")
    demo.add_argument("--port", type=int, default=8080)
    demo.add_argument("--data", type=Path, default=Path("var/demo"), help="where the demo keeps its database")
    _add(commands, "migrate", _migrate, "bring the database to the current schema")
    doctor = _add(commands, "doctor", _doctor, "say what is on, off, missing and reachable, with the fix")
    doctor.add_argument("--json", action="store_true")

    load = _add(commands, "import", _import, "import accounts from JSON or CSV into the ledger")
    load.add_argument("files", nargs="+", type=Path, metavar="FILE")
    load.add_argument("--table", help="which table a CSV file is, if its name does not say")
    load.add_argument("--skip-bad", action="store_true", help="import the good rows even if others are bad")

    play = _add(commands, "simulate", _simulate, "play dialogue files through the real pipeline")
    play.add_argument("file", type=Path, metavar="FILE.jsonl")
    play.add_argument("--only", help="the id of one dialogue")
    play.add_argument("--json", action="store_true")

    bench = _add(commands, "bench", _bench, "measure speed and memory as ratios in one run")
    bench.add_argument("--json", action="store_true")
    bench.add_argument("--only", action="append", help="one measurement; may be given several times")
    bench.add_argument("--quick", action="store_true", help="smaller sizes, rougher figures")

    cli_intents.add(commands)
    cli_payouts.add(commands)
    _template_commands(commands)
    _staff_commands(commands)
    audit = _add(commands, "audit", _audit, "show and verify the record of a conversation")
    audit.add_argument("stream", help="conversation id, or staff, templates, security")
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: Command, words: str
) -> argparse.ArgumentParser:
    sub = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
    sub.set_defaults(run=run)
    return sub


def _template_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    templates = _add(commands, "templates", lambda _: 2, "check, list and approve the answers")
    verbs = templates.add_subparsers(required=True, metavar="check|list|approve")
    _add(verbs, "check", _templates_check, "render every answer on every channel and language")
    _add(verbs, "list", _templates_list, "list versions and their status")
    approve = _add(verbs, "approve", _templates_approve, "approve all drafts, in a supervisor's name")
    approve.add_argument("--as", dest="supervisor", required=True, metavar="EMAIL", help="the supervisor who read them")


def _staff_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    people = _add(commands, "staff", lambda _: 2, "add and change staff accounts")
    verbs = people.add_subparsers(required=True, metavar="add|password|list")
    add = _add(verbs, "add", _staff_add, "add an agent or supervisor; prints a first password")
    add.add_argument("email")
    add.add_argument("--name", required=True)
    add.add_argument("--role", choices=["agent", "supervisor"], default="agent")
    add.add_argument("--slack", default="", metavar="U…", help="their Slack user id")
    change = _add(verbs, "password", _staff_password, "set a new password; ends their sessions")
    change.add_argument("email")
    _add(verbs, "list", _staff_list, "list staff accounts")


# -- running


def _settings(arguments: argparse.Namespace) -> Settings:
    from inbox import settings

    return settings.load(arguments.config)


@contextmanager
def _loading() -> Iterator[None]:
    """Nothing that is loaded at start is garbage: the collector waits until ``running.settle_memory`` wakes it."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _serve(arguments: argparse.Namespace) -> int:
    with _loading():
        from inbox import log, running

        settings = _settings(arguments)
        log.set_up(as_json=settings.log_json)
        return running.serve(settings)


def _worker(arguments: argparse.Namespace) -> int:
    with _loading():
        from inbox import log, running

        settings = _settings(arguments)
        log.set_up(as_json=settings.log_json)
        return running.work(settings)


def _demo(arguments: argparse.Namespace) -> int:
    from inbox import log
    from inbox.demo import running as demo

    log.set_up(as_json=False, level=logging.WARNING)
    return demo.run(port=arguments.port, data=arguments.data)


def _migrate(arguments: argparse.Namespace) -> int:
    from inbox.db import migrate

    url = _settings(arguments).database.url
    print("migrated" if migrate.upgrade(url) else "already current")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from inbox import doctor

    report = asyncio.run(doctor.examine(arguments.config))
    print(json.dumps(report.as_json(), indent=2) if arguments.json else report.text())
    return 0 if report.well else 1


def _import(arguments: argparse.Namespace) -> int:
    from inbox.accounts import importing
    from inbox.db import migrate
    from inbox.db.store import open_store

    url = _settings(arguments).database.url
    migrate.upgrade(url)
    store = open_store(url)
    try:
        report = importing.run(arguments.files, store, table=arguments.table or "", skip_bad=arguments.skip_bad)
    finally:
        store.close()
    print("\n".join(report.lines()))
    return 0 if report.ok else 1


def _simulate(arguments: argparse.Namespace) -> int:
    from inbox import log, simulate

    log.set_up(as_json=False, level=logging.ERROR)
    report = asyncio.run(simulate.play(arguments.file, only=arguments.only))
    print(json.dumps(report.as_json(), ensure_ascii=False, indent=1) if arguments.json else report.text())
    return 0 if report.passed else 1


def _bench(arguments: argparse.Namespace) -> int:
    from inbox import bench, log

    log.set_up(as_json=False, level=logging.ERROR)
    report = bench.run(only=arguments.only, quick=arguments.quick)
    print(json.dumps(report, indent=1) if arguments.json else bench.text(report))
    return 0


# -- templates


def _templates_check(_: argparse.Namespace) -> int:
    from inbox.templates import check

    problems = check.problems()
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    return 1 if problems else 0


def _templates_list(arguments: argparse.Namespace) -> int:
    from inbox.templates import versions

    for v in _with_store(arguments, lambda store: store.read_now(versions.every)):
        print(f"{v.answer:28} {v.language}  v{v.version:<3} {v.status:10} {v.decided_by or v.author}")
    return 0


def _templates_approve(arguments: argparse.Namespace) -> int:
    from inbox import staffing
    from inbox.clock import SystemClock
    from inbox.db.store import Tx
    from inbox.templates import catalog, versions

    now = SystemClock().now()

    def unit(tx: Tx) -> int:
        person, _ = staffing.stored_hash(tx, arguments.supervisor)
        if person is None or not person.is_supervisor:
            raise InboxError(f"{arguments.supervisor} is not a supervisor; add one with: inbox staff add")
        versions.sync(tx, catalog.load(), now)
        drafts = [v for v in versions.every(tx) if v.status == "draft"]
        for draft in drafts:
            versions.approve(tx, draft.id, now, person.id)
        return len(drafts)

    print(f"{_with_store(arguments, lambda store: store.run_sync(unit))} drafts approved")
    return 0


def _with_store(arguments: argparse.Namespace, work: Callable[..., T]) -> T:
    from inbox.db import migrate
    from inbox.db.store import open_store

    url = _settings(arguments).database.url
    migrate.upgrade(url)
    store = open_store(url)
    try:
        return work(store)
    finally:
        store.close()


# -- people and the record


def _staff_add(arguments: argparse.Namespace) -> int:
    from inbox import staffing
    from inbox.clock import SystemClock

    password = secrets.token_urlsafe(12)
    _with_store(
        arguments,
        lambda store: store.run_sync(
            lambda tx: staffing.add(
                tx,
                SystemClock().now(),
                email=arguments.email,
                name=arguments.name,
                role=arguments.role,
                password=password,
                slack_user_id=arguments.slack,
            )
        ),
    )
    print(f"{arguments.role} {arguments.email} added. First password: {password}")
    return 0


def _staff_password(arguments: argparse.Namespace) -> int:
    from inbox import staffing
    from inbox.clock import SystemClock

    password = secrets.token_urlsafe(12)
    _with_store(
        arguments,
        lambda store: store.run_sync(
            lambda tx: staffing.set_password(tx, arguments.email, password, SystemClock().now(), "cli")
        ),
    )
    print(f"new password for {arguments.email}: {password}")
    return 0


def _staff_list(arguments: argparse.Namespace) -> int:
    from inbox import staffing

    for person in _with_store(arguments, lambda store: store.read_now(staffing.every)):
        state = "disabled" if person.disabled else person.role
        print(f"{person.email:36} {person.name:24} {state:10} {person.slack_user_id}")
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    from inbox import events

    found = _with_store(arguments, lambda store: store.read_now(lambda tx: list(events.read(tx, arguments.stream))))
    wrong = _with_store(arguments, lambda store: store.read_now(lambda tx: events.verify(tx, arguments.stream)))
    for event in found:
        print(
            f"{event.seq:5} {event.at.isoformat(timespec='seconds')} {event.type:28} {event.actor:12} {json.dumps(event.data, ensure_ascii=False)}"
        )
    print(wrong or f"{len(found)} entries, the chain is whole")
    return 1 if wrong else 0
