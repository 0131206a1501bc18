"""Nobody sees a page without a login, nobody posts a form that is not ours, and only supervisors decide."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from inbox import events, staffing
from inbox.console.auth import COOKIE, digest, local_path
from inbox.console.throttle import TRIES, TRIES_OF_ADDRESS
from tests.console.world import PASSWORD, forms_of, opened

SUPERVISOR_ONLY = {
    ("GET", "/console/people"), ("POST", "/console/people"), ("POST", "/console/people/{id}/disable"),
    ("POST", "/console/people/{id}/enable"),
    ("POST", "/console/people/{id}/password"), ("POST", "/console/people/{id}/slack"), ("GET", "/console/security"),
    ("POST", "/console/authorisations/{id}/approve"),
    ("POST", "/console/authorisations/{id}/refuse"),
    ("POST", "/console/authorisations/{id}/revoke"),
    ("POST", "/console/replies/{id}/verdict"), ("GET", "/console/templates/approve-all"),
    ("POST", "/console/templates/approve-all"), ("POST", "/console/templates/{id}/approve"),
    ("POST", "/console/templates/{id}/suspend"), ("GET", "/console/payouts"), ("POST", "/console/payouts/batches"),
    ("GET", "/console/payouts/batches/{id}/{form}"), ("POST", "/console/payouts/withdrawals/{id}/hold"),
    ("POST", "/console/payouts/withdrawals/{id}/release"), ("POST", "/console/payouts/withdrawals/{id}/call-off"),
    ("POST", "/console/changes/{id}/approve"), ("POST", "/console/setoffs/{id}/apply"),
    ("POST", "/console/setoffs/{id}/refuse"),
}  # fmt: skip
OPEN = {("GET", "/console/login"), ("POST", "/console/login")}


def console_routes(world):
    """Every route of the console with its path made concrete: (method, pattern, path)."""
    found = []
    for route in world.app.router.routes():
        pattern = route.resource.canonical if route.resource else ""
        if not pattern.startswith("/console") or pattern.startswith("/console/static") or route.method == "HEAD":
            continue
        path = pattern.replace("{answer}", "account_balance").replace("{language}", "en")
        found.append((route.method, pattern, re.sub(r"\{\w+\}", "01NOSUCH", path)))
    return found


async def test_the_list_of_routes_is_what_is_tested(world):
    patterns = {(method, pattern) for method, pattern, _ in console_routes(world)}
    assert patterns >= SUPERVISOR_ONLY | OPEN
    assert len(patterns) > 35


async def test_no_page_without_a_login(world):
    stranger = await world.visitor()
    for method, pattern, path in console_routes(world):
        if (method, pattern) in OPEN:
            continue
        if method == "GET":
            await stranger.get(path, follow=False)
        else:
            await stranger.post(path, follow=False, csrf="guessed")
        assert stranger.status == 303, (method, pattern)
        assert stranger.headers["Location"].startswith("/console/login"), (method, pattern)


async def test_a_form_without_the_session_s_token_is_refused_everywhere(world):
    sol = await world.supervisor()
    for method, pattern, path in console_routes(world):
        if method != "POST" or (method, pattern) in OPEN:
            continue
        for wrong in ("", "guessed", "é" * 32):
            await sol.post(path, follow=False, csrf=wrong)
            assert sol.status == 403, (pattern, wrong)
    assert await sol.get("/console")  # the session itself is unharmed
    assert sol.status == 200


async def test_another_person_s_token_is_no_good(world):
    sol, ana = await world.supervisor(), await world.agent()
    await ana.post("/console/logout", follow=False, csrf=sol.csrf)
    assert ana.status == 403


async def test_agents_may_do_everything_but_what_is_for_supervisors(world):
    ana = await world.agent()
    for method, pattern, path in console_routes(world):
        if (method, pattern) in OPEN or pattern in ("/console/live", "/console/logout"):
            continue
        html = await (ana.get(path, follow=False) if method == "GET" else ana.post(path, follow=False))
        refused = ana.status == 403 and "for supervisors" in html
        assert refused == ((method, pattern) in SUPERVISOR_ONLY), (method, pattern, ana.status)


async def test_a_supervisor_is_not_refused(world):
    sol = await world.supervisor()
    for path in ("/console/people", "/console/security", "/console/templates/approve-all"):
        await sol.get(path)
        assert sol.status == 200


async def test_links_for_supervisors_are_not_shown_to_agents(world):
    ana, sol = await world.agent(), await world.supervisor()
    assert 'href="/console/people"' not in await ana.get("/console")
    assert 'href="/console/people"' in await sol.get("/console")


# -- login


async def test_the_cookie_is_for_this_site_and_not_for_scripts(world):
    visitor = await world.visitor()
    form = forms_of(await visitor.get("/console/login"))["/console/login?next=%2Fconsole"]
    await visitor.post(
        "/console/login?next=/console/replies",
        follow=False,
        csrf=form["csrf"],
        email="ana@larkmoor.example",
        password=PASSWORD,
    )
    assert visitor.status == 303
    assert visitor.headers["Location"] == "/console/replies"
    cookie = next(c for c in visitor.headers.getall("Set-Cookie") if c.startswith(COOKIE + "="))
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie


async def test_the_cookie_is_secure_where_the_site_is(sqlite_store, clock):
    async with opened(sqlite_store, clock, public_url="https://inbox.example") as world:
        visitor = await world.visitor()
        await visitor.get("/console/login")
        assert all("Secure" in cookie for cookie in visitor.headers.getall("Set-Cookie"))


async def test_unknown_and_wrong_get_the_same_words(world):
    pages = []
    for email in ("ana@larkmoor.example", "nobody@larkmoor.example"):
        visitor = await world.visitor()
        form = forms_of(await visitor.get("/console/login"))["/console/login?next=%2Fconsole"]
        html = await visitor.post("/console/login", csrf=form["csrf"], email=email, password="wrong-wrong-wrong")
        assert visitor.status == 403
        pages.append(html.replace(form["csrf"], ""))
    assert pages[0] == pages[1]


async def test_unknown_and_wrong_both_check_a_password(world, monkeypatch):
    """The same slow work is done either way; the work itself is what takes the time."""
    checked = []
    monkeypatch.setattr(staffing, "matches", lambda password, stored: checked.append(stored) or False)
    for email in ("ana@larkmoor.example", "nobody@larkmoor.example"):
        visitor = await world.visitor()
        await visitor.log_in(email)
    assert len(checked) == 2
    assert all(stored.startswith("$argon2id$") for stored in checked)


async def test_too_many_tries_lock_that_account_for_that_address(world, monkeypatch):
    monkeypatch.setattr(staffing, "matches", lambda password, stored: password == PASSWORD)
    visitor = await world.visitor()
    for _ in range(TRIES):
        await visitor.log_in("ana@larkmoor.example", "wrong-wrong-wrong")
        assert visitor.status == 403
    html = await visitor.log_in("ana@larkmoor.example")  # even the right one, now
    assert visitor.status == 429
    assert "Too many tries" in html
    await visitor.log_in("nobody@larkmoor.example", "x")  # an unknown account locks just the same
    assert visitor.status == 403
    await visitor.log_in("sol@larkmoor.example")
    assert visitor.status == 200
    other = await world.visitor()
    world.clock.tick(16 * 60)
    await other.log_in("ana@larkmoor.example")
    assert other.csrf


async def test_a_right_password_gives_the_tries_back(world, monkeypatch):
    monkeypatch.setattr(staffing, "matches", lambda password, stored: password == PASSWORD)
    for _ in range(3):
        for _ in range(TRIES - 1):
            visitor = await world.visitor()
            await visitor.log_in("ana@larkmoor.example", "wrong-wrong-wrong")
        await visitor.log_in("ana@larkmoor.example")
        assert visitor.csrf


async def test_one_address_cannot_try_every_account(world, monkeypatch):
    monkeypatch.setattr(staffing, "matches", lambda password, stored: False)
    visitor = await world.visitor()
    for n in range(TRIES_OF_ADDRESS):
        await visitor.log_in(f"person{n}@larkmoor.example")
        assert visitor.status == 403
    await visitor.log_in("somebody-else@larkmoor.example")
    assert visitor.status == 429


async def test_failed_logins_are_recorded_without_what_was_typed(world, monkeypatch):
    monkeypatch.setattr(staffing, "matches", lambda password, stored: False)
    visitor = await world.visitor()
    await visitor.log_in("my-password-typed-here", "hunter2hunter2")
    await visitor.log_in("ana@larkmoor.example", "hunter2hunter2")
    found = await world.store.read(lambda tx: list(events.read(tx, "security")))
    assert [(e.type, e.actor) for e in found] == [("login.failed", "unknown"), ("login.failed", world.people["ana"].id)]
    assert "my-password" not in str(found)
    assert "hunter2" not in str(found)


async def test_the_login_form_must_be_ours(world):
    visitor = await world.visitor()
    await visitor.get("/console/login")
    await visitor.post("/console/login", csrf="guessed", email="ana@larkmoor.example", password=PASSWORD)
    assert visitor.status == 403
    form = forms_of(await visitor.get("/console/login"))["/console/login?next=%2Fconsole"]
    fields = {"csrf": form["csrf"], "email": "ana@larkmoor.example", "password": PASSWORD}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        async with visitor.client.post("/console/login", data=fields, headers=headers) as response:
            assert response.status == 403


@pytest.mark.parametrize("body", [b"\xff\xfe", b"csrf=%ff%fe", b"a" * 100_000])
async def test_a_broken_form_is_refused_and_nothing_breaks(world, body):
    visitor = await world.visitor()
    for kind in ("application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x"):
        async with visitor.client.post("/console/login", data=body, headers={"Content-Type": kind}) as response:
            assert response.status in (400, 403)


@pytest.mark.parametrize(
    ("wanted", "where"),
    [
        ("/console/conversations/01X?a=1", "/console/conversations/01X?a=1"), ("/console", "/console"),
        ("//elsewhere.example", "/console"), ("https://elsewhere.example", "/console"), ("/console/../healthz", "/console"),
        ("/console\\@elsewhere.example", "/console"), ("/consolex", "/console"), ("/console/\r\nX: y", "/console"), ("", "/console"),
    ],
)  # fmt: skip
def test_after_the_login_only_pages_of_the_console(wanted, where):
    assert local_path(wanted) == where


async def test_a_link_from_elsewhere_takes_one_step_on_our_own_page(world):
    """Strict cookies do not come with it; the step brings them."""
    visitor = await world.visitor()
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    html = await visitor.get("/console/conversations/01X", follow=False, headers=headers)
    assert visitor.status == 200
    assert 'content="0; url=/console/conversations/01X"' in html
    await visitor.get("/console/conversations/01X", follow=False)
    assert visitor.headers["Location"] == "/console/login?next=%2Fconsole%2Fconversations%2F01X"


# -- sessions


async def test_logging_out_ends_the_session(world):
    ana = await world.agent()
    kept = ana.client.session.cookie_jar.filter_cookies(world.server.make_url("/console"))[COOKIE].value
    await ana.post("/console/logout", follow=False)
    stranger = await world.visitor()
    await stranger.get("/console", follow=False, cookies={COOKIE: kept})
    assert stranger.status == 303


async def test_one_may_end_one_s_other_sessions_but_nobody_else_s(world):
    ana, again, sol = await world.agent(), await world.agent(), await world.supervisor()
    html = await ana.get("/console/me")
    mine = [a for a in forms_of(html) if a.endswith("/revoke")]
    assert len(mine) == 2
    assert html.count("This one") == 1
    await sol.post(mine[0])
    assert sol.status == 404
    own = digest(ana.client.session.cookie_jar.filter_cookies(world.server.make_url("/console"))[COOKIE].value)
    for action in sorted(mine, key=lambda a: own in a):  # the other one first
        await ana.post(action, follow=False)
    for visitor in (ana, again):
        await visitor.get("/console", follow=False)
        assert visitor.status == 303
    await sol.get("/console", follow=False)
    assert sol.status == 200


async def test_a_session_ends_with_its_time_and_with_the_account(world):
    ana = await world.agent()
    await world.store.run(lambda tx: staffing.disable(tx, world.people["ana"].id, world.clock.now(), "test"))
    await ana.get("/console", follow=False)
    assert ana.status == 303
    sol = await world.supervisor()
    world.clock.tick((staffing.SESSION + timedelta(seconds=1)).total_seconds())
    await sol.get("/console", follow=False)
    assert sol.status == 303


async def test_a_forged_cookie_is_nobody(world):
    stranger = await world.visitor()
    for value in ("", "x", "x" * 4000):
        await stranger.get("/console", follow=False, headers={"Cookie": f"{COOKIE}={value}"})
        assert stranger.status == 303


# -- what every page carries


async def test_headers(world):
    sol = await world.supervisor()
    for path in ("/console", "/console/login", "/console/templates", "/console/people", "/console/nowhere"):
        await sol.get(path, follow=False)
        policy = sol.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert sol.headers["X-Frame-Options"] == "DENY"
        assert sol.headers["X-Content-Type-Options"] == "nosniff"
    await sol.get("/console")
    assert sol.headers["Cache-Control"] == "no-store"


async def test_no_inline_style_or_script_on_any_page(world):
    talk, _ = await world.hear("You took the $30 twice!")
    sol = await world.supervisor()
    for path in (
        "/console", "/console/replies", "/console/templates", "/console/templates/account_balance/en", "/console/failures",
        "/console/people", "/console/security", "/console/me", f"/console/conversations/{talk}",
    ):  # fmt: skip
        html = await sol.get(path)
        assert sol.status == 200, path
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?! src=)|javascript:", html), path


HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)">{{ 7*7 }}'


async def test_whatever_authors_write_is_shown_literally(world):
    talk, _ = await world.hear(
        f"You took it twice {HOSTILE}", sender_name=HOSTILE, subject=HOSTILE,
    )  # fmt: skip
    await world.intake.quarantine("email", "q", f"raw {HOSTILE}".encode(), f"reason {HOSTILE}")
    ana = await world.agent()
    html = await ana.get(f"/console/conversations/{talk}")
    await ana.post(
        f"/console/conversations/{talk}/note", **_fields(html, f"/console/conversations/{talk}/note"), text=HOSTILE
    )
    pages = [ana.last]
    for path in (
        "/console",
        "/console/queue",
        f"/console/conversations/{talk}/timeline",
        "/console/replies",
        "/console/failures",
    ):
        pages.append(await ana.get(path))
    pages.append(await ana.get(f"/console?channel={HOSTILE.replace(' ', '+')}"))
    for html in pages:
        assert "<script>alert" not in html
        assert "<img" not in html
        assert ">49<" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages[0]
    assert "{{ 7*7 }}" in pages[0]


def _fields(html, action):
    return {k: v for k, v in forms_of(html)[action].items() if k != "csrf"}


async def test_a_refusal_is_a_page_in_plain_words(world):
    ana = await world.agent()
    html = await ana.get("/console/people")
    assert ana.status == 403
    assert "for supervisors" in html
    assert "Traceback" not in html
    html = await ana.get("/console/conversations/01NOSUCH")
    assert ana.status == 404
    assert "There is no such conversation." in html
