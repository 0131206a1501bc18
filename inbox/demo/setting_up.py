"""The steps before the first page: keys, database, mail door, authors, staff and approved words, one line each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from inbox import app as root
from inbox import staffing
from inbox.accounts import importing, samples, tables
from inbox.db import migrate
from inbox.db.store import Sql, Tx
from inbox.demo import keys as demo_keys
from inbox.demo.cast import DESK_NUMBER, NUMBER, SLACK_PEOPLE, STAFF, SUPPORT
from inbox.demo.keys import Keys
from inbox.demo.mail import DemoMailbox
from inbox.demo.memory import Memory
from inbox.demo.post_office import SERVER, PostOffice
from inbox.demo.slack_stand_in import SlackStandIn
from inbox.demo.slack_workspace import CASES
from inbox.demo.twilio_stand_in import TwilioStandIn
from inbox.demo.world import Demo
from inbox.errors import DataError
from inbox.settings import Chat, Company, Database, Email, Ledger, Settings, Slack, Twilio, Web
from inbox.templates import versions

Say = Callable[[str], None]
STEPS = 7
_COUNT = Sql(sa.select(sa.func.count().label("n")).select_from(tables.authors))


def set_up(port: int, data: Path, say: Say) -> Demo:
    """Everything made and wired, nothing running but the mail door. ``say`` gets a line for each step."""
    step = _Steps(say)
    data.mkdir(parents=True, exist_ok=True)
    keys = demo_keys.kept(data, (member.email for member in STAFF))
    step(f"keys and passwords in {data / 'keys.json'}")
    url = f"sqlite:///{(data / 'inbox.db').resolve()}"
    step("database " + ("made or brought up to date" if migrate.upgrade(url) else "found as it was"))
    office = PostOffice(data / "mail", SUPPORT)
    smtp_port = office.open_door()
    step(f"mail door on 127.0.0.1:{smtp_port}, {len(office.letters)} mails kept")
    try:
        demo = _wired(settings_of(port, url, smtp_port, keys), keys, office, Memory(data / "far_ends.json"))
        _fill(demo, step)
    except BaseException:
        office.close_door()
        raise
    return demo


class _Steps:
    def __init__(self, say: Say) -> None:
        self._say, self._n = say, 0

    def __call__(self, words: str) -> None:
        self._n += 1
        self._say(f"{self._n}/{STEPS} {words}")


def settings_of(port: int, database: str, smtp_port: int, keys: Keys) -> Settings:
    """Every channel on, each pointed at its stand-in on this machine."""
    here = f"http://127.0.0.1:{port}"
    pay = here + "/demo/pay?account={account}&invoice={invoice}&amount={amount}&kind={kind}"
    return Settings(
        company=Company(support_email=SUPPORT, support_phone=NUMBER, portal_url=f"{here}/demo/portal"),
        web=Web(port=port, public_url=here, secrets=(keys.web_secret,)),
        database=Database(url=database),
        ledger=Ledger(
            payment_url=pay, event_secrets=(_bank_secret(keys),), charge_url=f"{here}/demo/bank/charge",
            charge_secrets=(_bank_secret(keys),),
        ),
        chat=Chat(token_secrets=(keys.chat_secret,)),
        email=Email(
            address=SUPPORT, imap_host="127.0.0.1", imap_port=smtp_port, imap_tls="none",
            imap_password=(keys.mail_password,), smtp_host="127.0.0.1", smtp_port=smtp_port, smtp_tls="none",
            authserv_ids=(SERVER,),
        ),
        twilio=Twilio(
            account_sid=keys.twilio_sid, auth_tokens=(keys.twilio_token,), number=NUMBER,
            api_base=f"{here}/demo/twilio", agent_number=DESK_NUMBER,
        ),
        slack=Slack(
            bot_token=(keys.slack_token,), signing_secrets=(keys.slack_secret,), channel=CASES,
            api_base=f"{here}/demo/slack/api/",
        ),
        log_json=False,
    )  # fmt: skip


def _bank_secret(keys: Keys) -> str:
    """What the demo's bank and the inbox share; made from a key that is kept, so that old folders need no new one."""
    return hashlib.sha256(f"bank:{keys.web_secret}".encode()).hexdigest()


def _wired(settings: Settings, keys: Keys, office: PostOffice, memory: Memory) -> Demo:
    app = root.build(settings)
    assert settings.email is not None
    # The worker looks its channels up by name in the same mapping, so this takes the place everywhere.
    app.channels["email"] = DemoMailbox(  # type: ignore[index]  # a dict behind a read-only type
        settings.email, settings.company, fallback_secrets=settings.web.secrets, office=office
    )
    here = settings.web.public_url
    twilio = TwilioStandIn(keys.twilio_sid, keys.twilio_token, here, number=NUMBER, ids=memory.numbers)
    slack = SlackStandIn(keys.slack_secret, keys.slack_token, here, people=SLACK_PEOPLE)
    memory.restore(twilio, slack)
    return Demo(
        app=app, keys=keys, twilio=twilio, slack=slack, office=office, memory=memory,
        smtp_port=settings.email.smtp_port,
    )  # fmt: skip


def _fill(demo: Demo, step: Callable[[str], None]) -> None:
    store, now = demo.app.store, demo.now()
    step(store.run_sync(lambda tx: _authors(tx, now, demo.app.settings.company)))
    store.run_sync(lambda tx: _staff(tx, demo.keys, now))
    step(f"{len(STAFF)} staff accounts")
    added = store.run_sync(lambda tx: _approve(tx, demo, now))
    step(f"words approved in {STAFF[-1].name}'s name, {added} of them new")


def _authors(tx: Tx, now: datetime, company: Company) -> str:
    """Take the sample authors in, unless there are authors already. Their dates are told from today on."""
    there = tx.one(_COUNT)
    if there is not None and there["n"]:
        return f"{there['n']} sample authors found as they were"
    today = now.astimezone(ZoneInfo(company.timezone)).date()
    found = samples.load(today)
    report = importing.load_accounts(json.dumps(found, default=str), "samples", tx, at=now)
    if report.problems:
        raise DataError([str(problem) for problem in report.problems])
    return f"{len(found)} sample authors taken in"


def _staff(tx: Tx, keys: Keys, now: datetime) -> None:
    known = {person.email for person in staffing.every(tx)}
    for member in STAFF:
        if member.email not in known:
            staffing.add(
                tx, now, email=member.email, name=member.name, role=member.role,
                password=keys.passwords[member.email], slack_user_id=member.slack, by="demo",
            )  # fmt: skip


def _approve(tx: Tx, demo: Demo, now: datetime) -> int:
    supervisor = next(person for person in staffing.every(tx) if person.email == STAFF[-1].email)
    return versions.sync(tx, demo.app.house.answers, now, approve_as=supervisor.id)
