"""The tables an import may hold: their columns, and how each cell is read. Pure.

A JSON account is taken apart into the same rows that the CSV tables have, so there is one set of names and rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from babel.numbers import is_currency

from inbox import redaction
from inbox.disclosure.parties import RELATIONS
from inbox.message import LANGUAGES

_EMAIL = re.compile(r"[^\s@]{1,64}@[^\s@.]{1,63}(?:\.[^\s@.]{1,63}){1,8}")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}")
_LONGEST = 2_000  # characters of one cell


@dataclass(frozen=True, slots=True)
class Column:
    kind: str  # name of a reader below
    required: bool = False
    choices: tuple[str, ...] = ()
    default: Any = ""


@dataclass(frozen=True, slots=True)
class Table:
    columns: Mapping[str, Column]
    key: tuple[str, ...] = ("id",)


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that cannot be taken. Without ``author_id`` nobody can say whose account it leaves incomplete."""

    where: str  # "invoices.csv:12" or "authors.json:40 invoices[1]"
    reason: str
    author_id: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(slots=True)
class Row:
    where: str
    table: str
    cells: Mapping[str, Any]  # as they came: texts, or JSON values
    values: dict[str, Any] = field(default_factory=dict)  # as they were read

    @property
    def author_id(self) -> str:
        return str(self.cells.get("author_id") or "").strip()

    @property
    def key(self) -> tuple[str, ...]:
        return (self.table, *(str(self.values[k]) for k in TABLES[self.table].key))

    def problem(self, reason: str) -> Problem:
        return Problem(self.where, reason, self.author_id)


def _must(kind: str, *choices: str) -> Column:
    return Column(kind, required=True, choices=choices)


_AUTHOR, _ID_COLUMN, _INVOICE, _TEXT, _MONEY, _DATE = (
    _must("id"), _must("id"), _must("id"), Column("text"), _must("money"), _must("date"),
)  # fmt: skip
_MAYBE_DATE = Column("date", default=None)
TABLES: dict[str, Table] = {
    "authors": Table({
        "author_id": _AUTHOR, "name": _must("text"), "email": Column("email"), "phone": Column("phone"),
        "timezone": Column("timezone", default="UTC"), "language": Column("choice", choices=LANGUAGES, default="en"),
        "region": _TEXT, "currency": Column("currency", default="USD"), "titles": Column("list", default=()),
        "flags": Column("list", default=()), "consents": Column("consents", default={}),
        "total_outstanding": Column("money", default=None),
    }, ("author_id",)),
    "invoices": Table({
        "author_id": _AUTHOR, "id": _ID_COLUMN, "description": _TEXT, "issued": _DATE, "due": _DATE, "total": _MONEY,
        "paid": Column("money", default=Decimal(0)), "balance": Column("money", default=None),
        "status": Column("choice", choices=("open", "paid", "void")),
    }),
    "plans": Table({
        "author_id": _AUTHOR, "id": _ID_COLUMN, "invoice": _INVOICE, "installments": Column("count", default=None),
        "amount": Column("money", default=None), "next_retry": _MAYBE_DATE, "approved_by": _TEXT,
    }),
    "instalments": Table({
        "author_id": _AUTHOR, "plan": _must("id"), "n": _must("count"), "due": _DATE, "amount": _MONEY,
        "status": _must("choice", "paid", "scheduled", "failed"),
    }, ("plan", "n")),
    "payments": Table({
        "author_id": _AUTHOR, "id": _ID_COLUMN, "date": _DATE, "amount": _MONEY, "method": _TEXT,
        "status": _must("choice", "succeeded", "pending", "failed", "refunded"), "invoice": _INVOICE,
        "decline_code": _TEXT,
    }),
    "payment_methods": Table({
        "author_id": _AUTHOR, "id": _ID_COLUMN, "type": Column("choice", choices=("card", "bank", "paypal"), default="card"),
        "brand": _TEXT, "last4": Column("last4"), "exp": _TEXT, "default": Column("bool", default=False),
        "status": Column("text", default="active"),
    }, ("author_id", "id")),
    "royalties": Table({
        "author_id": _AUTHOR, "currency": Column("currency"), "available": _MONEY,
        "pending": Column("money", default=Decimal(0)), "returns_reserve": Column("money", default=Decimal(0)),
        "withdrawal_threshold": Column("money", default=Decimal(0)), "next_payout_run": _MAYBE_DATE, "tax_form": _TEXT,
        "payout_method": _TEXT, "payout_hold_until": Column("at", default=None), "as_of": Column("at", default=None),
    }, ("author_id",)),
    "withdrawals": Table({
        "author_id": _AUTHOR, "id": _ID_COLUMN, "amount": _MONEY, "requested": _DATE,
        "status": _must("choice", "requested", "in_review", "held", "sent", "paid", "returned"), "eta": _MAYBE_DATE,
        "paid_on": _MAYBE_DATE, "reason": _TEXT,
    }),
    "refunds": Table({
        "author_id": _AUTHOR, "id": _ID_COLUMN, "invoice": _INVOICE, "payment": _TEXT, "amount": _MONEY,
        "status": _must("choice", "approved", "pending", "paid", "failed"), "approved": _MAYBE_DATE, "method": _TEXT,
        "expected": _TEXT,
    }),
    "authorisations": Table({
        "author_id": _AUTHOR, "id": _ID_COLUMN, "person": _must("text"),
        "relation": Column("choice", choices=RELATIONS, default="other"), "contact": _must("contact"),
        "intents": _must("list"), "titles": Column("list", default=()), "money": Column("bool", default=False),
        "from": _MAYBE_DATE, "until": _MAYBE_DATE, "evidence": _must("text"), "recorded_by": _must("text"),
        "approved_by": _TEXT, "status": Column("choice", choices=("active", "revoked"), default="active"),
    }, ("author_id", "id")),
    "disputes": Table({
        "author_id": _AUTHOR, "id": _ID_COLUMN, "payment": _TEXT, "invoice": _INVOICE, "amount": _MONEY, "network": _TEXT,
        "reason": _TEXT, "opened": _DATE, "respond_by": _MAYBE_DATE,
        "status": _must("choice", "needs_response", "under_review", "won", "lost", "withdrawn", "closed"),
    }),
    "promises": Table({
        "author_id": _AUTHOR, "id": _ID_COLUMN, "invoice": _INVOICE, "amount": _MONEY, "date": _DATE,
        "status": _must("choice", "open", "kept", "broken", "replaced"), "made": _DATE, "words": _TEXT, "approved_by": _TEXT,
    }),
    "contact_log": Table({
        "author_id": _AUTHOR, "at": _must("at"), "channel": _must("choice", "sms", "email", "call", "chat", "voice"),
        "outcome": _TEXT,
    }, ("author_id", "at", "channel")),
}  # fmt: skip


def read(row: Row) -> list[Problem]:
    """Fill ``row.values``; what is wrong with its cells, every one of them."""
    table = TABLES[row.table]
    problems = [
        row.problem(f"{name!r} is not a column of {row.table}; known are {', '.join(table.columns)}")
        for name in row.cells
        if name not in table.columns
    ]
    for name, column in table.columns.items():
        cell = row.cells.get(name)
        cell = cell.strip() if isinstance(cell, str) else cell
        if cell is None or cell in ("", [], {}):
            row.values[name] = column.default
            if column.required:
                problems.append(row.problem(f"{name} is missing"))
            continue
        try:
            row.values[name] = _READERS[column.kind](cell, column)
        except ValueError as error:
            row.values[name] = column.default
            problems.append(row.problem(f"{name} {error}"))
    return problems


def _text(cell: Any, _: Column) -> str:
    if isinstance(cell, (Mapping, list, bool)):
        raise ValueError("must be a text")  # noqa: TRY004 - a reader's one way to refuse a cell
    text = str(cell)
    if len(text) > _LONGEST:
        raise ValueError(f"is longer than {_LONGEST} characters")
    if any(ord(c) < 32 and c not in "\n\t" for c in text):
        raise ValueError("holds control characters")
    if any(r.kind in ("pan", "bank", "ssn", "tax_id") for r in redaction.mask(text).found):
        raise ValueError("holds a full card, bank or tax number; give its last four digits only")
    return text


def _id(cell: Any, column: Column) -> str:
    text = _text(cell, column)
    if not _ID.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not an id; letters, digits and _ . : - are, without blanks, up to 80")
    return text


def _email(cell: Any, column: Column) -> str:
    text = _text(cell, column).lower()
    if not _EMAIL.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is not an email address")
    return text


def _phone(cell: Any, column: Column) -> str:
    text = _text(cell, column)
    if not _PHONE.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a number like +15055550161, with country code and without blanks")
    return text


def _contact(cell: Any, column: Column) -> str:
    return _email(cell, column) if "@" in str(cell) else _phone(cell, column)


def _money(cell: Any, _: Column) -> Decimal:
    try:
        amount = Decimal(str(cell)) if not isinstance(cell, (bool, list, Mapping)) else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or "e" in str(cell).lower() or abs(amount) >= 10**12:
        raise ValueError(f"{str(cell)[:40]!r} is not an amount; write it like 1234.65")
    return amount


def _date(cell: Any, _: Column) -> date:
    try:
        found = date.fromisoformat(str(cell)) if len(str(cell)) == 10 else None
    except ValueError:
        found = None
    if found is None or not 1990 <= found.year <= 2100:
        raise ValueError(f"{str(cell)[:40]!r} is not a date; write it like 2026-03-11")
    return found


def _at(cell: Any, _: Column) -> datetime:
    try:
        found = datetime.fromisoformat(str(cell))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError(f"{str(cell)[:40]!r} is not a time with its zone; write it like 2026-03-11T15:00:00-05:00")
    return found.astimezone(UTC)


def _count(cell: Any, _: Column) -> int:
    if isinstance(cell, bool) or not re.fullmatch(r"[0-9]{1,4}", str(cell)) or int(cell) < 1:
        raise ValueError(f"{str(cell)[:40]!r} is not a count from 1 to 9999")
    return int(cell)


def _bool(cell: Any, _: Column) -> bool:
    if isinstance(cell, bool):
        return cell
    if str(cell).lower() not in ("true", "false", "1", "0", "yes", "no"):
        raise ValueError(f"{str(cell)[:40]!r} is neither true nor false")
    return str(cell).lower() in ("true", "1", "yes")


def _choice(cell: Any, column: Column) -> str:
    if cell not in column.choices:
        raise ValueError(f"{str(cell)[:40]!r} is none of {', '.join(column.choices)}")
    return str(cell)


def _timezone(cell: Any, _: Column) -> str:
    if str(cell) not in _zones():
        raise ValueError(f"{str(cell)[:40]!r} is not a time zone; write it like America/Denver")
    return str(cell)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _currency(cell: Any, _: Column) -> str:
    if not isinstance(cell, str) or not is_currency(cell):
        raise ValueError(f"{str(cell)[:40]!r} is not a currency; write it like USD")
    return cell


def _last4(cell: Any, _: Column) -> str:
    if not re.fullmatch(r"[0-9]{4}", str(cell)):
        raise ValueError("must be the last four digits and nothing else")
    return str(cell)


def _list(cell: Any, column: Column) -> tuple[str, ...]:
    items = cell.split(";") if isinstance(cell, str) else cell
    if not isinstance(items, list):
        raise ValueError("must be a list; in CSV with ; between its items")  # noqa: TRY004 - as above
    return tuple(_text(i.strip() if isinstance(i, str) else i, column) for i in items if i != "")


def _consents(cell: Any, column: Column) -> dict[str, bool]:
    if isinstance(cell, str):  # CSV: the channels that may be used, "sms;email"
        given = set(_list(cell, column))
        cell = {c: c in given for c in sorted(given | {"sms", "email", "call"})}
    if not isinstance(cell, Mapping) or not set(cell) <= {"sms", "email", "call"}:
        raise ValueError("may name sms, email and call")
    return {str(k): _bool(v, column) for k, v in cell.items()}


_READERS = {
    "text": _text, "id": _id, "email": _email, "phone": _phone, "contact": _contact, "money": _money, "date": _date, "at": _at, "count": _count,
    "bool": _bool, "choice": _choice, "timezone": _timezone, "currency": _currency, "last4": _last4, "list": _list,
    "consents": _consents,
}  # fmt: skip
