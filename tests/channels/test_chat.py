"""The chat channel over real sockets: coming back, two tabs, bad frames, tokens, slow readers, shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestClient

from inbox.channels import chat_frames, chat_socket
from inbox.channels.chat import ChatChannel
from inbox.channels.chat_tokens import credential_of, sign_author
from inbox.clock import SetClock
from inbox.errors import SettingsError, Unsupported
from inbox.message import ContactPoint, DeliveryStatus, SenderProof
from inbox.settings import Chat, Web
from tests.channels.chat_store import START, MemoryChat
from tests.channels.contract import ChannelContract, Delivery, app_of, outbound

WEB_SECRET, TOKEN_SECRET = "visitor-secret-" + "w" * 24, "author-secret-" + "t" * 24
ALLOWED = "https://portal.example"


def chat(**changes) -> ChatChannel:
    options = {"clock": SetClock(START), "heartbeat": 30.0} | changes
    limit = options.pop("max_sockets", 1000)
    settings = Chat(token_secrets=(TOKEN_SECRET,), origins=(ALLOWED,), max_sockets=limit)
    return ChatChannel(settings, Web(secrets=(WEB_SECRET,), public_url="https://inbox.example"), **options)


@dataclass
class Talk:
    """One client socket."""

    ws: aiohttp.ClientWebSocketResponse
    seen: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, **frame):
        await self.ws.send_str(json.dumps(frame))

    async def hello(self, **values):
        await self.send(type="hello", **values)
        return await self.expect("ready")

    async def say(self, text, key=""):
        await self.send(type="say", id=key or str(uuid.uuid4()), text=text)
        return await self.expect("ack")

    async def expect(self, kind):
        """The next frame of this kind; the ones before it are kept in ``seen``."""
        async with asyncio.timeout(5):
            while True:
                message = await self.ws.receive()
                assert message.type is WSMsgType.TEXT, (message, self.ws.close_code)
                frame = json.loads(message.data)
                if frame["type"] == kind:
                    return frame
                self.seen.append(frame)

    async def lines(self, count):
        """The texts of this many lines, whether they have come already or not."""
        while len(found := [f["text"] for f in self.seen if f["type"] == "line"]) < count:
            self.seen.append(await self.expect("line"))
        return found

    async def closed(self):
        async with asyncio.timeout(5):
            while (message := await self.ws.receive()).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.ERROR):
                self.seen.append(json.loads(message.data))
        return self.ws.close_code


@pytest.fixture
def store():
    return MemoryChat()


@pytest.fixture
def channel():
    return chat()


@pytest.fixture
async def client(channel, store, aiohttp_client) -> TestClient[Any, Any]:
    return await aiohttp_client(app_of(channel, store))


@pytest.fixture
async def talk(client):
    async with contextlib.AsyncExitStack() as stack:

        async def open_talk(**options):
            return Talk(await stack.enter_async_context(client.ws_connect("/chat/socket", **options)))

        yield open_talk


def texts(ready):
    return [line["text"] for line in ready["history"]]


def token(account_id="AC-1", **values):
    return sign_author(account_id, TOKEN_SECRET, START, **values)


class TestConversation:
    async def test_a_message_is_stored_acknowledged_and_answered(self, talk, store):
        mine = await talk()
        ready = await mine.hello(lang="pt")
        assert (ready["history"], ready["signed_in"], ready["max_text"]) == ([], False, chat_frames.MAX_TEXT)
        ack = await mine.say("Quanto devo?")
        assert not ack["duplicate"]
        assert await mine.lines(2) == ["Quanto devo?", "You said: Quanto devo?"]
        stored = store.messages[0]
        assert (stored.channel, stored.language, stored.proof) == ("chat", "pt", SenderProof.NONE)
        assert stored.account_id == ""
        assert stored.sender == ContactPoint("chat", ready["visitor"].partition(".")[0])
        assert stored.meta["network"] == "127.0.0.0/24"  # guesses of codes are counted for it

    async def test_a_line_names_the_clients_own_id(self, talk):
        mine = await talk()
        await mine.hello()
        key = str(uuid.uuid4())
        await mine.say("Hello", key)
        await mine.lines(2)
        own, reply = [f for f in mine.seen if f["type"] == "line"]
        assert (own["id"], own["author"]) == (key, "author")
        assert "id" not in reply
        assert reply["author"] == "bot"

    async def test_the_same_say_again_is_stored_once(self, talk, store):
        mine = await talk()
        await mine.hello()
        key = str(uuid.uuid4())
        first, again = await mine.say("Hello", key), await mine.say("Hello", key)
        assert (first["duplicate"], again["duplicate"]) == (False, True)
        assert first["message_id"] == again["message_id"]
        assert len(store.messages) == 1

    async def test_coming_back_brings_exactly_what_was_missed(self, talk, store):
        first = await talk()
        ready = await first.hello()
        await first.say("one")
        await first.lines(2)
        cursor = [f["cursor"] for f in first.seen if f["type"] == "line"][-1]
        await first.ws.close()
        point = store.messages[0].sender
        store.reply(point, "while you were away")
        second = await talk()
        back = await second.hello(visitor=ready["visitor"], view=ready["view"], cursor=cursor)
        assert back["resumed"]
        assert texts(back) == ["while you were away"]
        await second.say("two")
        assert await second.lines(2) == ["two", "You said: two"]

    async def test_a_long_absence_is_caught_up_in_pages(self, talk, store):
        first = await talk()
        ready = await first.hello()
        point = ContactPoint("chat", ready["visitor"].partition(".")[0])
        for n in range(130):
            store.reply(point, f"line {n}")
        await first.lines(130)
        second = await talk()
        back = await second.hello(visitor=ready["visitor"], view=ready["view"], cursor="00000001")
        found = texts(back) + await second.lines(129 - len(back["history"]))
        assert found == [f"line {n}" for n in range(1, 130)]

    async def test_without_a_cursor_the_newest_page_comes_and_older_ones_on_request(self, talk, store, monkeypatch):
        monkeypatch.setattr(chat_socket, "WALK", 60)
        mine = await talk()
        ready = await mine.hello()
        point = ContactPoint("chat", ready["visitor"].partition(".")[0])
        for n in range(130):
            store.reply(point, f"line {n}")
        again = await talk()
        page = await again.hello(visitor=ready["visitor"])
        assert texts(page) == [f"line {n}" for n in range(80, 130)]
        assert page["more"]
        await again.send(type="more", before=page["history"][0]["cursor"])
        older = await again.expect("older")
        assert texts(older) == [f"line {n}" for n in range(30, 80)]
        await again.send(type="more", before=older["history"][0]["cursor"])
        oldest = await again.expect("older")
        assert texts(oldest) == [f"line {n}" for n in range(30)]
        assert not oldest["more"]

    async def test_news_between_hello_and_the_history_are_not_lost(self, talk, store):
        mine = await talk()
        ready = await mine.hello()
        point = ContactPoint("chat", ready["visitor"].partition(".")[0])
        read_history = store.history

        async def late(*arguments):
            found = await read_history(*arguments)
            store.history = read_history
            store.reply(point, "just in time")  # after the read, before the answer
            return found

        store.history = late
        again = await talk()
        assert texts(await again.hello(visitor=ready["visitor"])) == []
        assert await again.lines(1) == ["just in time"]

    async def test_a_line_committed_late_behind_a_newer_one_is_not_lost(self, talk, store):
        mine = await talk()
        ready = await mine.hello()
        point = ContactPoint("chat", ready["visitor"].partition(".")[0])
        for n in range(20):
            store.reply(point, f"line {n}")
        await mine.lines(20)
        held_back = store.lines[point].pop()  # its writer is slower ...
        store.lines[point].append(replace(held_back, cursor="00000099", message_id="newer", text="newer"))
        store.wake(point)
        assert (await mine.lines(21))[-1] == "newer"
        store.lines[point].insert(-1, replace(held_back, cursor="00000050", message_id="older", text="older"))
        store.wake(point)  # ... and comes second with the smaller cursor
        assert (await mine.lines(22))[-1] == "older"
        store.reply(point, "last")
        store.lines[point][-1] = replace(store.lines[point][-1], cursor="00000100")
        store.wake(point)
        assert (await mine.lines(23))[-1] == "last"

    async def test_two_tabs_show_the_same(self, talk, store):
        left = await talk()
        ready = await left.hello()
        right = await talk()
        await right.hello(visitor=ready["visitor"])
        await left.say("from the left")
        await right.say("from the right")
        assert sorted(await left.lines(4)) == sorted(await right.lines(4))

    async def test_what_one_tab_has_read_the_other_learns(self, talk, store):
        left = await talk()
        ready = await left.hello()
        right = await talk()
        await right.hello(visitor=ready["visitor"])
        await left.say("hello")
        await left.lines(2)
        last = [f for f in left.seen if f["type"] == "line"][-1]
        await left.send(type="seen", cursor=last["cursor"], read=True)
        status = await right.expect("status")
        assert (status["cursor"], status["status"]) == (last["cursor"], "read")
        await left.say("again")
        assert "status" not in [f["type"] for f in left.seen]

    async def test_delivered_then_read_each_once(self, talk, store):
        mine = await talk()
        await mine.hello()
        for text in ("one", "two"):
            await mine.say(text)
        await mine.lines(4)
        ours = [f for f in mine.seen if f["type"] == "line" and f["author"] == "bot"]
        for read in (False, False, True, True):
            await mine.send(type="seen", cursor=ours[-1]["cursor"], read=read)
        await mine.send(type="seen", cursor="no such cursor".replace(" ", ""), read=True)
        await mine.say("three")
        marks = [(u.message_id, u.status) for u in store.updates]
        ids = [line["message_id"] for line in ours]
        assert marks == [(i, DeliveryStatus.DELIVERED) for i in ids] + [(i, DeliveryStatus.READ) for i in ids]

    async def test_marks_that_could_not_be_stored_come_with_the_next(self, talk, store):
        mine = await talk()
        await mine.hello()
        await mine.say("one")
        await mine.lines(2)
        cursor = [f for f in mine.seen if f["type"] == "line"][-1]["cursor"]
        store.broken = True
        await mine.send(type="seen", cursor=cursor)
        await mine.send(type="say", id=str(uuid.uuid4()), text="two")
        assert (await mine.expect("error"))["code"] == "try_again"
        assert store.updates == []
        store.broken = False
        await mine.send(type="seen", cursor=cursor)
        await mine.say("two")
        assert [u.status for u in store.updates] == [DeliveryStatus.READ]

    async def test_presence_and_typing(self, talk, channel, store):
        mine = await talk()
        ready = await mine.hello()
        point = ContactPoint("chat", ready["visitor"].partition(".")[0])
        assert channel.presence(point) == "here"
        await mine.send(type="typing")
        await channel.show_typing(point, "Dana")
        assert (await mine.expect("typing"))["who"] == "Dana"
        assert channel.presence(point) == "typing"
        await mine.say("done")
        assert channel.presence(point) == "here"
        await mine.ws.close()
        await until(lambda: channel.presence(point) == "away")
        assert store.watchers[point] == set()


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


class TestIdentity:
    async def test_nobody_resumes_another_chat_by_guessing(self, talk):
        mine = await talk()
        ready = await mine.hello()
        await mine.say("private")
        visitor = ready["visitor"].partition(".")[0]
        for guess in (visitor, f"{visitor}.", f"{visitor}.AAAA", credential_of(visitor, ("another secret",))):
            stranger = await talk()
            got = await stranger.hello(visitor=guess, view=ready["view"], cursor="00000000")
            assert texts(got) == []
            assert got["visitor"] != ready["visitor"]

    async def test_a_credential_of_the_previous_secret_still_opens_and_is_renewed(self, aiohttp_client, store):
        old = credential_of("v-before", (WEB_SECRET,))
        rotated = ChatChannel(Chat(), Web(secrets=("new-" + WEB_SECRET, WEB_SECRET)), clock=SetClock(START))
        store.reply(ContactPoint("chat", "v-before"), "known")
        client = await aiohttp_client(app_of(rotated, store))
        async with client.ws_connect("/chat/socket") as ws:
            ready = await Talk(ws).hello(visitor=old)
        assert texts(ready) == ["known"]
        assert ready["visitor"] == credential_of("v-before", ("new-" + WEB_SECRET,))

    async def test_a_signed_in_author_is_vouched_for(self, talk, store):
        mine = await talk()
        ready = await mine.hello(token=token(name="Rosa Ito", language="es"))
        assert (ready["signed_in"], ready["name"]) == (True, "Rosa Ito")
        await mine.say("¿Cuánto debo?")
        stored = store.messages[0]
        assert (stored.proof, stored.account_id, stored.sender_name) == (SenderProof.PORTAL, "AC-1", "Rosa Ito")
        assert stored.language == "es"
        assert stored.meta["visitor"] == ready["visitor"].partition(".")[0]

    async def test_another_author_sees_nothing_of_the_former(self, talk):
        mine = await talk()
        ready = await mine.hello(token=token("AC-1"))
        await mine.say("what A asks")
        await mine.lines(2)
        swapped = await mine.hello(visitor=ready["visitor"], token=token("AC-2"), view=ready["view"], cursor="00000001")
        assert (texts(swapped), swapped["resumed"]) == ([], False)
        assert swapped["view"] != ready["view"]
        anonymous = await mine.hello(visitor=ready["visitor"])
        assert texts(anonymous) == []
        again = await mine.hello(visitor=ready["visitor"], token=token("AC-1"))
        assert texts(again) == ["what A asks", "You said: what A asks"]

    async def test_after_a_change_of_author_no_news_of_the_former_come(self, talk, store):
        mine = await talk()
        await mine.hello(token=token("AC-1"))
        await mine.hello(token=token("AC-2"))
        store.reply(ContactPoint("chat", "author:AC-1"), "for A only")
        store.reply(ContactPoint("chat", "author:AC-2"), "for B")
        assert await mine.lines(1) == ["for B"]
        await mine.say("x")
        assert "for A only" not in json.dumps(mine.seen)

    async def test_an_author_sees_the_chat_on_every_device(self, talk):
        phone, desk = await talk(), await talk()
        await phone.hello(token=token())
        await desk.hello(token=token())
        await phone.say("from the phone")
        assert await desk.lines(2) == ["from the phone", "You said: from the phone"]

    @pytest.mark.parametrize(
        ("bad", "code"),
        [
            (sign_author("AC-1", TOKEN_SECRET, START.replace(hour=14)), "auth_expired"),
            (sign_author("AC-1", "forged-secret-" + "f" * 24, START), "auth_invalid"),
            ("nonsense", "auth_invalid"),
        ],
    )
    async def test_a_bad_token_is_a_polite_notice_and_an_anonymous_chat(self, talk, store, bad, code):
        mine = await talk()
        ready = await mine.hello(token=bad)
        assert [f["code"] for f in mine.seen] == [code]
        assert not ready["signed_in"]
        await mine.say("hello")
        assert (store.messages[0].proof, store.messages[0].account_id) == (SenderProof.NONE, "")
        assert [why.startswith("the author token is not valid") for _, why in store.forgeries] == [True] * (
            code == "auth_invalid"
        )
        again = await talk()
        await again.hello(token=bad)
        assert len(store.forgeries) <= 1  # once in ten minutes a network

    async def test_an_expired_session_takes_and_shows_nothing_until_a_fresh_token(self, talk, store, channel):
        mine = await talk()
        await mine.hello(token=token())
        channel._clock.tick(15 * 60)
        store.reply(ContactPoint("chat", "author:AC-1"), "a figure")
        await mine.send(type="say", id=str(uuid.uuid4()), text="too late")
        assert await mine.closed() == chat_socket.TOKEN_EXPIRED
        assert mine.seen == []
        assert store.messages == []
        back = await talk()
        fresh = sign_author("AC-1", TOKEN_SECRET, channel._clock.now())
        assert texts(await back.hello(token=fresh)) == ["a figure"]

    async def test_a_fresh_token_on_the_open_socket_goes_on(self, talk, store, channel):
        mine = await talk()
        ready = await mine.hello(token=token())
        await mine.say("one")
        await mine.lines(2)
        channel._clock.tick(14 * 60)
        fresh = sign_author("AC-1", TOKEN_SECRET, channel._clock.now())
        cursor = [f for f in mine.seen if f["type"] == "line"][-1]["cursor"]
        again = await mine.hello(visitor=ready["visitor"], token=fresh, view=ready["view"], cursor=cursor)
        assert (texts(again), again["resumed"]) == ([], True)
        channel._clock.tick(60)
        assert not (await mine.say("two"))["duplicate"]


class TestDoor:
    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "http://portal.example",
            "https://portal.example.evil.example",
            "null",
            "https://[",
            "",
        ],
    )
    async def test_only_known_sites_may_embed(self, client, store, origin):
        headers = {"Origin": origin} if origin else {}
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        response = await client.get(
            "/chat/socket", headers=headers | upgrade | {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        )
        assert response.status == (403 if origin else 101)
        assert ("chat.origins" in await response.text()) if origin else True
        response.close()

    async def test_a_longer_name_that_begins_with_ours_is_another_site(self, client, talk):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await talk(headers={"Origin": str(client.make_url("/")).rstrip("/") + ".evil.example"})
        assert caught.value.status == 403

    async def test_configured_same_host_and_public_origin_are_welcome(self, talk, client):
        for origin in (ALLOWED, str(client.make_url("/")).rstrip("/"), "https://inbox.example"):
            assert (await (await talk(headers={"Origin": origin})).hello())["type"] == "ready"

    async def test_no_more_sockets_than_allowed(self, aiohttp_client, store):
        client = await aiohttp_client(app_of(chat(max_sockets=1), store))
        async with client.ws_connect("/chat/socket"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await client.ws_connect("/chat/socket")
            assert caught.value.status == 503

    async def test_no_more_tabs_than_sense(self, talk, monkeypatch):
        monkeypatch.setattr(chat_socket, "TABS", 2)
        first = await talk()
        ready = await first.hello()
        await (await talk()).hello(visitor=ready["visitor"])
        third = await talk()
        await third.send(type="hello", visitor=ready["visitor"])
        assert await third.closed() == chat_socket.TOO_MANY_TABS
        await first.say("still here")

    async def test_three_bad_frames_close(self, talk, store):
        mine = await talk()
        await mine.hello()
        for raw in ("{", '{"type":"sudo"}', '{"type":"say"}'):
            await mine.ws.send_str(raw)
        assert await mine.closed() == 1008
        assert [f["code"] for f in mine.seen] == ["bad_frame"] * 3
        assert store.messages == []

    async def test_nothing_is_taken_before_hello(self, talk, store):
        mine = await talk()
        await mine.send(type="say", id=str(uuid.uuid4()), text="hi")
        assert (await mine.expect("error"))["text"] == "say hello first"
        assert store.messages == []

    async def test_binary_frames_are_refused(self, talk):
        mine = await talk()
        await mine.hello()
        await mine.ws.send_bytes(b"{}")
        assert await mine.closed() == 1003

    async def test_oversized_frames_close_with_1009(self, talk, store):
        mine = await talk()
        await mine.hello()
        await mine.send(type="say", id=str(uuid.uuid4()), text="x" * chat_frames.MAX_FRAME)
        assert await mine.closed() == 1009
        assert store.messages == []

    async def test_the_longest_text_fits_in_a_frame_in_any_script(self, talk, store):
        mine = await talk()
        await mine.hello()
        for letter in ("€", '"', "\n\x00字", "👍"):
            text = letter + (letter[-1] * chat_frames.MAX_TEXT)[: chat_frames.MAX_TEXT - 2]
            await mine.ws.send_str(
                json.dumps({"type": "say", "id": str(uuid.uuid4()), "text": text}, ensure_ascii=False)
            )
            await mine.expect("ack")
        assert [len(m.text) > 3900 for m in store.messages] == [True] * 4

    async def test_too_long_and_empty_are_told_with_the_id_and_the_line_stays(self, talk):
        mine = await talk()
        await mine.hello()
        for text, code in (("x" * (chat_frames.MAX_TEXT + 1), "too_long"), (" \n ", "empty")):
            for _ in range(chat_socket.BAD_FRAMES):
                key = str(uuid.uuid4())
                await mine.send(type="say", id=key, text=text)
                error = await mine.expect("error")
                assert (error["code"], error["id"]) == (code, key)
        await mine.say("fine")

    async def test_too_many_frames_are_slowed_down_and_a_flood_is_cut(self, talk, monkeypatch):
        monkeypatch.setattr(chat_socket, "RATE", 0.0)
        mine = await talk()
        await mine.hello()
        for _ in range(int(chat_socket.BURST)):
            await mine.send(type="typing")
        assert (await mine.expect("error"))["code"] == "slow_down"
        with contextlib.suppress(ConnectionError):
            for _ in range(150):
                await mine.send(type="typing")
        assert await mine.closed() == 1008

    async def test_a_busy_store_asks_for_the_message_again(self, talk, store):
        mine = await talk()
        await mine.hello()
        store.broken = True
        key = str(uuid.uuid4())
        await mine.send(type="say", id=key, text="keep me")
        error = await mine.expect("error")
        assert (error["code"], error["id"]) == ("try_again", key)
        store.broken = False
        assert not (await mine.say("keep me", key))["duplicate"]

    async def test_a_failing_history_ends_the_line(self, talk, store, caplog):
        mine = await talk()
        await mine.hello()

        async def fail(*_):
            raise OSError("disk gone")

        store.history = fail
        store.wake(next(iter(store.watchers)))
        assert await mine.closed() == 1006
        assert "disk gone" in caplog.text


class TestLifetime:
    async def test_a_slow_reader_is_dropped_and_misses_nothing(self, aiohttp_client, store):
        channel = chat(heartbeat=0.15)
        client = await aiohttp_client(app_of(channel, store))
        point = ContactPoint("chat", "v-slow")
        credential = credential_of("v-slow", (WEB_SECRET,))
        async with client.ws_connect("/chat/socket", autoping=False) as ws:
            await Talk(ws).hello(visitor=credential)
            ws._conn.transport.pause_reading()  # the client's process hangs
            for n in range(3000):
                store.reply(point, f"{n} " + "x" * 4000)
            await until(lambda: any(s.backlog() for s in channel._sockets))
            highest = 0
            async with asyncio.timeout(10):
                while channel._sockets:
                    highest = max([highest, *(s.backlog() for s in channel._sockets)])
                    await asyncio.sleep(0.01)
            assert highest < 200_000
            ws._conn.transport.abort()
        async with client.ws_connect("/chat/socket") as ws:
            ready = await Talk(ws).hello(visitor=credential)
            assert texts(ready)[-1].startswith("2999 ")

    async def test_who_answers_pings_stays_and_who_does_not_goes(self, aiohttp_client, store):
        channel = chat(heartbeat=0.05)
        client = await aiohttp_client(app_of(channel, store))
        async with (
            client.ws_connect("/chat/socket") as alive,
            client.ws_connect("/chat/socket", autoping=False) as dead,
        ):
            lively, silent = Talk(alive), Talk(dead)
            await lively.hello()
            await silent.hello()
            reading = asyncio.create_task(lively.closed())
            while (await dead.receive()).type is WSMsgType.PING:
                pass
            assert dead.close_code == 1006
            assert not reading.done()
            assert len(channel._sockets) == 1
            reading.cancel()

    async def test_who_never_says_hello_is_dropped(self, aiohttp_client, store):
        client = await aiohttp_client(app_of(chat(heartbeat=0.05), store))
        async with client.ws_connect("/chat/socket") as ws:
            assert await Talk(ws).closed() == 1006

    async def test_the_heartbeat_ends_an_expired_session(self, aiohttp_client, store):
        channel = chat(heartbeat=0.05)
        client = await aiohttp_client(app_of(channel, store))
        async with client.ws_connect("/chat/socket") as ws:
            mine = Talk(ws)
            await mine.hello(token=token())
            channel._clock.tick(16 * 60)
            assert await mine.closed() == chat_socket.TOKEN_EXPIRED

    async def test_going_down_says_so_to_everybody(self, talk, channel, store):
        tabs = [await talk() for _ in range(3)]
        for tab in tabs:
            await tab.hello()
        listening = asyncio.create_task(channel.listen(store))
        await asyncio.sleep(0)
        listening.cancel()
        assert [await tab.closed() for tab in tabs] == [1001] * 3
        with contextlib.suppress(asyncio.CancelledError):
            await listening
        await until(lambda: not channel._sockets)
        assert channel._views == {}
        assert channel._sweep is None


class TestStatic:
    async def test_the_widget_is_served_and_cached(self, client):
        response = await client.get("/widget.js")
        assert response.status == 200
        assert response.content_type == "text/javascript"
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "customElements.define" in await response.text()
        same = await client.get("/widget/widget.js", headers={"If-None-Match": response.headers["ETag"]})
        assert same.status == 304

    @pytest.mark.parametrize("path", ["/widget/none.js", "/widget/..%2fchat.py", "/widget/%2e%2e/chat.py"])
    async def test_nothing_else_is_served(self, client, path):
        assert (await client.get(path)).status == 404

    async def test_the_widget_is_small(self, client):
        assert len(await (await client.get("/widget.js")).read()) < 25_000


class TestSettings:
    def test_without_secrets_it_does_not_start(self):
        with pytest.raises(SettingsError, match=r"web\.secrets"):
            ChatChannel(Chat(), Web())

    def test_short_token_secrets_are_refused(self):
        with pytest.raises(SettingsError, match="32 characters"):
            ChatChannel(Chat(token_secrets=("short",)), Web(secrets=(WEB_SECRET,)))

    async def test_check_says_whether_authors_can_sign_in(self):
        assert "anonymous only" in await ChatChannel(Chat(), Web(secrets=(WEB_SECRET,))).check()
        assert "by token" in await chat().check()


class TestChatContract(ChannelContract):
    webhooks = False  # a socket: identity is in its hello, tested above
    provider = can_be_uncertain = False  # nothing leaves the house
    secrets = (WEB_SECRET, TOKEN_SECRET)

    @pytest.fixture
    async def channel(self):
        return chat()

    def outbound(self, **changes):
        return outbound("chat", ContactPoint("chat", "v-1"), **changes)

    def inexpressible(self):
        return self.outbound(text=" ")

    def delivery(self, text="What do I owe?", n=1):
        return Delivery(path=f"delivery-{n:04d}", body=text.encode())

    def own_echo(self):
        return None  # our lines never come in by the socket

    async def receive(self, client, delivery):
        async with client.ws_connect("/chat/socket") as ws:
            mine = Talk(ws)
            await mine.hello(visitor=credential_of("v-contract", (WEB_SECRET,)))
            await mine.send(type="say", id=delivery.path, text=delivery.body.decode())
            async with asyncio.timeout(5):
                while (frame := json.loads((await ws.receive()).data))["type"] not in ("ack", "error"):
                    pass
            return 200 if frame["type"] == "ack" else 503

    async def test_the_provider_can_be_asked_for_an_earlier_attempt(self, channel):
        """Differs from the others: what is stored has arrived, since every socket reads the history itself."""
        assert await channel.find_sent(self.outbound()) == await channel.send(self.outbound())
        with pytest.raises(Unsupported):
            await channel.find_sent(self.inexpressible())
