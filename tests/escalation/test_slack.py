"""The desk in Slack against Slack's own shapes: signatures, retries, notes, forms, errors."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from inbox.clock import SetClock
from inbox.demo import slack_acts, slack_payloads
from inbox.demo.slack_stand_in import Failure
from inbox.demo.slack_workspace import CASES, GENERAL, Refused
from inbox.errors import Permanent, SettingsError, Transient, Uncertain
from inbox.escalation.base import CaseRef, DeskResult
from inbox.escalation.slack import SlackDesk
from inbox.settings import Slack
from tests.escalation.world import SECRET, TOKEN, agent_name, entry, handoff, slack_world

MAREN, TOBIN = "U0MAREN", "U0TOBIN"


@pytest.fixture
async def world():
    async with slack_world() as made:
        yield made


async def settled():
    """What comes after the answer: private words, a form's new hint."""
    await asyncio.sleep(0.03)


# Signatures


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"signing_secrets": ()}, "slack.signing_secrets"),
        ({"signing_secrets": (" ",)}, "slack.signing_secrets"),
        ({"bot_token": ()}, "slack.bot_token"),
    ],
)
def test_without_secrets_it_does_not_start(settings, named):
    whole = {"bot_token": (TOKEN,), "signing_secrets": (SECRET,), "channel": CASES} | settings
    with pytest.raises(SettingsError, match=named):
        SlackDesk(Slack(**whole), agent_name({}))


EVENT = json.dumps({"type": "url_verification", "challenge": "abc", "token": "t"})


@pytest.mark.parametrize(
    ("secret", "skew", "headers", "status"),
    [
        (SECRET, 0, {}, 200),
        ("the-old-secret", 0, {}, 200),  # rotation: both are current
        ("somebody-else", 0, {}, 403),
        (SECRET, -290, {}, 200),
        (SECRET, 290, {}, 200),
        (SECRET, -310, {}, 403),
        (SECRET, 310, {}, 403),
        (SECRET, 0, {"X-Slack-Signature": ""}, 403),
        (SECRET, 0, {"X-Slack-Signature": "v0=é"}, 403),
        (SECRET, 0, {"X-Slack-Signature": "v0=" + "0" * 64}, 403),
        (SECRET, 0, {"X-Slack-Request-Timestamp": "soon"}, 403),
        (SECRET, 0, {"X-Slack-Request-Timestamp": ""}, 403),
        (SECRET, 0, {"X-Slack-Request-Timestamp": "9" * 400}, 403),
    ],
)
async def test_signatures(secret, skew, headers, status):
    async with slack_world(signing_secrets=(SECRET, "the-old-secret")) as world:
        answer = await world.slack.send_raw(EVENT, "application/json", headers, secret=secret, skew=skew)
        assert answer.status == status
        assert world.events.deliveries == 0


async def test_a_changed_body_is_refused(world):
    answer = await world.slack.send_raw(EVENT, "application/json")
    assert answer.body == {"challenge": "abc"}
    async with slack_world() as other:
        import aiohttp

        url = other.inbox.make_url("/slack/events")
        stamp = str(int(datetime.now(UTC).timestamp()))
        from slack_sdk.signature import SignatureVerifier

        signature = SignatureVerifier(SECRET).generate_signature(timestamp=stamp, body=EVENT)
        headers = {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature,
            "Content-Type": "application/json",
        }
        async with aiohttp.ClientSession() as session:
            for body, status in ((EVENT.encode(), 200), (EVENT.encode() + b" ", 403), (b"\xff\xfe", 403), (b"", 403)):
                async with session.post(url, data=body, headers=headers) as response:
                    assert response.status == status


async def test_an_unreadable_body_is_400_and_an_unknown_event_is_ignored(world):
    assert (await world.slack.send_raw("{not json", "application/json")).status == 400
    assert (await world.slack.send_raw("payload=%7Bnot", "application/x-www-form-urlencoded")).status == 400
    assert (await world.slack.send_event({"type": "team_join", "user": {"id": "U9"}, "event_ts": "1.0"})).status == 200
    assert len(world.slack.sent) == 1
    assert world.events.deliveries == 0


def test_repr_keeps_the_secrets():
    settings = Slack(bot_token=(TOKEN,), signing_secrets=(SECRET,), app_token=("xapp-secret",), channel=CASES)
    desk = SlackDesk(settings, agent_name({}))
    for text in (repr(settings), repr(desk)):
        assert SECRET not in text
        assert TOKEN not in text
        assert "xapp-secret" not in text


# Durable before the answer


async def test_a_store_that_cannot_write_makes_slack_come_again(world):
    ref = await world.case()
    world.events.broken = True
    world.slack.retry_after = ()
    assert (await world.slack.post(MAREN, ref.ts, "first")).status == 500
    assert world.events.applied == []
    world.events.broken = False
    assert [a.status for a in await world.slack.repeat(3)] == [200] * 3
    assert [e.text for e in world.events.applied] == ["first"]


async def test_slacks_own_three_retries_end_in_one_effect(world):
    ref = await world.case()
    real, tries = world.events.apply, []

    async def loses_the_first_two(event):
        result = await real(event)
        tries.append(event.source_id)
        if len(tries) < 3:
            raise RuntimeError("the answer got lost after the commit")
        return result

    world.events.apply = loses_the_first_two
    assert (await world.slack.post(MAREN, ref.ts, "once")).status == 200
    assert len(set(tries)) == 1
    assert len(tries) == 3
    assert len(world.events.applied) == 1


async def test_a_slow_store_is_answered_within_three_seconds_and_the_work_goes_on(world, monkeypatch):
    from inbox.escalation import slack_input

    monkeypatch.setattr(slack_input, "ANSWER_SECONDS", 0.1)
    ref = await world.case()
    world.events.slow = 0.3
    world.slack.retry_after = ()
    assert (await world.slack.press(MAREN, ref.ts, "case_claim")).status == 500
    await asyncio.sleep(0.4)
    assert [e.kind for e in world.events.applied] == ["claim"]
    world.events.slow = 0
    assert [a.status for a in await world.slack.repeat()] == [200]
    assert len(world.events.applied) == 1


def test_the_answer_leaves_time_for_the_way():
    from inbox.escalation import slack_input
    from inbox.escalation.slack_people import PATIENCE_SECONDS

    assert slack_input.ANSWER_SECONDS < 3.0
    assert PATIENCE_SECONDS < 1.0


async def test_a_silent_slack_does_not_keep_a_claim_waiting(world, monkeypatch):
    """The name is only decoration; without it the id stands."""
    ref = await world.case()
    world.slack.failures.append(Failure("503", "users.info"))
    assert (await world.slack.press("U0ILSE", ref.ts, "case_claim")).status == 200
    assert world.events.applied[0].actor_name == "U0ILSE"


# Notes


async def test_edits_and_deletions_are_notes_of_their_own(world):
    ref = await world.case()
    await world.slack.post(MAREN, ref.ts, "Looks fine.")
    ts = world.slack.workspace.thread(CASES, ref.ts)[-1]["ts"]
    await world.slack.edit(ts, "Looks wrong.")
    await world.slack.delete(ts)
    assert [e.text for e in world.events.applied] == ["Looks fine.", "(edited) Looks wrong.", "(deleted) Looks wrong."]
    assert {e.kind for e in world.events.applied} == {"note"}
    assert {e.actor_name for e in world.events.applied} == {"Maren V."}
    assert {e.meta["ts"] for e in world.events.applied} == {ts}


async def test_a_link_preview_is_no_edit(world):
    ref = await world.case()
    await world.slack.post(MAREN, ref.ts, "https://a.example")
    message = world.slack.workspace.thread(CASES, ref.ts)[-1]
    changed = {**message, "attachments": [{"title": "A"}]}
    await world.slack.send_event(slack_payloads.changed_event(changed, message, CASES, "9.9"))
    assert len(world.events.applied) == 1


async def test_our_own_posts_and_edits_never_come_back_in(world):
    ref = await world.case()
    line = await world.desk.append(ref, entry())
    for ts in (ref.ts, line):
        assert (await slack_acts.echo(world.slack, ts)).status == 200
    root = world.slack.workspace.message(CASES, ref.ts)
    own = {**world.slack.workspace.message(CASES, line), "text": "changed"}
    await world.slack.send_event(slack_payloads.changed_event(own, root, CASES, "9.9"))
    assert world.events.applied == []
    assert [m for m, _ in world.slack.calls].count("auth.test") == 1


async def test_another_bot_in_the_thread_is_a_note(world):
    ref = await world.case()
    message = {"type": "message", "subtype": "bot_message", "bot_id": "B0OTHER", "username": "Deploys", "text": "Up."}
    event = {**message, "ts": "5.1", "thread_ts": ref.ts, "channel": CASES, "event_ts": "5.1"}
    await world.slack.send_event(event)
    assert [(e.kind, e.actor_id, e.actor_name) for e in world.events.applied] == [("note", "B0OTHER", "Deploys")]


async def test_other_channels_and_talk_outside_of_cases_are_ignored(world):
    ref = await world.case()
    event = {"type": "message", "user": MAREN, "text": "x", "ts": "5.1", "thread_ts": ref.ts, "event_ts": "5.1"}
    await world.slack.send_event({**event, "channel": GENERAL})
    await world.slack.post(MAREN, "", "Good morning")
    await world.slack.send_event({**event, "channel": CASES, "thread_ts": "1.000000"})
    await world.slack.send_event({**event, "channel": CASES, "subtype": "channel_join"})
    assert world.events.deliveries == 0


async def test_mentions_become_names_and_files_are_named(world):
    ref = await world.case()
    await world.slack.post(
        MAREN,
        ref.ts,
        "<@U0TOBIN> and <@U0ILSE>, <!here>: 5 < 6 & so on",
        files=[{"name": "receipt.pdf"}],
        subtype="file_share",
    )
    assert world.events.applied[0].text == "@Tobin A. and @Ilse Quarrie, @here: 5 < 6 & so on\n[file: receipt.pdf]"


async def test_names_from_slack_are_asked_for_once(world):
    ref = await world.case()
    for n in range(3):
        await world.slack.post("U0ILSE", ref.ts, str(n))
    assert {e.actor_name for e in world.events.applied} == {"Ilse Quarrie"}
    assert [m for m, _ in world.slack.calls].count("users.info") == 1


async def test_secrets_that_colleagues_paste_are_masked_before_they_land(world):
    ref = await claimed(world)
    number = "4111 1111 1111 1111"
    await world.slack.post(MAREN, ref.ts, f"She wrote {number}")
    await world.slack.press(MAREN, ref.ts, "case_reply")
    await world.slack.submit(MAREN, {"text": f"Your card {number} was declined", "channel": "email"})
    assert number not in json.dumps(world.slack.workspace.views[MAREN][-1])
    await world.slack.submit(MAREN)
    await world.slack.press(MAREN, ref.ts, "case_resolve")
    await world.slack.submit(MAREN, {"outcome": "refund", "note": number})
    assert [e.kind for e in world.events.applied] == ["claim", "note", "reply", "resolve"]
    assert number not in repr(world.events.applied)
    assert "1111" in world.events.applied[1].text


# Forms


async def claimed(world, **changes):
    ref = await world.case(**changes)
    await world.slack.press(MAREN, ref.ts, "case_claim")
    await world.desk.update(ref, world.events.cards[1041])
    return ref


async def test_a_reply_is_previewed_and_sent_with_a_second_click(world):
    ref = await claimed(world)
    await world.slack.press(MAREN, ref.ts, "case_reply")
    assert len(world.slack.workspace.views[MAREN]) == 1
    answer = await world.slack.submit(MAREN, {"channel": "sms", "text": "Two payments came in; I check. " * 6})
    assert answer.body["response_action"] == "push"
    assert [e.kind for e in world.events.applied] == ["claim"]  # nothing is sent yet
    preview = world.slack.workspace.views[MAREN][-1]
    shown = json.dumps(preview["blocks"])
    assert "Maren V." in shown  # exactly what the author receives, with the name under it
    assert "as 2 text messages" in shown
    await world.slack.submit(MAREN)
    reply = world.events.applied[-1]
    assert (reply.kind, reply.channel, reply.actor_id) == ("reply", "sms", MAREN)
    assert reply.text == ("Two payments came in; I check. " * 6).strip()
    assert MAREN not in world.slack.workspace.views
    assert [a.status for a in await world.slack.repeat(3)] == [200] * 3
    assert [e.kind for e in world.events.applied] == ["claim", "reply"]


async def test_a_refused_reply_keeps_its_words_in_the_form(world):
    ref = await claimed(world)
    await world.slack.press(MAREN, ref.ts, "case_reply")
    await world.slack.submit(MAREN, {"channel": "sms", "text": "See INV-777."})
    refusal = DeskResult(ok=False, text="Not sent: “INV-777” (invoice) belongs to account A-200.")
    world.events._carry_out = lambda event: refusal
    answer = await world.slack.submit(MAREN)
    assert answer.body["response_action"] == "update"
    view = answer.body["view"]
    assert view["callback_id"] == "case_reply"
    assert "belongs to account A-200" in json.dumps(view["blocks"][0], ensure_ascii=False)
    assert "See INV-777." in json.dumps(view["blocks"][-1])


async def test_back_from_the_preview_sends_nothing(world):
    ref = await claimed(world)
    await world.slack.press(MAREN, ref.ts, "case_reply")
    await world.slack.submit(MAREN, {"text": "Not yet"})
    world.slack.workspace.back(MAREN)
    assert world.slack.workspace.views[MAREN][-1]["callback_id"] == "case_reply"
    assert [e.kind for e in world.events.applied] == ["claim"]


async def test_a_reply_needs_a_claim_and_an_allowed_channel(world):
    ref = await world.case()
    await world.slack.press(MAREN, ref.ts, "case_reply")
    await settled()
    assert "Claim the case before you reply" in world.slack.workspace.whispers[-1]["text"]
    assert MAREN not in world.slack.workspace.views


async def test_an_author_who_opted_out_everywhere_cannot_be_written_to(world):
    ref = await claimed(world, reply_channels=())
    await world.slack.press(MAREN, ref.ts, "case_reply")
    await settled()
    assert "no channel" in world.slack.workspace.whispers[-1]["text"]


async def test_an_opt_out_while_typing_is_noticed(world):
    import dataclasses

    ref = await claimed(world)
    await world.slack.press(MAREN, ref.ts, "case_reply")
    world.events.cards[1041] = dataclasses.replace(world.events.cards[1041], reply_channels=("email",))
    answer = await world.slack.submit(MAREN, {"channel": "sms", "text": "Hello"})
    assert answer.body["errors"] == {"channel": "The author may not be written to there."}
    assert world.slack.workspace.form_errors[MAREN]


async def test_a_colleague_cannot_reply_to_a_case_of_another(world):
    ref = await claimed(world)
    await world.slack.press(TOBIN, ref.ts, "case_reply")
    await world.slack.submit(TOBIN, {"text": "Hello"})
    answer = await world.slack.submit(TOBIN)
    assert answer.body["response_action"] == "update"
    assert "has this case" in json.dumps(world.slack.workspace.views[TOBIN][-1])
    assert [e.kind for e in world.events.applied] == ["claim"]


async def test_ids_and_group_calls_never_reach_the_author(world):
    ref = await claimed(world)
    await world.slack.press(MAREN, ref.ts, "case_reply")
    await world.slack.submit(MAREN, {"text": "Ask <@U0TOBIN> <!channel> a&amp;b"})
    await world.slack.submit(MAREN)
    assert world.events.applied[-1].text == "Ask @Tobin A. @channel a&amp;b"


async def test_an_empty_and_a_too_long_draft_are_refused_beside_the_field(world):
    ref = await claimed(world)
    await world.slack.press(MAREN, ref.ts, "case_reply")
    assert "text" in (await world.slack.submit(MAREN, {"text": "   "})).body["errors"]
    assert "shorten" in (await world.slack.submit(MAREN, {"text": "\n" + '"' * 2_400})).body["errors"]["text"]


async def test_what_the_channel_cannot_carry_is_said_beside_the_field(world):
    async def refuses(case, text, channel):
        raise Permanent("This is longer than a text message may be.")

    ref = await claimed(world)
    world.events.preview = refuses
    await world.slack.press(MAREN, ref.ts, "case_reply")
    answer = await world.slack.submit(MAREN, {"text": "Hello"})
    assert answer.body["errors"] == {"text": "This is longer than a text message may be."}


async def test_choosing_a_channel_changes_the_hint_and_keeps_the_words(world):
    ref = await claimed(world)
    await world.slack.press(MAREN, ref.ts, "case_reply")
    assert "160" in json.dumps(world.slack.workspace.views[MAREN][-1]["blocks"][0])
    await world.slack.choose(MAREN, "channel", {"channel": "email", "text": "Half a sent"})
    await settled()
    view = world.slack.workspace.views[MAREN][-1]
    assert "by email" in json.dumps(view["blocks"][0])
    assert "160" not in json.dumps(view["blocks"][0])
    assert view["blocks"][2]["element"]["initial_value"] == "Half a sent"


async def test_a_note_can_be_sent_on_to_the_author_after_all(world):
    ref = await claimed(world)
    await world.slack.post(MAREN, ref.ts, "We found both payments.")
    ts = world.slack.workspace.thread(CASES, ref.ts)[-1]["ts"]
    await world.slack.shortcut(MAREN, ts)
    view = world.slack.workspace.views[MAREN][-1]
    assert view["blocks"][2]["element"]["initial_value"] == "We found both payments."
    await world.slack.post(MAREN, "", "no case here")
    await world.slack.shortcut(TOBIN, world.slack.workspace.roots(CASES)[-1]["ts"])
    await settled()
    assert "not in the thread of a case" in world.slack.workspace.whispers[-1]["text"]


async def test_a_form_that_comes_too_late_says_so(world):
    ref = await world.case()
    world.slack.failures.append(Failure("expired_trigger_id", "views.open"))
    assert (await world.slack.press(MAREN, ref.ts, "case_resolve")).status == 200
    await settled()
    assert "press the button again" in world.slack.workspace.whispers[-1]["text"]


async def test_a_case_that_is_gone_is_said_privately(world):
    ref = await world.case()
    world.events.cards.clear()
    for action in ("case_reply", "case_resolve", "case_claim"):
        assert (await world.slack.press(MAREN, ref.ts, action)).status == 200
    await settled()
    assert {w["text"] for w in world.slack.workspace.whispers} == {"there is no case 1041"}
    assert len(world.slack.workspace.whispers) == 3


# To Slack


FAILURES = [
    ("429", Transient, "wait"),
    ("ratelimited", Transient, "wait"),
    ("service_unavailable", Transient, "wait"),
    ("reset", Uncertain, "broke"),
    ("lost", Uncertain, "broke"),
    ("500", Uncertain, "failed inside"),
    ("503", Uncertain, "failed inside"),
    ("internal_error", Uncertain, "failed inside"),
    ("invalid_auth", Permanent, r"slack\.bot_token is not valid"),
    ("account_inactive", Permanent, "install the app"),
    ("token_revoked", Permanent, "install the app"),
    ("is_archived", Permanent, "unarchive"),
    ("channel_not_found", Permanent, r"slack\.channel"),
    ("not_in_channel", Permanent, "/invite"),
    ("some_new_error", Permanent, "docs.slack.dev"),
]


@pytest.mark.parametrize(("kind", "error", "text"), FAILURES)
async def test_errors_of_a_post_are_sorted_and_nothing_is_posted_twice(world, kind, error, text):
    world.slack.failures.append(Failure(kind, "chat.postMessage"))
    with pytest.raises(error, match=text) as caught:
        await world.desk.open(handoff())
    assert [m for m, _ in world.slack.calls] == ["chat.postMessage"]  # the SDK's own retry would make it two
    assert type(caught.value) is error
    if kind == "429":
        assert caught.value.retry_after == 7.0
    if error is Permanent:
        assert caught.value.code == kind


@pytest.mark.parametrize("kind", ["lost", "reset", "503", "internal_error"])
async def test_an_edit_may_be_repeated(world, kind):
    ref = await world.case()
    world.slack.failures.append(Failure(kind, "chat.update"))
    with pytest.raises(Transient):
        await world.desk.update(ref, handoff(version=1))


async def test_slack_out_of_reach_is_transient():
    settings = Slack(bot_token=(TOKEN,), signing_secrets=(SECRET,), channel=CASES, api_base="http://127.0.0.1:9/api/")
    with pytest.raises(Transient, match="cannot be reached"):
        await SlackDesk(settings, agent_name({})).open(handoff())


async def test_a_wrong_token_is_named(world):
    settings = Slack(
        bot_token=("xoxb-old",), signing_secrets=(SECRET,), channel=CASES, api_base=world.settings.api_base
    )
    with pytest.raises(Permanent, match=r"slack\.bot_token"):
        await SlackDesk(settings, agent_name({})).check()


async def test_check_names_the_place_and_what_is_wrong(world):
    assert await world.desk.check() == "inbox in Larkmoor, cases go to #billing-cases, events by HTTP at /slack/events"
    world.slack.workspace.channels[CASES]["is_archived"] = True
    with pytest.raises(Permanent, match="unarchive"):
        await world.desk.check()
    world.slack.workspace.channels[CASES] |= {"is_archived": False, "is_member": False}
    with pytest.raises(Permanent, match="/invite"):
        await world.desk.check()


async def test_a_deleted_root_asks_for_a_new_post(world):
    ref = await world.case()
    world.slack.workspace.messages[CASES].clear()
    with pytest.raises(Permanent, match="post the case again") as caught:
        await world.desk.update(ref, handoff())
    assert caught.value.code == "message_not_found"


async def test_find_looks_through_pages_and_only_at_our_own_mark(world):
    ref = await world.case()
    for n in range(230):
        world.slack.workspace.add(CASES, {"user": MAREN, "text": f"talk {n} 1041"})
    assert await world.desk.find(handoff()) == ref
    assert [m for m, _ in world.slack.calls].count("conversations.history") == 3


async def test_nothing_is_unfurled_or_parsed_by_slack(world):
    await world.case()
    _, body = world.slack.calls[0]
    assert (body["parse"], body["link_names"], body["unfurl_links"], body["unfurl_media"]) == (
        "none",
        False,
        False,
        False,
    )


async def test_fifty_changes_at_once_make_few_edits_and_end_right():
    async with slack_world(edit_seconds=0.05) as world:
        ref = await world.case()
        await asyncio.gather(*(world.desk.update(ref, handoff(version=n, headline=f"State {n}")) for n in range(50)))
        edits = [m for m, _ in world.slack.calls].count("chat.update")
        assert edits <= 2
        assert "State 49" in json.dumps(world.slack.workspace.message(CASES, ref.ts)["blocks"])


async def test_a_failed_edit_does_not_stop_the_next(world):
    ref = await world.case()
    world.slack.failures.append(Failure("429", "chat.update"))
    results = await asyncio.gather(
        *(world.desk.update(ref, handoff(version=n, headline=f"State {n}")) for n in range(3)), return_exceptions=True
    )
    assert sum(isinstance(r, Transient) for r in results) == 1
    assert "State 2" in json.dumps(world.slack.workspace.message(CASES, ref.ts)["blocks"])


async def test_another_worker_finds_what_a_dead_one_posted(world):
    """A fresh process knows nothing; an entry of some age may be in the thread already."""
    ref = await world.case()
    old = entry("m1", "one", at=datetime.now(UTC) - timedelta(minutes=5))
    first = await world.desk.append(ref, old)
    other = SlackDesk(world.settings, agent_name({}))
    assert await other.append(ref, old) == first
    assert await other.append(ref, entry("m2", "two", at=old.at)) != first
    assert [m for m, _ in world.slack.calls].count("conversations.replies") == 1


async def test_a_pause_is_long_enough_for_another_worker(world):
    clock = SetClock(datetime.now(UTC))
    mine = SlackDesk(world.settings, agent_name({}), clock=clock)
    ref = await mine.open(handoff())
    theirs = SlackDesk(world.settings, agent_name({}))
    line = entry("m1", "one")
    posted = await theirs.append(ref, line)
    clock.tick(60)
    assert await mine.append(ref, line) == posted


async def test_socket_mode_survives_a_disconnect():
    async with slack_world(app_token=("xapp-invented",)) as world:
        task = asyncio.create_task(world.desk.listen(world.events))
        await until(lambda: world.slack.connected == 1)
        ref = await world.case()
        await world.slack.post(MAREN, ref.ts, "before")
        await world.slack.disconnect()
        await until(lambda: "apps.connections.open" in [m for m, _ in world.slack.calls][1:])
        await until(lambda: world.slack.connected == 1)
        await world.slack.post(MAREN, ref.ts, "after")
        assert [e.text for e in world.events.applied] == ["before", "after"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(true):
    for _ in range(300):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen within three seconds")


async def test_a_button_that_is_not_shown_cannot_be_pressed(world):
    ref = await world.case(status="resolved")
    with pytest.raises(Refused):
        await world.slack.press(MAREN, ref.ts, "case_claim")


def test_a_case_ref_is_a_value():
    assert CaseRef("slack", "C", "1") == CaseRef("slack", "C", "1")
