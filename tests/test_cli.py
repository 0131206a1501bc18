"""The command line as its users run it: in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

SECRET = "0123456789abcdef0123456789abcdef"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "inbox.toml"
    path.write_text(
        f'[web]\nport = {free_port()}\nsecrets = ["{SECRET}"]\n[database]\nurl = "sqlite:///{tmp_path}/data/inbox.db"\n'
        f'[chat]\ntoken_secrets = ["{SECRET}"]\n',
        encoding="utf-8",
    )
    return path


def inbox(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("INBOX_")}
    return subprocess.run(
        [sys.executable, "-m", "inbox", "--config", str(config), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=environ,
    )


@pytest.fixture
def serving(config: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = next(
        line.split("= ")[1] for line in config.read_text(encoding="utf-8").splitlines() if line.startswith("port")
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "inbox", "--config", str(config), "serve"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()


def until_ready(base: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{base}/readyz") as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError("inbox serve did not become ready")


def test_it_serves_and_stops_cleanly_when_asked(serving: tuple[subprocess.Popen[str], str]) -> None:
    process, base = serving
    until_ready(base)
    with urllib.request.urlopen(f"{base}/widget.js") as answer:
        assert "javascript" in answer.headers["Content-Type"]
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in log
    assert all(json.loads(line)["level"] in ("info", "warning") for line in log.splitlines())


def test_the_first_steps_of_a_new_installation(config: Path, tmp_path: Path) -> None:
    assert "warning" in inbox(config, "doctor").stdout
    added = inbox(config, "staff", "add", "boss@larkmoor.example", "--name", "Boss", "--role", "supervisor")
    assert "First password:" in added.stdout
    approved = inbox(config, "templates", "approve", "--as", "boss@larkmoor.example")
    assert "drafts approved" in approved.stdout
    assert " 0 drafts" not in approved.stdout
    accounts = tmp_path / "accounts.json"
    from datetime import date

    from inbox.accounts import samples

    accounts.write_text(json.dumps(samples.load(date(2026, 3, 11))), encoding="utf-8")
    assert inbox(config, "import", str(accounts)).returncode == 0
    report = inbox(config, "doctor", "--json")
    findings = {f["part"]: f["state"] for f in json.loads(report.stdout)["findings"]}
    assert (findings["templates"], findings["staff"], findings["chat"], findings["slack"]) == ("ok", "ok", "ok", "off")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("import", "nowhere.json"), "nowhere.json"),
        (("simulate", "nowhere.jsonl"), "nowhere.jsonl"),
        (("templates", "approve", "--as", "nobody@x.example"), "not a supervisor"),
        (("bench", "--only", "nothing"), "no measurement nothing"),
        (("staff", "add", "not-an-address", "--name", "X"), "not an email address"),
    ],
)
def test_mistakes_are_told_in_one_line_without_a_traceback(
    config: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = inbox(config, *arguments)
    assert done.returncode != 0
    assert words in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_settings_that_cannot_be_used_are_all_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[web]\nport = "x"\n[slack]\nchannel = "C1"\n', encoding="utf-8")
    done = inbox(path, "serve")
    assert done.returncode == 2
    assert "web.port" in done.stderr


@pytest.mark.parametrize("verb", ["eval", "calibrate"])
def test_labelled_messages_that_cannot_be_read_are_named(tmp_path: Path, verb: str) -> None:
    missing = inbox(tmp_path / "none.toml", "intents", verb, str(tmp_path / "messages.jsonl"))
    assert missing.returncode == 2
    assert "messages.jsonl: No such file or directory" in missing.stderr
    (tmp_path / "latin.jsonl").write_bytes('{"text": "sí"}'.encode("latin-1"))
    odd = inbox(tmp_path / "none.toml", "intents", verb, str(tmp_path / "latin.jsonl"))
    assert odd.returncode == 2
    assert "save the file as UTF-8" in odd.stderr


def test_intents_can_be_explained_and_checked(config: Path) -> None:
    assert "no mistakes" in inbox(config, "intents", "check").stdout
    explained = inbox(config, "intents", "explain", "how much do I owe you?").stdout
    assert "account_balance" in explained
