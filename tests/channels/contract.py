"""What every channel promises (``inbox/channels/base.py``), as tests to inherit.

A channel's test module has one subclass, ``class TestSmsContract(ChannelContract)``. It gives the hooks below and
says by class flags what its channel does not have; tests for those parts are taken out, not skipped.

Hooks that are always needed: the fixture ``channel`` and ``outbound``. The fixtures ``intake`` and ``client`` are
given; override ``client`` only if plain routes are not enough.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient

from inbox.channels.base import Channel
from inbox.errors import Malformed, NotFound, Overloaded, Permanent, Transient, Unauthentic, Uncertain, Unsupported
from inbox.fakes import RecordingIntake
from inbox.message import (
    CHANNELS,
    ChannelName,
    ContactPoint,
    InboundMessage,
    MessageKind,
    OutboundMessage,
    Receipt,
    jsonable,
)

F = TypeVar("F", bound=Callable[..., Any])
NOW = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
FIXTURES = Path(__file__).parent / "fixtures"


def only_if(*flags: str) -> Callable[[F], F]:
    """The test stays in a subclass only if all these class flags are true."""

    def mark(test: F) -> F:
        test.only_if = flags  # type: ignore[attr-defined]  # read by ChannelContract.__init_subclass__
        return test

    return mark


@dataclasses.dataclass(frozen=True, slots=True)
class Delivery:
    """One request as the provider would make it. A poller uses only ``body``: what lies in the mailbox."""

    path: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    method: str = "POST"


@web.middleware
async def edge(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """The table of ``inbox/errors.py``, as the web edge applies it."""
    statuses = {Unauthentic: 403, Malformed: 400, NotFound: 404, Overloaded: 503}
    try:
        return await handler(request)
    except tuple(statuses) as error:
        return web.Response(status=statuses[type(error)], text=str(error))


def app_of(channel: Channel, intake: RecordingIntake) -> web.Application:
    """The channel's routes behind the edge."""
    app = web.Application(middlewares=[edge], client_max_size=1_000_000)
    app.add_routes(channel.routes(intake))
    return app


def plain(message: InboundMessage) -> dict[str, Any]:
    """A message as JSON, to compare with ``<name>.out.json``."""
    found = {f.name: jsonable(getattr(message, f.name)) for f in dataclasses.fields(message)}
    found["attachments"] = [
        {"filename": a.filename, "content_type": a.content_type, "size": a.size} for a in message.attachments
    ]
    return found


class ChannelContract:
    # What the channel has. False takes the tests of that part out.
    inbound = True  # messages come in at all
    webhooks = True  # they come by signed HTTP requests; False = a poller, which overrides ``receive``
    signs_body = True  # the signature covers the text; False: a bearer token
    rotates = True  # more than one secret can be valid
    sends = True  # ``send`` hands messages to somebody
    provider = True  # over a network, so that it can answer 429, 500 or 4xx (hook ``provider_answers``)
    can_be_uncertain = True  # the line can break after the request left (hook ``provider_closes``)
    can_be_asked = True  # ``find_sent`` asks the provider; False = it raises Unsupported
    limited = True  # some messages cannot be expressed (hook ``inexpressible``)

    #: Headers that carry the proof; forged and taken away by the tests.
    signature_headers: tuple[str, ...] = ()
    #: Folder below tests/channels/fixtures with ``<name>.in.<ext>`` and ``<name>.out.json``; "" = none.
    fixtures = ""
    #: Texts that may never be seen in ``repr`` or logs.
    secrets: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        for name in dir(cls):
            if not all(getattr(cls, flag) for flag in getattr(getattr(cls, name), "only_if", ())):
                setattr(cls, name, None)

    # Hooks: what a subclass gives.

    @pytest.fixture
    async def channel(self) -> Channel:
        raise NotImplementedError("the channel under test, wired to its far end")

    def outbound(self, **changes: Any) -> OutboundMessage:
        """A message that the channel can send."""
        raise NotImplementedError

    def inexpressible(self) -> OutboundMessage:
        """A message that the channel cannot express, e.g. too long."""
        raise NotImplementedError

    def delivery(self, text: str = "What do I owe?", n: int = 1) -> Delivery:
        """A signed request (or what lies in the mailbox) with one message; ``n`` tells two apart."""
        raise NotImplementedError

    def rotated(self) -> Delivery:
        """As ``delivery``, signed with the previous secret."""
        raise NotImplementedError

    def unreadable(self) -> Delivery:
        """Signed, but not a message."""
        raise NotImplementedError

    def unknown_event(self) -> Delivery | None:
        """Signed, of a type that we do not know; None where the provider has no types."""
        raise NotImplementedError

    def own_echo(self) -> Delivery | None:
        """One of our own messages come back; None where that cannot happen."""
        raise NotImplementedError

    def fixture_delivery(self, raw: bytes) -> Delivery:
        """A recorded ``<name>.in.*`` file as a delivery."""
        raise NotImplementedError

    async def provider_answers(self, status: int) -> None:
        """The far end answers the next send with this HTTP status (or what it has in its place)."""
        raise NotImplementedError

    async def provider_closes(self) -> None:
        """The far end takes the next send and breaks the line without an answer."""
        raise NotImplementedError

    async def receive(self, client: TestClient[Any, Any], delivery: Delivery) -> int:
        """Deliver, return the HTTP status. A poller: 200 if it took the message, 503 if it left it for later."""
        made = client.request(delivery.method, delivery.path, data=delivery.body, headers=dict(delivery.headers))
        async with made as response:
            await response.read()
            return response.status

    # Given.

    @pytest.fixture
    def intake(self) -> RecordingIntake:
        return RecordingIntake()

    @pytest.fixture
    async def client(self, channel: Channel, intake: RecordingIntake, aiohttp_client: Any) -> TestClient[Any, Any]:
        return await aiohttp_client(app_of(channel, intake))

    # Coming in.

    @only_if("inbound")
    async def test_a_message_is_stored_before_it_is_acknowledged(self, client, intake):
        assert await self.receive(client, self.delivery("What do I owe?")) < 300
        assert [m.text for m in intake.messages] == ["What do I owe?"]
        assert intake.messages[0].source_id
        assert intake.messages[0].channel in CHANNELS

    @only_if("inbound", "webhooks")
    async def test_a_bad_signature_is_refused_and_nothing_is_stored(self, client, intake):
        good = self.delivery()
        for header in self.signature_headers:
            forged = dataclasses.replace(good, headers={**good.headers, header: good.headers[header][::-1]})
            assert await self.receive(client, forged) == 403
        assert self.signature_headers
        assert intake.messages == []

    @only_if("inbound", "webhooks", "signs_body")
    async def test_a_changed_text_is_refused_and_nothing_is_stored(self, client, intake):
        good = self.delivery("What do I owe?")
        changed = dataclasses.replace(good, body=good.body.replace(b"owe", b"own"))
        assert changed.body != good.body
        assert await self.receive(client, changed) == 403
        assert intake.messages == []

    @only_if("inbound", "webhooks")
    async def test_a_missing_signature_is_refused_and_nothing_is_stored(self, client, intake):
        good = self.delivery()
        bare = dataclasses.replace(
            good, headers={k: v for k, v in good.headers.items() if k not in self.signature_headers}
        )
        assert await self.receive(client, bare) == 403
        assert intake.messages == []
        assert intake.quarantined == []

    @only_if("inbound", "webhooks", "rotates")
    async def test_the_previous_secret_still_works(self, client, intake):
        assert await self.receive(client, self.rotated()) < 300
        assert len(intake.messages) == 1

    @only_if("inbound")
    async def test_the_same_delivery_twice_is_one_message(self, client, intake):
        for _ in range(2):
            assert await self.receive(client, self.delivery(n=1)) < 300
        assert len(intake.messages) == 1
        assert await self.receive(client, self.delivery(n=2)) < 300
        assert len({m.source_id for m in intake.messages}) == 2

    @only_if("inbound")
    async def test_what_could_not_be_stored_is_asked_for_again(self, client, intake):
        intake.broken = True
        assert await self.receive(client, self.delivery()) >= 500
        intake.broken = False
        assert await self.receive(client, self.delivery()) < 300
        assert len(intake.messages) == 1

    @only_if("inbound", "webhooks")
    async def test_an_unknown_event_type_is_ignored(self, client, intake):
        unknown = self.unknown_event()
        if unknown is not None:
            assert await self.receive(client, unknown) in (200, 204)
        assert intake.messages == []
        assert intake.updates == []

    @only_if("inbound", "webhooks")
    async def test_an_unreadable_request_is_refused(self, client, intake):
        assert await self.receive(client, self.unreadable()) == 400
        assert intake.messages == []

    @only_if("inbound")
    async def test_our_own_message_come_back_is_ignored(self, client, intake):
        echo = self.own_echo()
        if echo is not None:
            assert await self.receive(client, echo) < 300
        assert all(m.kind is MessageKind.OWN for m in intake.messages)

    @only_if("inbound")
    async def test_times_are_aware(self, client, intake):
        await self.receive(client, self.delivery())
        assert intake.messages[0].received_at.utcoffset() is not None

    @only_if("inbound", "fixtures")
    async def test_every_fixture_parses_to_its_expected_messages(self, client, intake):
        recorded = sorted((FIXTURES / self.fixtures).glob("*.in.*"))
        assert recorded, f"no <name>.in.* in {FIXTURES / self.fixtures}"
        for path in recorded:
            wanted = json.loads(path.with_name(path.name.partition(".in.")[0] + ".out.json").read_text("utf-8"))
            intake.messages.clear()
            assert await self.receive(client, self.fixture_delivery(path.read_bytes())) < 300, path.name
            found = [plain(m) for m in intake.messages]
            assert len(found) == len(wanted), path.name
            for message, expected in zip(found, wanted, strict=True):
                assert {key: message[key] for key in expected} == expected, path.name

    # Going out.

    @only_if("sends")
    async def test_a_receipt_has_an_id(self, channel):
        receipt = await channel.send(self.outbound())
        assert isinstance(receipt, Receipt)
        assert receipt.provider_id

    @only_if("sends", "provider")
    @pytest.mark.parametrize("status", [429, 500, 503])
    async def test_a_busy_or_broken_provider_is_transient(self, channel, status):
        await self.provider_answers(status)
        with pytest.raises(Transient):
            await channel.send(self.outbound())
        assert (await channel.send(self.outbound())).provider_id

    @only_if("sends", "provider")
    async def test_a_refusal_is_permanent(self, channel):
        await self.provider_answers(400)
        with pytest.raises(Permanent) as caught:
            await channel.send(self.outbound())
        assert not isinstance(caught.value, Unsupported)

    @only_if("sends", "can_be_uncertain")
    async def test_a_broken_line_after_the_request_left_is_uncertain(self, channel):
        await self.provider_closes()
        with pytest.raises(Uncertain):
            await channel.send(self.outbound())

    @only_if("limited")
    async def test_what_cannot_be_expressed_is_unsupported(self, channel):
        with pytest.raises(Unsupported) as caught:
            await channel.send(self.inexpressible())
        assert str(caught.value)

    @only_if("sends")
    async def test_the_provider_can_be_asked_for_an_earlier_attempt(self, channel):
        message = self.outbound(id="asked-1")
        if not self.can_be_asked:
            with pytest.raises(Unsupported):
                await channel.find_sent(message)
            return
        assert await channel.find_sent(message) is None
        sent = await channel.send(message)
        found = await channel.find_sent(message)
        assert found is not None
        assert found.provider_id == sent.provider_id

    # Always.

    async def test_it_has_a_known_name(self, channel):
        assert channel.name in CHANNELS

    async def test_repr_and_logs_keep_secrets(self, channel, client, intake, caplog):
        caplog.set_level(logging.DEBUG)
        if self.inbound:
            await self.receive(client, self.delivery())
        if self.sends:
            await channel.send(self.outbound())
        await channel.check()
        seen = repr(channel) + caplog.text + "".join(map(repr, intake.messages))
        assert [s for s in self.secrets if s in seen] == []

    async def test_listen_stops_on_cancel(self, channel, intake):
        listening = asyncio.create_task(channel.listen(intake))
        await asyncio.sleep(0)
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await listening
        assert listening.done()

    async def test_check_says_one_line(self, channel):
        line = await channel.check()
        assert line.strip()
        assert "\n" not in line


def outbound(channel: ChannelName, to: ContactPoint, **changes: Any) -> OutboundMessage:
    """An outbound message with the usual values, for ``ChannelContract.outbound``."""
    text = "Your statement is ready."
    made = OutboundMessage(id="out-1", channel=channel, conversation_id="c1", to=to, text=text, created_at=NOW)
    return dataclasses.replace(made, **changes)
