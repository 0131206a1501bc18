"""Agents and supervisors: local accounts with argon2 passwords and revocable sessions."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from inbox import events
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import sessions, staff
from inbox.errors import Conflict, Malformed, NotFound
from inbox.ids import new_id

ROLES = ("agent", "supervisor")
SESSION = timedelta(hours=12)
SHORTEST_PASSWORD = 12

b = sa.bindparam
_ADD = insert(staff, "id", "email", "name", "role", "password_hash", "slack_user_id", "created_at")
_BY_EMAIL = Sql(sa.select(staff).where(staff.c.email == b("address")))
_BY_ID = Sql(sa.select(staff).where(staff.c.id == b("key")))
_BY_DESK = Sql(
    sa.select(staff).where(
        sa.or_(staff.c.slack_user_id == b("desk_id"), staff.c.id == b("desk_id")), staff.c.disabled_at == 0
    )
)
_ALL = Sql(sa.select(staff).order_by(staff.c.name))
_SET_PASSWORD = Sql(sa.update(staff).where(staff.c.id == b("key")).values(password_hash=b("hashed")))
_DISABLE = Sql(sa.update(staff).where(staff.c.id == b("key")).values(disabled_at=b("at")))
_LINK_SLACK = Sql(sa.update(staff).where(staff.c.id == b("key")).values(slack_user_id=b("desk_id")))
_ADD_SESSION = insert(sessions, "hash", "staff_id", "csrf", "client", "created_at", "expires_at")
_SESSION = Sql(
    sa.select(staff, sessions.c.csrf, sessions.c.expires_at, sessions.c.revoked_at)
    .join(sessions, sessions.c.staff_id == staff.c.id)
    .where(sessions.c.hash == b("token"))
)
_REVOKE = Sql(sa.update(sessions).where(sessions.c.hash == b("token")).values(revoked_at=b("at")))
_REVOKE_ALL = Sql(
    sa.update(sessions).where(sessions.c.staff_id == b("key"), sessions.c.revoked_at == 0).values(revoked_at=b("at"))
)

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """Checked when the address is unknown, so that both answers take the same time."""
    return _hasher.hash("nobody has this password")


@dataclass(frozen=True, slots=True)
class Staff:
    id: str
    email: str
    name: str
    role: str
    slack_user_id: str = ""
    disabled: bool = False

    @property
    def is_supervisor(self) -> bool:
        return self.role == "supervisor"


@dataclass(frozen=True, slots=True)
class Session:
    staff: Staff
    csrf: str


def add(
    tx: Tx, now: datetime, *, email: str, name: str, role: str, password: str, slack_user_id: str = "", by: str = "cli"
) -> Staff:
    """Create an account. Raises ``Malformed`` or ``Conflict``."""
    if role not in ROLES:
        raise Malformed(f"role must be one of {', '.join(ROLES)}, not {role!r}")
    if "@" not in email:
        raise Malformed(f"{email!r} is not an email address")
    if tx.one(_BY_EMAIL, address=email.lower()):
        raise Conflict(f"there already is an account for {email.lower()}")
    person = Staff(new_id(), email.lower(), name, role, slack_user_id)
    tx.run(
        _ADD, id=person.id, email=person.email, name=name, role=role, password_hash=hashed(password),
        slack_user_id=slack_user_id, created_at=to_micros(now),
    )  # fmt: skip
    events.record(tx, "staff", "staff.added", now, by, staff=person.id, email=person.email, role=role)
    return person


def hashed(password: str) -> str:
    """Raises ``Malformed`` if the password is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise Malformed(f"a password needs at least {SHORTEST_PASSWORD} characters")
    return _hasher.hash(password)


def stored_hash(tx: Tx, email: str) -> tuple[Staff | None, str]:
    """The account and its password hash; a hash nobody has if there is none. Check it with ``matches``, off the loop."""
    row = tx.one(_BY_EMAIL, address=email.strip().lower())
    if row is None or row["disabled_at"]:
        return None, _nobody()
    return _staff(row), str(row["password_hash"])


def matches(password: str, stored: str) -> bool:
    """Slow on purpose (argon2id): call it in a thread."""
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def log_in(tx: Tx, person: Staff, now: datetime, client: str) -> str:
    """A new session; returns the token for the cookie, of which only the hash is kept."""
    token = secrets.token_urlsafe(32)
    tx.run(
        _ADD_SESSION, hash=_digest(token), staff_id=person.id, csrf=secrets.token_urlsafe(24), client=client[:200],
        created_at=to_micros(now), expires_at=to_micros(now + SESSION),
    )  # fmt: skip
    events.record(tx, "staff", "staff.logged_in", now, person.id, client=client[:200])
    return token


def session(tx: Tx, token: str, now: datetime) -> Session | None:
    row = tx.one(_SESSION, token=_digest(token))
    if row is None or row["revoked_at"] or row["disabled_at"] or row["expires_at"] <= to_micros(now):
        return None
    return Session(_staff(row), row["csrf"])


def log_out(tx: Tx, token: str, now: datetime, person: Staff) -> None:
    tx.run(_REVOKE, token=_digest(token), at=to_micros(now))
    events.record(tx, "staff", "staff.logged_out", now, person.id)


def set_password(tx: Tx, email: str, password: str, now: datetime, by: str) -> None:
    """Change a password and end all sessions of that account. Raises ``NotFound``."""
    row = tx.one(_BY_EMAIL, address=email.lower())
    if row is None:
        raise NotFound(f"there is no account for {email}")
    tx.run(_SET_PASSWORD, key=row["id"], hashed=hashed(password))
    tx.run(_REVOKE_ALL, key=row["id"], at=to_micros(now))
    events.record(tx, "staff", "staff.password_changed", now, by, staff=row["id"])


def disable(tx: Tx, key: str, now: datetime, by: str) -> None:
    tx.run(_DISABLE, key=key, at=to_micros(now))
    tx.run(_REVOKE_ALL, key=key, at=to_micros(now))
    events.record(tx, "staff", "staff.disabled", now, by, staff=key)


def enable(tx: Tx, key: str, password: str, now: datetime, by: str) -> None:
    """Open a switched-off account again, with a new password: the old one may be why it was closed."""
    tx.run(_DISABLE, key=key, at=0)
    tx.run(_SET_PASSWORD, key=key, hashed=hashed(password))
    events.record(tx, "staff", "staff.enabled", now, by, staff=key)


def link_slack(tx: Tx, key: str, slack_user_id: str, now: datetime, by: str) -> None:
    tx.run(_LINK_SLACK, key=key, desk_id=slack_user_id)
    events.record(tx, "staff", "staff.linked", now, by, staff=key, slack=slack_user_id)


def by_desk_id(tx: Tx, desk_id: str) -> Staff | None:
    """Who this person is: by Slack user id, or by staff id for the console."""
    row = tx.one(_BY_DESK, desk_id=desk_id) if desk_id else None
    return _staff(row) if row else None


def by_id(tx: Tx, key: str) -> Staff | None:
    row = tx.one(_BY_ID, key=key)
    return _staff(row) if row else None


def every(tx: Tx) -> list[Staff]:
    return [_staff(row) for row in tx.all(_ALL)]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _staff(row: Any) -> Staff:
    return Staff(row["id"], row["email"], row["name"], row["role"], row["slack_user_id"], bool(row["disabled_at"]))
