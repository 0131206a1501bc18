"""The demo as a person uses it: the real application and every stand-in, over real sockets of this machine."""

from __future__ import annotations

import asyncio
import html
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from decimal import ROUND_DOWN
from pathlib import Path

import aiosmtplib
import pytest

from inbox.demo import page_mail, running, setting_up
from inbox.demo.cast import SLACK_PEOPLE, STAFF, STRANGER, SUPPORT, doubled_payment, roles
from inbox.money import Money
from tests.demo.conftest import codes, free_port, opened, until

MAREN = SLACK_PEOPLE[0].id


async def cast(visitor):
    found = roles(await visitor.demo.authors())
    assert found is not None
    return found


async def last_text(visitor, number):
    sent = [m for m in visitor.demo.twilio.messages if m.to == number]
    return sent[-1].body if sent else ""


async def test_every_page_is_there_for_everybody_and_nothing_is_logged(visitor, caplog):
    caplog.set_level(logging.WARNING)
    start = await visitor.page("/")
    for path in (
        "/demo/chat",
        "/demo/phone",
        "/demo/mail",
        "/demo/portal",
        "/demo/slack/",
        "/console/login",
        "/widget.js",
    ):
        await visitor.page(path)
    links = {html.unescape(found) for found in re.findall(r'href="(/[^"#]*)', start)}
    authors = await visitor.demo.authors()
    assert len(authors) == 30
    for author in authors:
        assert {f"/demo/{door}?author={author.ref.id}" for door in ("chat", "phone", "mail", "portal")} <= links
        assert html.escape(author.name) in start
    for link in sorted(links):
        await visitor.page(link)
    assert [record.getMessage() for record in caplog.records] == []


async def test_the_start_page_shows_who_may_log_in(visitor):
    start = await visitor.page("/")
    for member in STAFF:
        assert member.email in start
        assert visitor.demo.keys.passwords[member.email] in start
    login = await visitor.page("/console/login")
    csrf = re.search(r'name="csrf" value="([^"]+)"', login)[1]
    lead = STAFF[-1].email
    queue = await visitor.submit("/console/login", csrf=csrf, email=lead, password=visitor.demo.keys.passwords[lead])
    assert STAFF[-1].name in queue


async def test_pages_run_no_foreign_code(visitor):
    async with visitor.session.get(visitor.demo.url + "/demo/phone?problem=<script>alert(1)</script>") as answer:
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
        assert "<script>alert" not in await answer.text()


async def test_other_sites_cannot_press_the_buttons(visitor):
    for path in ("/demo/pay", "/demo/card", "/demo/tax-form", "/demo/mail", "/demo/phone/text", "/demo/phone/call"):
        headers = {"Sec-Fetch-Site": "cross-site"}
        async with visitor.session.post(visitor.demo.url + path, data={"text": "x"}, headers=headers) as answer:
            assert answer.status == 403


async def test_a_signed_in_author_gets_the_balance_at_once(visitor):
    author = (await cast(visitor)).balance
    answer = await visitor.chat(author.ref.id, "What do I still owe?")
    assert f"${author.outstanding}" in answer


async def test_somebody_unknown_in_the_chat_gets_no_figure(visitor):
    answer = await visitor.chat("", "What do I still owe?")
    assert "$" not in answer


async def test_by_text_the_figure_comes_after_the_code(visitor):
    author = (await cast(visitor)).balance
    page = f"/demo/phone?author={author.ref.id}"

    async def shown(look):
        return await until(lambda: _found(visitor, page, look))

    await visitor.submit("/demo/phone/text", author=author.ref.id, number=author.phone, text="what is my balance?")
    code = (await shown(codes))[-1]
    assert f"${author.outstanding}" not in await visitor.page(page)
    await visitor.submit("/demo/phone/text", author=author.ref.id, number=author.phone, text=code)
    await shown(lambda text: f"${author.outstanding}" in text)
    await shown(lambda text: "delivered" in text)


async def _found(visitor, path, look):
    return look(await visitor.page(path))


async def test_mail_through_smtp_is_answered_in_its_thread(visitor):
    author = (await cast(visitor)).balance
    page = f"/demo/mail?author={author.ref.id}"
    await visitor.submit(
        "/demo/mail",
        author=author.ref.id,
        subject="A question",
        text="Which payment methods do you take?",
        verdict="pass",
    )
    shown = await until(lambda: _found(visitor, page, lambda text: "From Larkmoor" in text and text))
    assert "Re: A question" in shown
    assert "In-Reply-To:" in shown
    body = await visitor.page(re.search(r'iframe src="([^"]+)"', shown)[1])
    assert "Visa" in body
    answer = re.search(r'name="answers" value="(\d+)"', shown)[1]
    await visitor.submit("/demo/mail", author=author.ref.id, subject="Re: A question", text="Thanks!", answers=answer)
    assert visitor.demo.office.letters[-1].recipient.startswith("support+")


async def test_any_mail_program_may_write_through_the_door(visitor):
    raw = f"From: a@unknown.example\r\nTo: {SUPPORT}\r\nSubject: Hi\r\n\r\nHow do refunds work?\r\n"
    await aiosmtplib.send(
        raw, hostname="127.0.0.1", port=visitor.demo.smtp_port, sender="a@unknown.example", recipients=[SUPPORT]
    )
    await until(lambda: _letters(visitor, "a@unknown.example", 2))


async def _letters(visitor, address, count):
    return len(visitor.demo.office.of_person(address)) >= count


async def test_foreign_html_is_shown_without_any_rights(visitor):
    raw = b"Content-Type: text/html\r\n\r\n<script>alert(1)</script><p>hello</p>"
    visitor.demo.office.take(SUPPORT, [page_mail.STRANGER], raw)
    async with visitor.session.get(visitor.demo.url + "/demo/mail/1.html") as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox ")
        assert "default-src 'none'" in policy
        assert "allow-scripts" not in policy


async def test_a_call_is_heard_and_the_keys_work(visitor):
    number = (await cast(visitor)).balance.phone
    page = await visitor.submit("/demo/phone/call", number=number, act="dial")
    assert "automated" in page
    assert "The line is listening" in page
    page = await visitor.submit("/demo/phone/call", number=number, act="say", words="which payment methods do you take")
    assert "Visa" in page
    page = await visitor.submit("/demo/phone/call", number=number, act="press", keys="0")
    assert 'class="keys">0<' in page
    if "The call has ended" not in page:
        page = await visitor.submit("/demo/phone/call", number=number, act="hang_up")
    assert "The call has ended" in page
    page = await visitor.submit("/demo/phone/call", number=number, act="pick_up")
    assert "an agent picks up" in page


async def test_on_the_phone_the_figure_comes_after_the_code_that_went_by_text(visitor):
    author = (await cast(visitor)).balance
    await visitor.submit("/demo/phone/call", number=author.phone, act="dial")
    page = await visitor.submit("/demo/phone/call", number=author.phone, act="say", words="what do i still owe")
    assert "six digit code" in page
    assert f"${author.outstanding}" not in page
    code = await until(lambda: _code(visitor, author.phone))
    page = await visitor.submit("/demo/phone/call", number=author.phone, act="press", keys=code)
    spoken = page.partition('id="heard"')[2]
    assert str(author.outstanding.decimal.to_integral_value(ROUND_DOWN)) in spoken
    assert code not in re.sub(r'class="keys">\d+', "", spoken)


async def _code(visitor, number):
    return next(iter(codes(await last_text(visitor, number))), "")


async def test_an_unknown_number_learns_nothing(visitor):
    await visitor.submit("/demo/phone/text", number=STRANGER, text="what is my balance?")
    text = await until(lambda: last_text(visitor, STRANGER))
    assert "$" not in text


async def test_a_double_charge_goes_to_slack_and_the_reply_comes_back(visitor):
    author = (await cast(visitor)).doubled
    assert author is not None
    answer = await visitor.chat(author.ref.id, "You charged me twice for the same invoice!")
    assert "case" in answer
    slack = visitor.demo.slack
    card = (await until(lambda: _roots(slack)))[0]
    assert doubled_payment(author).id in str(card["blocks"])
    assert (await slack.press(MAREN, card["ts"], "case_claim")).status == 200
    await until(lambda: _says(slack, card["ts"], "Maren"))
    await slack.press(MAREN, card["ts"], "case_reply")
    await slack.submit(MAREN, {"channel": "chat", "text": "One of the two is only held; your bank lets it go."})
    await slack.submit(MAREN)
    token = await visitor.page(f"/demo/token?author={author.ref.id}")
    async with visitor.session.ws_connect(visitor.demo.url + "/chat/socket") as line, asyncio.timeout(10):
        await line.send_json({"type": "hello", "token": token})
        async for frame in line:
            if "your bank lets it go" in frame.data:
                break


async def _roots(slack):
    return slack.workspace.roots(slack.channel)


async def _says(slack, ts, words):
    return words in str(slack.workspace.message(slack.channel, ts))


async def test_paying_on_the_demo_page_changes_what_the_bot_says(visitor):
    author = (await cast(visitor)).balance
    invoice = next(i for i in author.invoices if i.balance.minor > 500)
    query = f"account={author.ref.id}&invoice={invoice.id}&amount=5.00&kind=pay"
    assert invoice.id in await visitor.page(f"/demo/pay?{query}")
    thanks = await visitor.submit("/demo/pay", author=author.ref.id, invoice=invoice.id, amount="5.00")
    assert "Thank you" in thanks
    left = author.outstanding - Money(500)
    assert f"${left}" in await visitor.chat(author.ref.id, "What do I still owe?")


@pytest.mark.parametrize("amount", ["0", "-5", "1e9", "NaN", "999999.00", "five", "0.001"])
async def test_no_odd_amount_is_booked(visitor, amount):
    author = (await cast(visitor)).balance
    invoice = next(i for i in author.invoices if i.balance.minor > 0)
    page = await visitor.submit("/demo/pay", author=author.ref.id, invoice=invoice.id, amount=amount)
    assert "Nothing was charged" in page
    assert (await visitor.demo.author(author.ref.id)).outstanding == author.outstanding


async def test_a_new_card_and_a_tax_form_are_kept(visitor):
    author = next(a for a in await visitor.demo.authors() if a.royalties and a.royalties.tax_form_status != "approved")
    await visitor.submit("/demo/card", author=author.ref.id, card="4444")
    await visitor.submit("/demo/tax-form", author=author.ref.id, form="W-8BEN")
    after = await visitor.demo.author(author.ref.id)
    assert [m.last4 for m in after.payment_methods if m.default] == ["4444"]
    assert (after.royalties.tax_form, after.royalties.tax_form_status) == ("W-8BEN", "approved")
    assert "Choose one of the test cards" in await visitor.submit("/demo/card", author=author.ref.id, card="1234")


async def test_a_payment_link_of_another_kind_leads_to_its_part_of_the_portal(visitor):
    author = (await cast(visitor)).balance
    async with visitor.session.get(
        f"{visitor.demo.url}/demo/pay?account={author.ref.id}&kind=update_method", allow_redirects=False
    ) as answer:
        assert answer.headers["Location"] == f"/demo/portal?author={author.ref.id}#update_method"


async def test_an_unknown_author_is_not_found(visitor):
    async with visitor.session.get(visitor.demo.url + "/demo/chat?author=A-0") as answer:
        assert answer.status == 404


async def test_a_second_start_goes_on_where_the_first_ended(folder):
    async with opened(folder) as visitor:
        author = (await cast(visitor)).balance
        before = [a.ref for a in await visitor.demo.authors()]
        await visitor.chat(author.ref.id, "I want to talk to a person")
        await until(lambda: _roots(visitor.demo.slack))
        await visitor.submit("/demo/phone/text", number=STRANGER, text="Which payment methods do you take?")
        await until(lambda: last_text(visitor, STRANGER))
    async with opened(folder) as visitor:
        assert [a.ref for a in await visitor.demo.authors()] == before
        assert len(await _roots(visitor.demo.slack)) == 1
        assert "Visa" in await last_text(visitor, STRANGER)
        count = len(visitor.demo.twilio.messages)
        await visitor.submit("/demo/phone/text", number=STRANGER, text="How do refunds work?")
        await until(lambda: _texts(visitor, count + 2))  # a number that was given out before would count as known


async def _texts(visitor, count):
    return len(visitor.demo.twilio.messages) >= count


def test_each_step_says_so_and_the_second_start_takes_nothing_in_twice(folder):
    said: list[str] = []
    demo = setting_up.set_up(free_port(), folder, said.append)
    demo.office.close_door()
    demo.app.store.close()
    assert [line.partition(" ")[0] for line in said] == [f"{n}/7" for n in range(1, 7)]
    assert "30 sample authors found" in said[3]
    assert said[5].endswith("0 of them new")


def test_a_busy_port_is_one_line_that_names_the_way_out(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert running.run(port, tmp_path / "data") == 1
    said = capsys.readouterr().err
    assert said == f"inbox: port {port} is in use by another program; choose another one: make demo PORT={port + 1}\n"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port):
    assert "is no port" in running.port_problem(port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_cleanly(folder, number):
    port = free_port()
    program = [sys.executable, "-m", "inbox", "demo", "--port", str(port), "--data", str(folder)]
    root = Path(running.__file__).parents[2]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root, env={**os.environ}
    ) as demo:
        try:
            lines = iter(demo.stdout.readline, "")
            assert any(f"http://127.0.0.1:{port}" in line for line in lines)
            demo.send_signal(number)
            rest, errors = demo.communicate(timeout=20)
        finally:
            demo.kill()
    assert (demo.returncode, errors) == (0, "")
    assert rest.strip().endswith("a second start goes on from here")


async def test_a_declined_charge_is_told_tried_again_and_paid_with_another_card(visitor):
    """Story 2, shown live: the bank declines, the day of the next try stands, a new card and a payment clear it."""
    author = (await cast(visitor)).balance
    shown = await visitor.submit("/demo/night-run", author=author.ref.id, answer="soft")
    assert "declined" in shown
    after = await visitor.demo.author(author.ref.id)
    failed = after.payments[-1]
    assert (failed.status, failed.decline_code) == ("failed", "insufficient_funds")
    invoice = after.invoice(failed.invoice_id)
    answer = await visitor.chat(author.ref.id, "Why did my payment fail?")
    assert "declined" in answer
    await visitor.submit("/demo/card", author=author.ref.id, card="4444")
    thanks = await visitor.submit(
        "/demo/pay", author=author.ref.id, invoice=invoice.id, amount=str(failed.amount), card="mastercard ••4444"
    )
    assert "Thank you" in thanks
    paid = await visitor.demo.author(author.ref.id)
    assert paid.invoice(invoice.id).balance == invoice.balance - failed.amount
    assert [p.method for p in paid.payments if p.status == "succeeded"][-1] == "mastercard ••4444"


async def test_a_hard_decline_is_never_tried_again(visitor):
    author = (await cast(visitor)).balance
    await visitor.submit("/demo/night-run", author=author.ref.id, answer="hard")
    after = await visitor.demo.author(author.ref.id)
    assert after.payments[-1].decline_code == "stolen_card"
    assert all(plan.next_retry_on is None for plan in after.plans if plan.invoice_id == after.payments[-1].invoice_id)
    assert "stolen" not in await visitor.chat(author.ref.id, "Why did my payment fail?")
