"""The files that go to finance and come back: CSV and JSON, written the same way every time, read with line numbers. Pure.

A spreadsheet must not run what a name or a reason says: a cell that begins like a formula gets an apostrophe in front,
which spreadsheets hide and ``read`` takes off again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from inbox.errors import DataError
from inbox.payouts.states import REPORTED, words

Format = Literal["csv", "json"]
FORMATS: Mapping[str, Format] = {".csv": "csv", ".json": "json"}
COLUMNS = ("batch", "id", "author_id", "name", "amount", "currency", "destination", "requested_on")
LARGEST = 10_000_000  # bytes
MOST_ROWS = 50_000
_LONGEST_CELL = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: How a column may be called in what finance sends back.
_NAMES: Mapping[str, str] = {
    "id": "id", "withdrawal": "id", "withdrawal_id": "id", "status": "status", "state": "status", "paid_on": "on",
    "paid_date": "on", "paid date": "on", "sent_on": "on", "date": "on", "reason": "reason", "amount": "amount",
    "currency": "currency",
}  # fmt: skip
#: Ours, sent back as they were.
_IGNORED = frozenset(COLUMNS) | {"note", "notes", "batch_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a batch, all text: what finance sees."""

    batch: str
    id: str
    author_id: str
    name: str
    amount: str
    currency: str
    destination: str
    requested_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What finance says of one withdrawal. ``line`` is the line of the CSV file, or the number of the JSON entry."""

    line: int
    id: str
    status: str
    on: date | None = None
    reason: str = ""
    amount: Decimal | None = None
    currency: str = ""


def write(lines: Sequence[Line], form: Format) -> bytes:
    """The same lines give the same bytes."""
    rows = [{name: getattr(line, name) for name in COLUMNS} for line in lines]
    if form == "json":
        return (json.dumps(rows, ensure_ascii=False, indent=1) + "\n").encode()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows([safe(row[name]) for name in COLUMNS] for row in rows)
    return text.getvalue().encode()


def safe(cell: str) -> str:
    """What no spreadsheet takes for a formula."""
    plain = "".join(c if c.isprintable() else " " for c in cell)
    return f"'{plain}" if cell.startswith(_FORMULA) or plain.lstrip(" \u00a0").startswith(_FORMULA) else plain


def read(raw: bytes, form: Format) -> list[Report]:
    """Every row of a report. Raises ``DataError`` with each bad row and its line."""
    if len(raw) > LARGEST:
        raise DataError([f"the file has {len(raw)} bytes; at most {LARGEST} are read"])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError([f"the file is not UTF-8 text (byte {error.start}); save it as CSV UTF-8"]) from error
    problems: list[str] = []
    found = list(_csv_rows(text, problems) if form == "csv" else _json_rows(text, problems))
    if len(found) > MOST_ROWS:
        raise DataError([f"the file has more than {MOST_ROWS} rows"])
    reports = [r for line, row in found if (r := _report(line, row, problems)) is not None]
    seen: dict[str, int] = {}
    problems += [
        f"line {r.line}: {r.id} is there twice, first in line {first}"
        for r in reports
        if (first := seen.setdefault(r.id, r.line)) != r.line
    ]
    if problems:
        raise DataError(problems)
    return reports


def _csv_rows(text: str, problems: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            problems.append("line 1: the file is empty; its first line names the columns: id,status,paid_on,reason")
            return
        names = _header([_plain(h) for h in header], problems)
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                problems.append(f"line {reader.line_num}: has {len(row)} cells, the first line has {len(header)}")
                continue
            yield reader.line_num, {n: _plain(c) for n, c in zip(names, row, strict=True) if n}
    except csv.Error as error:
        problems.append(f"line {reader.line_num}: cannot be read as CSV: {error}")


def _header(header: list[str], problems: list[str]) -> list[str]:
    names = [_NAMES.get(h.lower(), "") for h in header]
    unknown = [h for h, n in zip(header, names, strict=True) if not n and h.lower() not in _IGNORED]
    problems += [f"line 1: column {h!r} is not known; use id, status, paid_on, reason, amount" for h in unknown]
    problems += [f"line 1: the column {n!r} is missing" for n in ("id", "status") if n not in names]
    problems += [f"line 1: the column {n!r} is there twice" for n in sorted(set(names) - {""}) if names.count(n) > 1]
    return names


def _json_rows(text: str, problems: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        rows = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        problems.append(f"the file is not JSON: {error}")
        return
    if not isinstance(rows, list):
        problems.append('the file must be a list of entries: [{"id": …, "status": …}]')
        return
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not all(v is None or isinstance(v, (str, bool)) for v in row.values()):
            problems.append(f"line {number}: must be an entry of plain texts")
            continue
        unknown = [k for k in row if k.lower() not in _NAMES and k.lower() not in _IGNORED]
        problems += [f"line {number}: {k!r} is not known; use id, status, paid_on, reason, amount" for k in unknown]
        yield number, {_NAMES[k.lower()]: _plain(str(v or "")) for k, v in row.items() if k.lower() in _NAMES}


def _plain(cell: str) -> str:
    """Without the apostrophe that ``safe`` put in front."""
    return cell.strip().removeprefix("'").strip()


def _report(line: int, row: Mapping[str, str], problems: list[str]) -> Report | None:
    before = len(problems)
    problems += [
        f"line {line}: {k} is longer than {_LONGEST_CELL} letters" for k, v in row.items() if len(v) > _LONGEST_CELL
    ]
    status = row.get("status", "").lower().replace(" ", "_")
    if not row.get("id"):
        problems.append(f"line {line}: the id is missing")
    if status not in REPORTED:
        allowed = ", ".join(words(s) for s in REPORTED)
        problems.append(f"line {line}: status must be one of {allowed}, not {row.get('status', '')[:40]!r}")
    on = _value(line, row.get("on", ""), date.fromisoformat, "a day like 2026-03-20", problems)
    amount = _value(line, row.get("amount", ""), _decimal, "an amount like 84.65", problems)
    reason = row.get("reason", "")
    if status in ("sent", "paid") and on is None and not row.get("on"):
        problems.append(f"line {line}: {words(status)} needs a day in paid_on")
    if status in ("returned", "held") and not reason:
        problems.append(f"line {line}: {words(status)} needs a reason")
    if len(problems) != before:
        return None
    return Report(
        line=line, id=row["id"], status=status, on=on, reason=reason, amount=amount, currency=row.get("currency", "").upper()
    )  # fmt: skip


def _value(line: int, text: str, read_as: Any, words_for: str, problems: list[str]) -> Any:
    if not text:
        return None
    try:
        return read_as(text)
    except (ValueError, InvalidOperation):
        problems.append(f"line {line}: {text[:40]!r} is not {words_for}")
        return None


def _decimal(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or not text.isascii() or "_" in text:
        raise ValueError(text)
    return value
