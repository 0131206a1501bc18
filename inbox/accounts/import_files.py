"""Take files apart into rows: CSV (one table each) and JSON (accounts). Nothing is judged here but the file itself."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inbox.accounts.import_fields import TABLES, Problem, Row
from inbox.errors import DataError

_LONGEST_LINE = 1_000_000
_LARGEST = 500_000_000  # bytes
_LISTS = {
    "invoices": "invoices", "plans": "plans", "payments": "payments", "payment_methods": "payment_methods",
    "refunds": "refunds", "disputes": "disputes", "promises": "promises", "contact_log": "contact_log",
    "authorisations": "authorisations",
}  # fmt: skip
_OWN = ("author_id", "name", "email", "phone", "timezone", "language", "region", "titles", "flags", "consents")


def rows_of(path: Path, table: str = "") -> tuple[list[Row], list[Problem]]:
    """All rows of one file, and what is wrong with it as a file. ``table`` names the CSV table if the file name does not."""
    try:
        text = _decoded(path)
        if path.suffix.lower() == ".csv":
            return _csv_rows(path.name, text, table or _table_of(path))
        return json_rows(path.name, text)
    except DataError as error:
        return [], [Problem(path.name, reason) for reason in error.problems]


def _decoded(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError([f"is larger than {_LARGEST // 1_000_000} MB; split it"])
        raw = path.read_bytes()
    except OSError as error:
        raise DataError([f"cannot be read: {error.strerror}"]) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            [f"is not UTF-8 (line {line}, byte 0x{raw[error.start]:02x}); save it as UTF-8 and try again"]
        ) from error
    if not text.strip():
        raise DataError(["is empty"])
    if "\0" in text:
        raise DataError([f"holds NUL characters (line {text.count(chr(10), 0, text.index(chr(0))) + 1})"])
    for n, line_text in enumerate(text.split("\n"), 1):
        if len(line_text) > _LONGEST_LINE and path.suffix.lower() == ".csv":
            raise DataError([f"line {n} is longer than {_LONGEST_LINE} characters"])
    return text


# --- CSV --------------------------------------------------------------------------------------------------------------


def _table_of(path: Path) -> str:
    """``invoices.csv``, ``2026-03-invoices.csv``: the longest table name the file's ends with."""
    stem = path.stem.lower().replace("-", "_").replace(" ", "_")
    fitting = [t for t in TABLES if stem == t or stem.endswith(f"_{t}")]
    if not fitting:
        raise DataError([f"its name says no table; name it after one of {', '.join(TABLES)}, or give --table"])
    return max(fitting, key=len)


def _csv_rows(name: str, text: str, table: str) -> tuple[list[Row], list[Problem]]:
    if table not in TABLES:
        raise DataError([f"there is no table {table!r}; known are {', '.join(TABLES)}"])
    first = text.split("\n", 1)[0]
    reader = csv.reader(
        text.splitlines(keepends=True), delimiter=";" if first.count(";") > first.count(",") else ",", strict=True
    )
    rows: list[Row] = []
    problems: list[Problem] = []
    header: list[str] = []
    line = 1
    try:
        for cells in reader:
            where, line = f"{name}:{line}", reader.line_num + 1
            if not header:
                header = _header(table, cells)
            elif len(cells) != len(header):
                if cells:
                    problems.append(Problem(where, f"has {len(cells)} cells, the header has {len(header)}"))
            else:
                rows.append(Row(where, table, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        problems.append(Problem(f"{name}:{line}", f"cannot be read as CSV: {error}"))
    return rows, problems


def _header(table: str, cells: list[str]) -> list[str]:
    header = [c.strip() for c in cells]
    known = TABLES[table].columns
    wrong = [f"{c!r} is not a column of {table}; known are {', '.join(known)}" for c in header if c not in known]
    wrong += [f"the column {c!r} stands there twice" for c in sorted({c for c in header if header.count(c) > 1})]
    wrong += [f"the column {c!r} is missing" for c, spec in known.items() if spec.required and c not in header]
    if wrong:
        raise DataError(wrong)
    return header


# --- JSON -------------------------------------------------------------------------------------------------------------


def json_rows(name: str, text: str) -> tuple[list[Row], list[Problem]]:
    """Accounts: a list, one object, ``{"accounts": […]}``, or one object on each line."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, value in _values(text):
        for account in _accounts(value):
            where = f"{name}:{line}"
            if not isinstance(account, Mapping):
                problems.append(Problem(where, "is not an account; it must be an object with author_id"))
                continue
            problems += _take_apart(where, account, rows)
    return rows, problems


def _values(text: str) -> Iterator[tuple[int, Any]]:
    """Every top-level value, or every item of a top-level list, with the line it begins on."""
    decoder = json.JSONDecoder(parse_float=str, parse_constant=str)
    at, line, counted = _skip(text, 0), 1, 0
    inside = text[at : at + 1] == "["
    at = _skip(text, at + 1) if inside else at
    while at < len(text) and not (inside and text[at] == "]"):
        line, counted = line + text.count("\n", counted, at), at
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise DataError([f"line {error.lineno}, column {error.colno}: not valid JSON: {error.msg}"]) from error
        except RecursionError as error:
            raise DataError([f"line {line}: nested too deeply"]) from error
        yield line, value
        at = _next_item(text, at, inside)
    if inside and (at >= len(text) or text[at + 1 :].strip()):
        raise DataError(["the list does not end with the file's last ]"])


def _next_item(text: str, at: int, inside: bool) -> int:
    at = _skip(text, at)
    if not inside or text[at : at + 1] == "]" or at >= len(text):
        return at
    if text[at] != ",":
        raise DataError([f"line {text.count(chr(10), 0, at) + 1}: a comma is missing between two accounts"])
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _accounts(value: Any) -> list[Any]:
    if isinstance(value, Mapping) and "author_id" not in value:
        if isinstance(value.get("accounts"), list):
            return list(value["accounts"])
        if "account" in value:  # a test dialogue: its cast
            others = value.get("other_accounts") or []
            return [value["account"], *(others if isinstance(others, list) else [others])]
    return [value]


def _take_apart(where: str, account: Mapping[str, Any], rows: list[Row]) -> list[Problem]:
    own = {k: account[k] for k in _OWN if k in account}
    balance = account.get("balance") or {}
    author = Row(where, "authors", own)
    rows.append(author)
    unknown = [k for k in account if k not in (*_OWN, *_LISTS, "balance", "royalties", "currency")]
    problems = [author.problem(f"the account has the unknown field {k!r}") for k in unknown]
    if not isinstance(balance, Mapping) or not set(balance) <= {"currency", "total_outstanding"}:
        problems.append(author.problem("balance may hold currency and total_outstanding"))
        balance = {}
    author.cells = {
        **own,
        "currency": account.get("currency") or balance.get("currency"),
        "total_outstanding": balance.get("total_outstanding"),
    }
    for key, table in _LISTS.items():
        problems += _list_rows(author, key, table, account.get(key), rows)
    if account.get("royalties") is not None:
        problems += _royalty_rows(author, account["royalties"], rows)
    return problems


def _list_rows(parent: Row, key: str, table: str, items: Any, rows: list[Row]) -> list[Problem]:
    if items is None:
        return []
    if not isinstance(items, list) or not all(isinstance(i, Mapping) for i in items):
        return [Problem(f"{parent.where} {key}", "must be a list of objects", parent.author_id)]
    problems = []
    for n, item in enumerate(items):
        parts = item.get("schedule") if table == "plans" else None
        cells = {k: v for k, v in item.items() if parts is None or k != "schedule"}
        row = Row(f"{parent.where} {key}[{n}]", table, {**cells, "author_id": parent.author_id})
        rows.append(row)
        if parts is not None:
            if isinstance(parts, list):
                parts = [{**p, "plan": item.get("id")} if isinstance(p, Mapping) else p for p in parts]
            problems += _list_rows(row, "schedule", "instalments", parts, rows)
    return problems


def _royalty_rows(parent: Row, royalties: Any, rows: list[Row]) -> list[Problem]:
    if not isinstance(royalties, Mapping):
        return [Problem(f"{parent.where} royalties", "must be an object", parent.author_id)]
    cells = {k: v for k, v in royalties.items() if k != "withdrawals"}
    row = Row(f"{parent.where} royalties", "royalties", {**cells, "author_id": parent.author_id})
    rows.append(row)
    return _list_rows(row, "withdrawals", "withdrawals", royalties.get("withdrawals"), rows)
