"""Whole messages, of every route, in three languages: the table messages.tsv."""

from __future__ import annotations

from pathlib import Path

import pytest

from inbox.message import Route

ROWS = [
    line.split("\t")
    for line in Path(__file__).with_name("messages.tsv").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize(("channel", "route", "intent", "text"), ROWS, ids=[row[3][:48] for row in ROWS])
def test_route_and_intent(read, channel, route, intent, text):
    found = read(text.replace(" / / ", "\n\n").replace(" / ", "\n"), channel)
    assert found.route == Route(route), found.reason
    if intent and route != "verify_first":
        assert intent in found.intents


def test_every_route_and_channel_is_covered():
    assert {row[1] for row in ROWS} == {route.value for route in Route}
    assert {row[0] for row in ROWS} == {"chat", "email", "sms", "voice"}
