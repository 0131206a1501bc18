"""Calls to Stripe: how errors are told, when nobody waits any more, what settings and the doctor say."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import stripe

from inbox import doctor
from inbox.accounts import stripe_wire
from inbox.accounts.stripe_wire import Wire, translated
from inbox.errors import NotFound, Permanent, SettingsError, Transient
from inbox.settings import Stripe, load
from tests.emulators.stripe import Fault, StripeEmulator

SECRET = "0123456789abcdef0123456789abcdef"


def failing(wire: Wire) -> object:
    return wire.call(lambda v1, o: v1.customers.retrieve_async("cus_1", None, o))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (stripe.APIConnectionError("no route"), Transient),
        (stripe.RateLimitError("slow down", http_status=429), Transient),
        (stripe.APIError("oops", http_status=500), Transient),
        (stripe.APIError("oops", http_status=None), Transient),
        (stripe.InvalidRequestError("gone", "id", code="resource_missing", http_status=404), NotFound),
        (stripe.InvalidRequestError("bad", "amount", http_status=400), Permanent),
        (stripe.PermissionError("no", http_status=403), Permanent),
        (stripe.IdempotencyError("differs", http_status=400), Permanent),
        (stripe.CardError("declined", "card", "card_declined", http_status=402), Permanent),
    ],
)
def test_each_error_has_one_meaning(error: stripe.StripeError, kind: type[Exception]) -> None:
    assert type(translated(error)) is kind


async def test_after_some_failures_nobody_waits_until_the_rest_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(stripe_wire, "monotonic", lambda: now[0])
    emulator = StripeEmulator()
    wire = Wire(Stripe(api_keys=("sk_test_emulator",), api_base=await emulator.start(), max_retries=0))
    emulator.always = Fault(status=503)
    for _ in range(stripe_wire.TROUBLES + 3):
        with pytest.raises(Transient):
            await failing(wire)  # type: ignore[misc]
    assert len(emulator.calls) == stripe_wire.TROUBLES
    emulator.always = None
    now[0] += stripe_wire.REST + 1
    with pytest.raises(NotFound):  # it answers again: there is no such customer
        await failing(wire)  # type: ignore[misc]
    await wire.close()
    await emulator.stop()


async def test_calls_that_meet_a_dead_key_together_move_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(Stripe(api_keys=("sk_dead", "sk_live")))
    dead = wire._clients[0].v1

    class Found:
        def to_dict(self) -> dict[str, str]:
            return {"id": "cus_1"}

    async def call(v1: object, options: object) -> Found:
        await asyncio.sleep(0)
        if v1 is dead:
            raise stripe.AuthenticationError("no such key")
        return Found()

    for _ in range(2):
        found = await asyncio.gather(*(wire._call(call, {}) for _ in range(4)))  # type: ignore[arg-type]
        assert found == [{"id": "cus_1"}] * 4
    await wire.close()


async def test_a_wire_that_was_never_used_closes_quietly() -> None:
    await Wire(Stripe(api_keys=("sk_1",))).close()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[stripe]\n", "stripe.api_keys is missing"),
        ('[stripe]\napi_keys = ["a"]\nmax_retries = 9\n', "stripe.max_retries"),
        ('[stripe]\napi_keys = ["a"]\ntimeout_seconds = 30\n', "stripe.timeout_seconds"),
        ('[stripe]\napi_keys = ["a"]\n[accounts]\nmax_age_minutes = 61\n', "accounts.max_age_minutes"),
        ('[stripe]\napi_keys = ["a"]\n[accounts]\nmax_age_minutes = 0\n', "accounts.max_age_minutes"),
    ],
)
def test_settings_that_cannot_work_are_named(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "inbox.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=word.replace(".", r"\.")):
        load(path, {})


def test_keys_are_in_no_repr(tmp_path: Path) -> None:
    path = tmp_path / "inbox.toml"
    path.write_text('[stripe]\napi_keys = ["rk_hush"]\nwebhook_secrets = ["whsec_hush"]\n', encoding="utf-8")
    assert "hush" not in repr(load(path, {}))


async def examined(tmp_path: Path, url: str, key: str = "sk_test_emulator") -> dict[str, tuple[str, str]]:
    path = tmp_path / "inbox.toml"
    path.write_text(
        f'[web]\nsecrets = ["{SECRET}"]\n[database]\nurl = "sqlite:///{tmp_path}/inbox.db"\n'
        f'[stripe]\napi_keys = ["{key}"]\napi_base = "{url}"\nmax_retries = 0\n',
        encoding="utf-8",
    )
    report = await doctor.examine(path)
    return {f.part: (f.state, f.words) for f in report.findings}


async def test_the_doctor_tries_stripe_and_names_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INBOX_CONFIG",):
        monkeypatch.delenv(name, raising=False)
    emulator = StripeEmulator()
    url = await emulator.start()
    found = await examined(tmp_path, url)
    assert found["stripe"][0] == "ok"
    assert found["stripe webhook"][0] == "warning"
    assert "whsec_" in found["stripe webhook"][1]
    found = await examined(tmp_path, url, "sk_test_wrong")
    assert found["stripe"][0] == "broken"
    assert "make a new restricted key" in found["stripe"][1]
    await emulator.stop()
