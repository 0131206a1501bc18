"""Lines between a channel and the Twilio stand-in; everything they opened is closed after the test."""

from __future__ import annotations

import dataclasses

import pytest

from inbox.channels.sms import SmsChannel
from inbox.channels.voice import VoiceChannel
from inbox.clock import SetClock
from inbox.fakes import RecordingIntake
from tests.channels import far_end
from tests.channels.contract import NOW, app_of
from tests.channels.far_end import COMPANY, WEB, Answering, Line, phrases


@pytest.fixture
async def open_line(aiohttp_client):
    """Joins a channel and its stand-in to a served inbox."""
    opened = []

    async def join(channel, twilio, intake, clock):
        client = await aiohttp_client(app_of(channel, intake))
        twilio.inbox_base_url = str(client.make_url("/"))
        opened.append(twilio)
        return Line(channel, twilio, intake, client, clock)

    yield join
    for twilio in opened:
        await twilio.close()


@pytest.fixture
def connect_sms(open_line, aiohttp_server):
    async def make(*, carrier="none", poll_seconds=60.0, timeout=10.0, web=WEB, **settings):
        clock = SetClock(NOW)
        twilio, given = await far_end.start(aiohttp_server, carrier=carrier, now=clock.now)
        given = dataclasses.replace(given, **settings)
        channel = SmsChannel(given, web, clock=clock, poll_seconds=poll_seconds, timeout=timeout)
        return await open_line(channel, twilio, RecordingIntake(), clock)

    return make


@pytest.fixture
async def sms_line(connect_sms):
    return await connect_sms()


@pytest.fixture
def connect_voice(open_line, aiohttp_server):
    """The answers are what the inbox says to each question; see ``Answering``."""

    async def make(*answers, company=COMPANY, **settings):
        clock = SetClock(NOW)
        twilio, given = await far_end.start(aiohttp_server, now=clock.now)
        channel = VoiceChannel(dataclasses.replace(given, **settings), WEB, company, phrases, clock=clock)
        return await open_line(channel, twilio, Answering(*answers), clock)

    return make
