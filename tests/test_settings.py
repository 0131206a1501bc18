from __future__ import annotations

from pathlib import Path

import pytest

from inbox.errors import SettingsError
from inbox.settings import Settings, load


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "inbox.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_everything_outside_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(environ={})
    assert (settings.chat, settings.email, settings.twilio, settings.slack) == (None, None, None, None)


def test_all_problems_are_told_at_once_by_their_keys(tmp_path: Path) -> None:
    path = written(
        tmp_path, '[web]\nport = "many"\ncolour = "red"\n[email]\naddress = "a@b.example"\n[rules]\ncode_tries = true\n'
    )
    with pytest.raises(SettingsError) as caught:
        load(path, {})
    assert {p.split(" ")[0] for p in caught.value.problems} >= {
        "web.port",
        "web.colour",
        "email.imap_host",
        "email.smtp_host",
    }


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "[web]\nport = 1\n")
    settings = load(path, {"INBOX_WEB__PORT": "99", "INBOX_WEB__SECRETS": "one, two"})
    assert (settings.web.port, settings.web.secrets) == (99, ("one", "two"))


def test_secrets_are_in_no_repr(tmp_path: Path) -> None:
    path = written(tmp_path, '[web]\nsecrets = ["hush-hush"]\n[chat]\ntoken_secrets = ["psst-psst"]\n')
    assert "hush" not in repr(load(path, {}))
    assert "psst" not in repr(load(path, {}))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[slack]\nchannel = "C1"\n', "slack.signing_secrets"),
        ('[twilio]\naccount_sid = "AC1"\nnumber = "+12025550100"\n', "twilio.auth_tokens"),
        ('[chat]\norigins = ["https://a.example"]\n', "web.secrets"),
        ("not toml at all [", "not valid TOML"),
    ],
)
def test_no_door_without_its_secret(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        load(written(tmp_path, text), {})


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such settings file"):
        load(tmp_path / "nowhere.toml", {})


def test_every_key_is_in_the_manual() -> None:
    import dataclasses
    from typing import get_args, get_type_hints

    manual = (Path(__file__).parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    for name, hint in get_type_hints(Settings).items():
        section = next((a for a in (get_args(hint) or (hint,)) if dataclasses.is_dataclass(a)), None)
        if section is None:
            continue
        assert f"`[{name}]`" in manual
        if name != "rules":
            assert [f.name for f in dataclasses.fields(section) if f"`{f.name}`" not in manual] == []


def test_half_a_payment_system_is_a_problem_with_its_fix() -> None:
    from inbox.settings import Ledger, Rules, check

    wrong = Settings(ledger=Ledger(charge_url="http://pay.example/charge"), rules=Rules(reminder_days_after="3,soon"))
    problems = "\n".join(check(wrong))
    for words in ("ledger.charge_secrets is missing", "must begin with https://", "reminder_days_after must be days"):
        assert words in problems
