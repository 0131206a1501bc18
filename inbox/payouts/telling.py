"""Tell an author what became of their money or their payout method: approved words, an allowed channel, once.

Mail comes before text messages, and a text message waits for the morning; what cannot be told is kept with its reason,
so that the desk sees it. What concerns the safety of payouts is told at every address, and by mail whatever the author
wishes about reminders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from inbox import contacts, conversations, events
from inbox.accounts.base import Account
from inbox.clock import to_micros, zone
from inbox.conversations import Conversation, address
from inbox.crm import filing
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import messages
from inbox.house import House
from inbox.message import ChannelName, ContactPoint
from inbox.payouts.tables import notices
from inbox.replies import Said, Say, To, say
from inbox.settings import Rules

b = sa.bindparam
_TOLD = Sql(sa.select(notices.c.step).where(notices.c.subject == b("of"), notices.c.step == b("at_step")))
_ADD = insert(notices, "subject", "step", "message_id", "why", "at")
_OF = Sql(sa.select(notices).where(notices.c.subject == b("of")).order_by(notices.c.at, notices.c.step))
_UNDELIVERED = Sql(
    sa.select(messages.c.address, messages.c.status_detail, messages.c.status).where(
        messages.c.id == b("message"), messages.c.status.in_(["undelivered", "failed", "suppressed"])
    )
)
_CHANNEL: Mapping[str, ChannelName] = {"email": "email", "phone": "sms"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """``subject`` is the id of a withdrawal or a change, ``step`` what happened to it: each pair is told once.

    ``everywhere``: about the safety of payouts, so every address hears of it.
    """

    subject: str
    step: str
    answer: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Untold:
    step: str
    why: str  # for each address that could not be told


def tell(
    tx: Tx, house: House, account: Account, notice: Notice, now: datetime, *, conversation_id: str = "",
    to: Sequence[ContactPoint] = (),
) -> list[str]:  # fmt: skip
    """Queue the notice and return the message ids; [] if it was told before or nothing is allowed.

    It goes to the first address of ``to`` (default: those on file) that may be used, or ``everywhere`` to each.
    """
    if tx.one(_TOLD, of=notice.subject, at_step=notice.step) is not None:
        return []
    talk = _conversation(tx, house, account, conversation_id, now)
    sent: list[str] = []
    missed: list[str] = []
    for point in to or _points(account):
        if sent and not notice.everywhere:
            break
        said, why = _attempt(tx, house, account, talk, point, notice, now)
        sent += [said] if said else []
        missed += [] if said else [f"{point.value}: {why}"]
    why = "" if sent and not notice.everywhere else "; ".join(missed)
    why = why if sent or why else "there is no address on file"
    tx.run(
        _ADD, subject=notice.subject, step=notice.step, message_id=",".join(sent), why=why[:600], at=to_micros(now),
    )  # fmt: skip
    if why:
        events.record(tx, talk.id, "notice.not_sent", now, "bot", subject=notice.subject, step=notice.step, why=why)
    return sent


def told(tx: Tx, subject: str) -> list[Any]:
    """Rows of what was told about a withdrawal or a change: ``step``, ``message_id`` ("" = could not be told), ``why``."""
    return tx.all(_OF, of=subject)


def untold(tx: Tx, subject: str) -> list[Untold]:
    """What of it did not reach an address it should have reached: not allowed, or not delivered."""
    found = []
    for row in told(tx, subject):
        lost = [m for key in row["message_id"].split(",") if key and (m := tx.one(_UNDELIVERED, message=key))]
        whys = [f"{m['address'].partition(':')[2]}: {m['status_detail'] or m['status']}" for m in lost]
        if row["why"] or whys:
            found.append(Untold(row["step"], "; ".join(([row["why"]] if row["why"] else []) + whys)))
    return found


def _attempt(
    tx: Tx, house: House, account: Account, talk: Conversation, point: ContactPoint, notice: Notice, now: datetime
) -> tuple[str, str]:
    """The message id, or "" and why not."""
    channel = _CHANNEL[point.kind]
    # What is no reminder may come by mail all the same; a text without consent may not.
    if account.consents.get(channel) is False and not (notice.everywhere and channel == "email"):
        why = f"the author does not want {channel}"
        events.record(
            tx, talk.id, "message.suppressed", now, "bot", reason="no_consent", words=why, channel=channel, to=address(point),
            answers=[notice.answer],
        )  # fmt: skip
        return "", why
    first_name = (account.name.split() or [""])[0]
    target = To(channel=channel, point=point, name=first_name, timezone=account.timezone)
    part = Say(answer=notice.answer, facts=notice.facts, sources=notice.sources)
    later = morning(account.timezone, house.rules, now) if channel == "sms" else None
    said = say(tx, house, talk, target, [part], now, purpose="notice", not_before=later)
    return (said.message_id, "") if isinstance(said, Said) else ("", said.words)


def _points(account: Account) -> Iterable[ContactPoint]:
    """Those on file; mail first, which disturbs nobody at night."""
    return sorted(account.points(), key=lambda p: p.kind != "email")


def morning(timezone: str, rules: Rules, now: datetime) -> datetime | None:
    """When the quiet hours of the author's clock end; None if it is not quiet."""
    local = now.astimezone(zone(timezone))
    until, start = time.fromisoformat(rules.quiet_until), time.fromisoformat(rules.quiet_from)
    clock = local.time()
    if until <= clock < start:
        return None
    day = local.date() + timedelta(days=1 if clock >= start else 0)
    return datetime.combine(day, until, local.tzinfo).astimezone(now.tzinfo)


def _conversation(tx: Tx, house: House, account: Account, conversation_id: str, now: datetime) -> Conversation:
    """The talk it belongs to: the live one, else the one where it began, else one that is made for it and closed."""
    author = contacts.by_account(tx, account.ref.source, account.ref.id) or contacts.add(
        tx, now, source=account.ref.source, account_id=account.ref.id, name=account.name, language=account.language,
        timezone=account.timezone,
    )  # fmt: skip
    found = conversations.live(tx, author.id)
    if found is None and conversation_id:
        began = conversations.by_id(tx, conversation_id)
        found = began if began is not None and began.contact_id == author.id else None
    found = found or conversations.latest(tx, author.id)
    if found is None:
        made = conversations.find_or_open(
            tx, author.id, now, channel="email", subject="", language=account.language,
            reopen=timedelta(days=house.rules.reopen_days),
        )  # fmt: skip
        found = conversations.set_status(tx, made, "resolved", now, actor="system", outcome="told") or made
        filing.changed(tx, house, made.id, now)
    return replace(found, language=found.language or account.language)
