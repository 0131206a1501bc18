"""A template version to look at: what it says with certain facts, and how it differs from the one before."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from inbox.accounts import facts as figures
from inbox.accounts.base import Account, AccountRef
from inbox.accounts.facts import Ask, Held, StepUp
from inbox.db.store import Tx
from inbox.errors import DataError, MissingFact
from inbox.house import House
from inbox.message import CHANNELS, ChannelName
from inbox.replies import language_of
from inbox.templates import samples, versions
from inbox.templates.render import Part, Rendered, letter, render, segments
from inbox.templates.versions import VersionRecord
from inbox.triage import account_of

_LEVEL = 2  # proven as far as the bot ever proves: what the author would see at best


@dataclass(frozen=True, slots=True)
class Try:
    """What to show it with: a made-up sample, or a real author's figures."""

    channel: str
    author: str = ""  # account id at the ledger; "" = the sample
    sample: int = 0


@dataclass(frozen=True, slots=True)
class Preview:
    text: str = ""
    subject: str = ""
    problem: str = ""  # why there is nothing to show
    segments: int = 0  # of a text message


@dataclass(frozen=True, slots=True)
class Change:
    mark: str  # " ", "+", "-"
    text: str


def preview(tx: Tx, house: House, record: VersionRecord, chosen: Try, now: datetime) -> Preview:
    """Nothing is sent. A fact that is missing, or an answer that would be held, is said in words."""
    try:
        rendered = _rendered(tx, house, record, chosen, now)
    except (MissingFact, DataError) as error:
        return Preview(problem=str(error))
    if isinstance(rendered, str):
        return Preview(problem=rendered)
    parts = segments(rendered.text) if chosen.channel == "sms" else 0
    return Preview(rendered.text, rendered.subject, segments=parts)


def _rendered(tx: Tx, house: House, record: VersionRecord, chosen: Try, now: datetime) -> Rendered | str:
    language, channel = language_of(record.language), _channel(chosen.channel)
    if record.answer == versions.LAYOUT:
        return letter("(The answer stands here.)", "email", language, house.company, layout=record.bundle)
    if not chosen.author:
        name = samples.NAMES[language].split()[0]
        found = samples.samples(record.answer)
        return render(
            [Part(record.answer, record.bundle, found[chosen.sample % len(found)])], channel, language, house.company, name,
            timezone=house.company.timezone,
        )  # fmt: skip
    account = account_of(tx, AccountRef("ledger", chosen.author), now)
    if account is None:
        return f"There is no account {chosen.author} in the ledger."
    return _with_real_figures(house, record, channel, account, now)


def _with_real_figures(
    house: House, record: VersionRecord, channel: ChannelName, account: Account, now: datetime
) -> Rendered | str:
    asks = figures.FACTS.get(record.answer)
    if asks is None:
        return "This answer has no figures of an account; look at it with a sample."
    today = now.astimezone(ZoneInfo(account.timezone or "UTC")).date()
    outcome = asks(account, Ask(today=today, now=now, level=_LEVEL, rules=house.rules))
    if isinstance(outcome, Held):
        return f"A person would answer: {outcome.text}."
    if isinstance(outcome, StepUp):
        return "The author would have to prove more first."
    known = figures.plain(outcome)
    links = dict.fromkeys(house.answers.spec(record.answer).links, f"{house.public_url}/l/an-example")
    name = (account.name.split() or [""])[0]
    return render(
        [Part(record.answer, record.bundle, {**links, **known})], channel, language_of(record.language), house.company, name,
        timezone=account.timezone,
    )  # fmt: skip


def _channel(name: str) -> ChannelName:
    return next((c for c in CHANNELS if c == name), "email")


def differences(before: VersionRecord | None, record: VersionRecord) -> dict[str, list[Change]]:
    """Per file of the bundle that changed, its lines with ``+`` and ``-``; empty for a first version."""
    if before is None:
        return {}
    found = {}
    for name in sorted({*before.bundle, *record.bundle}):
        old, new = before.bundle.get(name, ""), record.bundle.get(name, "")
        if old != new:
            lines = difflib.ndiff(old.splitlines(), new.splitlines())
            found[name] = [Change(line[0], line[2:]) for line in lines if line[0] in " +-"]
    return found
