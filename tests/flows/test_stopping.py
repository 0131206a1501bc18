"""A wish to be left alone, as the real reader reads it, is stored as one; a wish for other hours or another way is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inbox.db.tables import events, preferences
from inbox.intents import prepared
from inbox.intents.understanding import Context
from tests.world import MARA, World

NOW = datetime(2026, 4, 20, 15, tzinfo=UTC)


async def stored(world: World, text: str) -> tuple[int, int]:
    """How many opt-outs and how many preferences."""
    world.reader.lessons[text] = prepared.reader().read(text, Context(now=NOW, channel="sms"))
    await world.says(text, by=MARA, channel="sms")
    return len(world.rows(events, type="opt_out.stored")), len(world.rows(events, type="preference.stored"))


@pytest.mark.parametrize(
    "text",
    [
        "please stop texting me", "please do not text me", "please no more texts", "just stop texting me", "please do not call me at this number",
        "I just want you to stop texting me", "stop texting me, you woke me up at 5am", "don't ever text me again, I got one at 6:15 this morning",
        "dejen de mandarme mensajes, me despertaron a las 5 am", "número errado, não sou essa pessoa", "parem de mandar mensagens, são 23h",
    ],
)  # fmt: skip
async def test_to_be_left_alone(world: World, text: str) -> None:
    assert await stored(world, text) == (1, 0)


@pytest.mark.parametrize(
    "text",
    [
        "do not text me before 9am", "stop calling me after 8pm", "only call after 6 pm", "please text only, no calls", "stop calling me, email me instead",
        "don't call me, text is fine", "no me llamen antes de las diez", "só me mandem e-mail",
    ],
)  # fmt: skip
async def test_other_hours_or_another_way(world: World, text: str) -> None:
    assert await stored(world, text) == (0, 1)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("do not text me after 8 pm", ("", "20:00")), ("stop calling me after 8pm", ("", "20:00")), ("no me llamen después de las 20:00", ("", "20:00")),
        ("não me liguem depois das 20h", ("", "20:00")), ("do not text me before 9am", ("09:00", "")), ("only call after 6 pm", ("18:00", "")),
        ("don't call me, text me only after 6 pm", ("18:00", "")), ("please text me only between 10 am and 5 pm", ("10:00", "17:00")),
    ],
)  # fmt: skip
async def test_the_hour_is_the_first_or_the_last(world: World, text: str, hours: tuple[str, str]) -> None:
    await stored(world, text)
    [row] = world.rows(preferences)
    assert (row["not_before"], row["not_after"]) == hours
