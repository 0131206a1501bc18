"""The files of finance: formula-proof, the same bytes, mistakes by line."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.errors import DataError
from inbox.payouts.files import COLUMNS, Line, Report, read, safe, write

LINE = Line(
    batch="PB-00001", id="WD-1", author_id="A-1", name='Nia Ó Briain; "the" one', amount="60.00", currency="USD",
    destination="bank ••4471", requested_on="2026-03-11",
)  # fmt: skip


def problems(raw: bytes | str, form="csv") -> list[str]:
    with pytest.raises(DataError) as caught:
        read(raw.encode() if isinstance(raw, str) else raw, form)
    return caught.value.problems


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u200b=1", "＝1", "\ufeff=1"]
)
def test_no_cell_begins_like_a_formula(cell):
    assert safe(cell).startswith("'")


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(max_size=60))
def test_any_name_is_one_harmless_cell(name):
    raw = write([Line(**{**{n: getattr(LINE, n) for n in COLUMNS}, "name": name})], "csv").decode()
    rows = list(csv.reader(io.StringIO(raw)))
    assert len(rows) == 2
    cell = rows[1][COLUMNS.index("name")]
    assert not cell.lstrip(" \u00a0\u200b\ufeff").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))


def test_the_same_lines_give_the_same_bytes():
    assert write([LINE, LINE], "csv") == write([LINE, LINE], "csv")
    assert json.loads(write([LINE], "json"))[0]["name"] == LINE.name


def test_what_we_wrote_comes_back_with_a_status():
    rows = list(csv.reader(io.StringIO(write([LINE], "csv").decode())))
    out = io.StringIO()
    csv.writer(out).writerows([[*rows[0], "status", "paid_on"], [*rows[1], "Paid", "2026-03-12"]])
    assert read(out.getvalue().encode("utf-8-sig"), "csv") == [
        Report(line=2, id="WD-1", status="paid", on=date(2026, 3, 12), amount=Decimal("60.00"), currency="USD")
    ]


@pytest.mark.parametrize(("raw", "words"), [
    ("", "the file is empty"),
    ("id\nWD-1\n", "the column 'status' is missing"),
    ("id,status,colour\nWD-1,paid,red\n", "column 'colour' is not known"),
    ("id,status,id\nWD-1,paid,WD-2\n", "is there twice"),
    ("id,status,paid_on\nWD-1,paid\n", "line 2: has 2 cells, the first line has 3"),
    ("id,status,paid_on\nWD-1,paid,\n", "line 2: paid needs a day"),
    ("id,status,paid_on\nWD-1,paid,11/03/2026\n", "line 2: '11/03/2026' is not a day"),
    ("id,status,paid_on\n,paid,2026-03-11\n", "line 2: the id is missing"),
    ("id,status,paid_on\nWD-1,gone,2026-03-11\n", "line 2: status must be one of"),
    ("id,status,paid_on\nWD-1,requested,2026-03-11\n", "line 2: status must be one of"),
    ("id,status,reason\nWD-1,returned,\n", "line 2: returned needs a reason"),
    ("id,status,paid_on,amount\nWD-1,paid,2026-03-11,6O.00\n", "line 2: '6O.00' is not an amount"),
    ("id,status,paid_on,amount\nWD-1,paid,2026-03-11,NaN\n", "line 2: 'NaN' is not an amount"),
    ("id,status,paid_on\nWD-1,paid,2026-03-11\n\nWD-1,paid,2026-03-11\n", "line 4: WD-1 is there twice, first in line 2"),
    ('id,status,paid_on\nWD-1,"paid,2026-03-11\n', "cannot be read as CSV"),
    (b"id,status\n\xff\xfe", "not UTF-8"),
])  # fmt: skip
def test_each_mistake_is_named_with_its_line(raw, words):
    assert any(words in p for p in problems(raw))


def test_all_mistakes_at_once():
    found = problems("id,status,paid_on\n,paid,2026-03-11\nWD-2,gone,2026-03-11\nWD-3,paid,soon\n")
    assert [p.split(":")[0] for p in found] == ["line 2", "line 3", "line 4"]


def test_semicolons_and_our_own_apostrophe_are_read():
    raw = "id;status;paid_on;reason\n'WD-1;returned;;'=closed\n"
    assert read(raw.encode(), "csv") == [Report(line=2, id="WD-1", status="returned", reason="=closed")]


@pytest.mark.parametrize(("raw", "words"), [
    ("{", "not JSON"), ("{}", "must be a list"), ('["x"]', "line 1: must be an entry"), ('[{"id": ["x"]}]', "line 1"),
    ('[{"id": "WD-1", "status": "paid", "colour": "red"}]', "'colour' is not known"),
    ("[" * 100_000, "not JSON"),
])  # fmt: skip
def test_mistakes_in_json(raw, words):
    assert any(words in p for p in problems(raw, "json"))


def test_json_keeps_amounts_to_the_cent():
    raw = b'[{"id": "WD-1", "status": "paid", "paid_date": "2026-03-11", "amount": 60.10, "reason": null}]'
    assert read(raw, "json") == [
        Report(line=1, id="WD-1", status="paid", on=date(2026, 3, 11), amount=Decimal("60.10"))
    ]


@settings(max_examples=300, deadline=None, database=None)
@given(st.binary(max_size=400), st.sampled_from(["csv", "json"]))
def test_any_bytes_are_read_or_refused(raw, form):
    try:
        read(raw, form)
    except DataError as error:
        assert error.problems
