"""What Slack is sent: readable, inside its limits, and never able to ping or format anything an author wrote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.demo.slack_rules import block_problems, message_problem, view_problem
from inbox.escalation import card, slack_modals
from inbox.escalation.base import HandoffCard, Line, TranscriptEntry
from inbox.escalation.slack_blocks import MAX_BLOCKS, MAX_CHARACTERS, card_post, entry_post, size
from inbox.escalation.slack_modals import Draft, preview_view, reply_view, resolve_view, return_view
from inbox.escalation.slack_text import escaped, literal, mentioned, readable, shown
from inbox.message import Severity
from tests.escalation.world import NOW, account, chargeback, entry, facts, handoff, refund

HOSTILE = "<!channel> <!here> <@U0MAREN> <https://bad.example|safe> & *bold* `code` ~s~ :rotating_light:"


def mrkdwn_texts(shown):
    """Every text that Slack parses."""
    if isinstance(shown, dict):
        own = [shown["text"]] if shown.get("type") == "mrkdwn" else []
        return own + [t for v in shown.values() if isinstance(v, (dict, list)) for t in mrkdwn_texts(v)]
    return [t for item in shown if isinstance(item, (dict, list)) for t in mrkdwn_texts(item)]


def special(text):
    """The ``<…>`` that Slack would act on."""
    return [piece.partition(">")[0] for piece in text.split("<")[1:]]


def full_card(**changes):
    return card.build(facts(**changes), account(disputes=(chargeback(),), refunds=(refund(),)), NOW)


@pytest.mark.parametrize("status", ["open", "claimed", "returned", "resolved"])
def test_every_state_is_what_slack_accepts(status):
    post = card_post(full_card(status=status, owner="Maren V.", outcome="refund"))
    assert message_problem({"text": post.text, "blocks": post.blocks}) == ("", [])


def test_a_full_card_fits_with_its_history():
    post = card_post(full_card())
    assert size(post.blocks) < MAX_CHARACTERS
    assert len(post.blocks) <= 16
    assert "Last messages" in json.dumps(post.blocks)


def test_the_due_time_is_a_clock_in_each_readers_zone():
    stamp = int(full_card().due_at.timestamp())
    assert f"<!date^{stamp}^" in json.dumps(card_post(full_card()).blocks)
    assert "Wed 2026-03-11 19:00 UTC" in json.dumps(card_post(full_card()).blocks)


def buttons(shown: HandoffCard):
    return [e["action_id"] for b in card_post(shown).blocks if b["type"] == "actions" for e in b["elements"]]


def test_buttons_follow_the_state():
    assert buttons(handoff()) == ["case_claim", "case_reply", "case_resolve", "case_return"]
    assert buttons(handoff(status="claimed")) == ["case_reply", "case_resolve", "case_return", "case_release"]
    assert buttons(handoff(status="returned")) == ["case_reopen"]
    assert buttons(handoff(status="resolved")) == ["case_reopen"]


def test_states_are_said_in_words():
    assert "claimed by Maren V." in card_post(handoff(status="claimed", owner="Maren V.")).text
    assert (
        "resolved by Maren V.: plan agreed"
        in card_post(handoff(status="resolved", owner="Maren V.", outcome="plan_agreed")).text
    )
    assert "nobody has claimed it" in card_post(handoff()).text


def test_nothing_an_author_wrote_is_parsed_by_slack():
    line = Line(label=HOSTILE, value=HOSTILE, url="https://inbox.example/a|b>c", warn=True)
    shown = handoff(
        author_name=HOSTILE, quote=HOSTILE, headline=HOSTILE, proof=HOSTILE, flags=(HOSTILE,), owner=HOSTILE,
        who=(line,), money=(line,), contested=(line,), royalties=(line,), bot_did=(HOSTILE,), next_steps=(HOSTILE,),
        history=(entry(text=HOSTILE, who=HOSTILE),), reason=HOSTILE, outcome=HOSTILE, language=HOSTILE,
    )  # fmt: skip
    posts = [
        card_post(shown),
        card_post(handoff(status="resolved", outcome=HOSTILE, owner=HOSTILE)),
        entry_post(entry(text=HOSTILE, who=HOSTILE, status=HOSTILE)),
        entry_post(entry(text=HOSTILE, kind="event")),
    ]
    for post in posts:
        for text in [post.text, *mrkdwn_texts(post.blocks)]:
            for found in special(text):
                assert found.startswith(("!date^", "https://inbox.example/")), text
        assert block_problems(post.blocks) == []
        assert "`" not in "".join(mrkdwn_texts(post.blocks))
    views = [reply_view(shown), preview_view(shown, "sms", HOSTILE, HOSTILE), resolve_view(shown), return_view(shown)]
    for view in views:
        assert view_problem(view) == ("", [])
        assert [found for t in mrkdwn_texts(view) for found in special(t)] == []


OUTSIDE = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=400)
LONG = st.builds(
    lambda t, n: t * n, st.text(st.sampled_from('a<&>*"\n€漢 '), min_size=1, max_size=9), st.integers(0, 900)
)
TEXT = OUTSIDE | LONG
LINES = st.lists(st.builds(Line, label=TEXT, value=TEXT, warn=st.booleans()), max_size=25).map(tuple)
ENTRIES = st.lists(
    st.builds(
        TranscriptEntry,
        kind=st.sampled_from(["author", "bot", "agent", "note", "event"]),
        who=TEXT,
        text=TEXT,
        at=st.just(NOW),
        channel=st.sampled_from([None, "sms", "email"]),
        status=OUTSIDE,
    ),
    max_size=12,
).map(tuple)


@settings(max_examples=60, deadline=None)
@given(
    title=TEXT, quote=TEXT, name=TEXT, who=LINES, money=LINES, contested=LINES, royalties=LINES, history=ENTRIES,
    rows=st.lists(TEXT, max_size=30).map(tuple), status=st.sampled_from(["open", "claimed", "returned", "resolved"]),
)  # fmt: skip
def test_any_card_stays_within_slacks_limits(
    title, quote, name, who, money, contested, royalties, history, rows, status
):
    shown = handoff(
        headline=title, quote=quote, author_name=name, who=who, money=money, contested=contested, royalties=royalties,
        history=history, bot_did=rows, bot_withheld=rows, next_steps=rows, flags=rows, status=status, owner=name,
        proof=name, reason=name, outcome=name, severity=Severity.HIGH,
    )  # fmt: skip
    post = card_post(shown)
    assert message_problem({"text": post.text, "blocks": post.blocks}) == ("", [])
    assert size(post.blocks) <= MAX_CHARACTERS
    assert len(post.blocks) <= MAX_BLOCKS
    assert all(len(t) <= 3_000 for t in mrkdwn_texts(post.blocks))


@settings(max_examples=60, deadline=None)
@given(line=ENTRIES)
def test_any_thread_line_stays_within_slacks_limits(line):
    for one in line:
        post = entry_post(one)
        assert message_problem({"text": post.text, "blocks": post.blocks}) == ("", [])


def test_a_long_line_says_that_it_was_shortened():
    post = entry_post(entry(text="word " * 2_000))
    assert "console has the whole" in post.blocks[-1]["elements"][0]["text"]
    assert len(json.dumps(post.blocks)) < 4_000


def test_the_history_gives_way_before_the_facts():
    many = tuple(entry(key=str(n), text="long words " * 60) for n in range(10))
    rows = tuple(Line(label=f"Fact {n}", value="value " * 30) for n in range(14))
    post = card_post(handoff(money=rows, contested=rows, royalties=rows[:8], history=many))
    text = json.dumps(post.blocks)
    assert text.count("Fact 13") == 2
    assert text.count("long words") < 200
    assert size(post.blocks) <= MAX_CHARACTERS


@given(OUTSIDE, st.integers(1, 200))
def test_escapes_are_never_cut_in_half(text, limit):
    shown = escaped(text, limit)
    assert len(shown) <= limit
    bare = shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert not {"&", "<", ">"} & set(bare)


@given(OUTSIDE)
def test_readable_undoes_what_slack_escapes(text):
    assert readable(escaped(text, 10_000), lambda _: "") == shown(text)


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("hello <@U0MAREN>", "hello @Maren"),
        ("hello <@U0NOBODY>", "hello @someone"),
        ("hello <@U0NOBODY|ann>", "hello @ann"),
        ("<!channel> look", "@channel look"),
        ("<!subteam^S1|@finance>", "@finance"),
        ("<#C0X|general>", "#general"),
        ("<https://a.example>", "https://a.example"),
        ("<https://a.example|our page>", "our page (https://a.example)"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("5 &lt; 6 &amp;&amp; 7 &gt; 6", "5 < 6 && 7 > 6"),
        ("unclosed <@U0MAREN", "unclosed <@U0MAREN"),
        ("&amp;lt;", "&lt;"),
    ],
)
def test_readable(typed, seen):
    assert readable(typed, lambda user: {"U0MAREN": "Maren"}.get(user, "")) == seen


def test_readable_is_linear():
    hostile = "<" * 200_000 + "@U>" * 100_000
    assert readable(hostile, lambda _: "x")
    assert len(mentioned("<@" * 200_000)) == 0


def test_literal_keeps_one_line_and_takes_the_formatting_away():
    assert literal("a\nb  *c* `d` ~e~ _f_", 100) == "a b ∗c∗ ˋdˋ ∼e∼ _f"


# Forms


def test_a_reply_is_offered_only_where_the_author_may_be_written_to():
    view = reply_view(handoff(reply_channels=("email",)))
    select = next(b for b in view["blocks"] if b.get("block_id") == "channel")
    assert [o["value"] for o in select["element"]["options"]] == ["email"]
    assert "goes to Philippa Stroud" in view["blocks"][0]["elements"][0]["text"]


def test_the_preview_says_how_many_text_messages_it_takes():
    one = preview_view(handoff(), "sms", "hi", "a" * 160)
    two = preview_view(handoff(), "sms", "hi", "a" * 161)
    none = preview_view(handoff(), "email", "hi", "a" * 161)
    assert "as 1 text message." in one["blocks"][0]["elements"][0]["text"]
    assert "as 2 text messages." in two["blocks"][0]["elements"][0]["text"]
    assert "text message" not in none["blocks"][0]["elements"][0]["text"]


@given(st.text(max_size=500))
def test_a_draft_survives_the_form(text):
    draft = Draft(7, "sms", text)
    assert Draft.unpack(draft.pack()) == draft


def test_a_draft_that_slack_would_not_carry_is_refused_in_words():
    with pytest.raises(ValueError, match="please shorten"):
        Draft(7, "sms", "x" * 3_000).pack()


@pytest.mark.parametrize("packed", ["", "{}", "[1]", '["a","b","c"]', "null", "[1,2,3,4]"])
def test_a_foreign_form_is_refused(packed):
    with pytest.raises(ValueError, match="not one of ours"):
        Draft.unpack(packed)


def test_values_reads_both_kinds_of_fields():
    state = {"a": {"a": {"type": "plain_text_input", "value": None}}, "b": {"b": {"selected_option": {"value": "x"}}}}
    assert slack_modals.values({"state": {"values": state}}) == {"a": "", "b": "x"}
    assert slack_modals.values({}) == {}
