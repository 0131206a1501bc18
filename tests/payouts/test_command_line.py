"""``inbox payouts`` as finance runs it: in a process of its own, over a real database file."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inbox.accounts import changes, records
from inbox.clock import SystemClock
from inbox.db import migrate
from inbox.db.store import open_store
from inbox.money import Money
from inbox.payouts.withdrawals import Wish, request
from inbox.templates import catalog, versions
from tests.world import MARA

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Two withdrawals, one of an author with a fraud flag."""
    url = f"sqlite:///{tmp_path}/inbox.db"
    migrate.upgrade(url)
    store, now = open_store(url), SystemClock().now()
    other = replace(MARA, ref=replace(MARA.ref, id="A-300"), invoices=(), plans=(), payments=(), refunds=())

    def fill(tx):
        versions.sync(tx, catalog.load(), now, approve_as="supervisor")
        for n, account in enumerate((MARA, other)):
            records.account(tx, account, now)
            wish = Wish(
                id=f"WD-{n}", amount=Money.of("60.00"), destination="bank ••5093", confirmation=f"c-{n}", conversation_id="",
                requested_on=now.date(),
            )  # fmt: skip
            request(tx, account.ref.id, wish, now)
        changes.set_flag(tx, "A-300", "fraud", at=now)

    store.run_sync(fill)
    store.close()
    path = tmp_path / "inbox.toml"
    path.write_text(
        f'[web]\nsecrets = ["{SECRET}"]\n[database]\nurl = "{url}"\n[chat]\ntoken_secrets = ["{SECRET}"]\n',
        encoding="utf-8",
    )
    return path


def inbox(config: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("INBOX_")}
    command = [sys.executable, "-m", "inbox", "--config", str(config), "payouts", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=120, check=False)


def test_from_export_to_paid(config: Path, tmp_path: Path) -> None:
    out, again = tmp_path / "batch.csv", tmp_path / "again.csv"
    done = inbox(config, "export", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "waits: WD-1: the account has a fraud flag" in done.stdout
    assert "batch PB-00001: 1 withdrawals, 60.00 USD" in done.stdout
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert '"WD-0"' in out.read_text(encoding="utf-8")

    taken = inbox(config, "export", "--out", out)
    assert taken.returncode == 1
    assert "is there already" in taken.stderr
    assert inbox(config, "export", "--out", again, "--batch", "PB-00001").returncode == 0
    assert again.read_bytes() == out.read_bytes()
    nothing = inbox(config, "export", "--out", tmp_path / "none.json")
    assert "nothing to pay" in nothing.stdout
    assert not (tmp_path / "none.json").exists()

    report, today = tmp_path / "report.json", datetime.now(UTC).date().isoformat()
    rows = [
        {"id": "WD-0", "status": "paid", "paid_on": today, "amount": "60.01"},
        {"id": "WD-1", "status": "paid", "paid_on": today},
    ]
    report.write_text(json.dumps(rows), encoding="utf-8")
    bad = inbox(config, "reconcile", report)
    assert bad.returncode == 2
    assert "line 1: WD-0 is 60.00 USD, the file says 60.01" in bad.stderr
    assert "line 2: WD-1 was never in a batch" in bad.stderr
    assert inbox(config, "reconcile", report, "--check").returncode == 1

    report.write_text(json.dumps([{**rows[0], "amount": "60.00"}]), encoding="utf-8")
    assert "no mistakes; nothing was applied" in inbox(config, "reconcile", report, "--check").stdout
    assert inbox(config, "reconcile", report).stdout == "1 moved on, 0 known already\n"
    assert inbox(config, "reconcile", report).stdout == "0 moved on, 1 known already\n"
    listed = inbox(config, "list").stdout
    assert "1 requested, 0 in review, 0 held, 0 sent, 1 paid" in listed
    assert "PB-00001" in listed


def test_mistakes_are_one_line_each(config: Path, tmp_path: Path) -> None:
    for arguments, words in (
        (("export", "--out", tmp_path / "x.pdf"), "must end in .csv or .json"),
        (("export", "--out", tmp_path / "no" / "x.csv"), "is not a folder"),
        (("export", "--out", tmp_path / "x.csv", "--until", "soon"), "is not a day"),
        (("export", "--out", tmp_path / "x.csv", "--batch", "PB-9"), "there is no batch PB-00009"),
        (("reconcile", tmp_path / "no.csv"), "cannot be read"),
        (("pay", "PB-1"), "no rail is set up"),
    ):
        done = inbox(config, *arguments)
        assert done.returncode != 0
        assert words in done.stderr
        assert "Traceback" not in done.stderr
