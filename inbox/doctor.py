"""What is on, what is off, what is missing, what can be reached, and how to mend it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from inbox import app as root
from inbox import jobs, staffing
from inbox.clock import SystemClock
from inbox.db import migrate
from inbox.db.store import Store
from inbox.errors import DataError, InboxError, SettingsError
from inbox.intents import catalog as intents
from inbox.settings import Settings, load
from inbox.templates import catalog as answers
from inbox.templates import check, versions

PATIENCE = 10.0  # seconds for one far end

State = Literal["ok", "off", "warning", "broken"]
_MARK: dict[State, str] = {"ok": "ok     ", "off": "off    ", "warning": "warning", "broken": "BROKEN "}


@dataclass(frozen=True, slots=True)
class Finding:
    part: str
    state: State
    words: str


@dataclass(slots=True)
class Report:
    findings: list[Finding] = field(default_factory=list)

    @property
    def well(self) -> bool:
        return not any(f.state == "broken" for f in self.findings)

    def add(self, part: str, state: State, words: str) -> None:
        self.findings.append(Finding(part, state, words))

    def text(self) -> str:
        lines = [f"{_MARK[f.state]} {f.part:18} {f.words}" for f in self.findings]
        broken = sum(f.state == "broken" for f in self.findings)
        return "\n".join([*lines, "all well" if not broken else f"{broken} broken"])

    def as_json(self) -> dict[str, Any]:
        return {"well": self.well, "findings": [asdict(f) for f in self.findings]}


async def examine(config: Path | None = None) -> Report:
    """Look at everything; never raises for what is wrong with the installation."""
    report = Report()
    try:
        settings = load(config)
    except SettingsError as error:
        for problem in error.problems:
            report.add("settings", "broken", problem)
        return report
    report.add("settings", "ok", "read without problems")
    _content(report)
    if not settings.web.secrets:
        report.add("web.secrets", "broken", "missing; set web.secrets to 32 random characters (INBOX_WEB__SECRETS)")
        return report
    if not await _database(report, settings):
        return report
    try:
        app = await asyncio.to_thread(root.build, settings)
    except (SettingsError, DataError) as error:
        for problem in error.problems:
            report.add("start", "broken", problem)
        return report
    try:
        await _far_ends(report, app)
        await _governance(report, app.store)
        _settings_notes(report, settings)
    finally:
        if app.source is not None:
            await app.source.close()
        if app.crm is not None:
            await app.crm.close()
        await asyncio.to_thread(app.store.close)
    return report


def _content(report: Report) -> None:
    try:
        catalogue = intents.load()
        report.add("intents", "ok", f"{len(catalogue.entries)} intents, {sum(1 for _ in catalogue.phrases)} phrases")
    except DataError as error:
        report.add("intents", "broken", error.problems[0])
    try:
        problems = check.problems(answers.load())
        state: State = "broken" if problems else "ok"
        words = (
            str(problems[0])
            if problems
            else f"{len(answers.load().names)} answers render in every language and channel"
        )
        report.add("answers", state, words)
    except DataError as error:
        report.add("answers", "broken", error.problems[0])


async def _database(report: Report, settings: Settings) -> bool:
    url = settings.database.url
    try:
        changed = await asyncio.to_thread(migrate.upgrade, url)
    except InboxError as error:
        report.add("database", "broken", str(error))
        return False
    name = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
    report.add("database", "ok", f"{name}, {'migrated just now' if changed else 'schema is current'}")
    if url.startswith("sqlite:///"):
        _file_mode(report, Path(url.removeprefix("sqlite:///")))
    return True


def _file_mode(report: Report, path: Path) -> None:
    if os.name == "posix" and path.exists() and path.stat().st_mode & 0o077:
        report.add("database file", "warning", f"{path} can be read by others; chmod 600 {path}")


async def _far_ends(report: Report, app: root.App) -> None:
    parts: list[tuple[str, Any]] = [(name, app.channels.get(name)) for name in ("chat", "email", "sms", "voice")]
    parts += [("slack", app.desk), ("stripe", app.source), ("salesforce", app.crm)]
    for name, part in parts:
        if part is None:
            report.add(name, "off", _HOW[name])
            continue
        try:
            async with asyncio.timeout(PATIENCE):
                report.add(name, "ok", await part.check())
        except InboxError as error:
            report.add(name, "broken", str(error))
        except TimeoutError:
            report.add(name, "broken", f"no answer within {PATIENCE:.0f} s; check the address and the network")


_HOW = {
    "chat": "set [chat] token_secrets to switch it on (docs/chat.md)",
    "email": "add [email] address, imap_host, imap_password, smtp_host (docs/operations.md)",
    "sms": "add [twilio] account_sid, auth_tokens, number (docs/operations.md)",
    "voice": "add [twilio]; voice = true (docs/operations.md)",
    "stripe": "accounts are the ledger's own; add [stripe] api_keys, webhook_secrets to bill there (docs/billing-sources.md)",
    "slack": "add [slack] bot_token, signing_secrets, channel; until then cases wait in the console",
    "salesforce": "add [salesforce] login_url, client_id, client_secrets (docs/crm.md)",
}


async def _governance(report: Report, store: Store) -> None:
    """Words that may be sent, people who may decide, work that waits for them."""
    records = await store.read(versions.every)
    if not records:
        records = await store.run(
            lambda tx: (versions.sync(tx, answers.load(), SystemClock().now()), versions.every(tx))[1]
        )
    drafts = sum(r.status == "draft" for r in records)
    approved = sum(r.status == "approved" for r in records)
    if approved == 0:
        report.add(
            "templates", "warning", "none is approved, so every case goes to a person; read and approve them in the console, "
            "or: inbox templates approve --as SUPERVISOR",
        )  # fmt: skip
    else:
        report.add("templates", "warning" if drafts else "ok", f"{approved} approved, {drafts} wait for a decision")
    people = [p for p in await store.read(staffing.every) if not p.disabled]
    supervisors = sum(p.is_supervisor for p in people)
    if supervisors == 0:
        report.add("staff", "warning", "no supervisor yet; inbox staff add EMAIL --name NAME --role supervisor")
    else:
        report.add("staff", "ok", f"{supervisors} supervisors, {len(people) - supervisors} agents")
    for lane in await store.read(jobs.late):
        report.add(f"late: {lane['lane']}", "warning", f"{lane['n']} jobs wait; last answer: {lane['error']}")
    parked = len(await store.read(jobs.parked))
    report.add("parked jobs", "warning" if parked else "ok", f"{parked} wait for a person" if parked else "none")


def _settings_notes(report: Report, settings: Settings) -> None:
    if not settings.web.public_url:
        report.add("web.public_url", "warning", "not set: links in messages point to this machine only")
    elif not settings.web.public_url.startswith("https://"):
        report.add("web.public_url", "warning", "is not https; staff cookies and links are not protected on the way")
    if any(len(s) < 32 for s in settings.web.secrets):
        report.add("web.secrets", "warning", "one is shorter than 32 characters")
    if settings.stripe and not settings.stripe.webhook_secrets:
        report.add(
            "stripe webhook", "warning", "no stripe.webhook_secrets: payments and chargebacks are seen only when the author "
            "writes; add an endpoint in Stripe for /stripe/webhook and set its whsec_ secret (docs/billing-sources.md)",
        )  # fmt: skip
    if not settings.stripe and not settings.ledger.payment_url and not settings.company.portal_url:
        report.add(
            "payments",
            "warning",
            "neither ledger.payment_url nor company.portal_url is set: pay links explain, but lead nowhere",
        )
    if settings.ledger.charge_url and not settings.ledger.event_secrets:
        report.add(
            "payment events",
            "warning",
            "ledger.event_secrets is not set: payments made by hand are not told; set it and let the payment system sign",
        )
