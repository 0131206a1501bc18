"""Dates and clock times that people write, in three languages, resolved against a given day. Pure, linear."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta

from inbox.intents.normalize import fold

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan enero janeiro", "february feb febrero fevereiro fev", "march mar marzo marco",
            "april apr abril abr", "may mayo maio", "june jun junio junho", "july jul julio julho",
            "august aug agosto ago", "september sep sept septiembre setiembre setembro set",
            "october oct octubre outubro out", "november nov noviembre novembro",
            "december dec diciembre dezembro dez dic",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday mon lunes segunda", "tuesday tue tues martes terca", "wednesday wed miercoles quarta",
            "thursday thu thur thurs jueves quinta", "friday fri viernes sexta", "saturday sat sabado", "sunday sun domingo",
        )
    )
    for name in names.split()
}  # fmt: skip
_AMBIGUOUS = frozenset({"may", "mar", "out", "set", "sat", "sun", "segunda", "quarta", "quinta", "sexta", "terca", "ago", "mon", "wed", "dec"})  # fmt: skip
_PT_FAIR = re.compile(r"(segunda|terca|quarta|quinta|sexta)[- ]feira")
_WORD = re.compile(r"\d{1,4}(?:[/.-]\d{1,2}(?:[/.-]\d{1,4})?)?|[a-z]+|[^\sa-z\d]")
_NUMERIC = re.compile(r"(\d{1,4})[/.-](\d{1,2})(?:[/.-](\d{1,4}))?")
_RELATIVE = {
    "today": 0, "tonight": 0, "hoy": 0, "hoje": 0, "tomorrow": 1, "tmrw": 1, "tmr": 1, "tomoro": 1, "tomorow": 1,
    "amanha": 1, "yesterday": -1, "ayer": -1, "ontem": -1,
}  # fmt: skip
#: Days of the month written out; only after "on the" and the like, for "the first time" is no day.
_SPELLED = {
    "first": 1,
    "third": 3,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "tenth": 10,
    "fifteenth": 15,
    "twentieth": 20,
    "primero": 1,
}
_SPELLED_AFTER = frozenset({"on", "by", "until", "before", "till", "para", "hasta"})
#: Words that a day or a month can begin with.
_TELLING = frozenset({*_MONTHS, *_WEEKDAYS, *_RELATIVE, *_SPELLED, "manana", "in", "en", "em", "dentro"})
_NEXT = frozenset({"next", "proximo", "proxima", "siguiente"})
_THIS = frozenset(
    {"this", "este", "esta", "coming", "nesta", "neste", "on", "by", "el", "no", "na", "until", "till", "para"}
)
_ARTICLES = frozenset({"the", "of", "de", "do", "th", "st", "nd", "rd", "o", "el", "dia", ","})
_VAGUE = re.compile(
    r"\b(soon|as soon as i can|as soon as possible|when i can|whenever i can|sometime|some day|someday|one of these days|"
    r"shortly|eventually|later|mid ?week|end of (?:the )?(?:week|month)|early next month|in a (?:bit|few days|while)|"
    r"couple of (?:days|weeks)|few (?:days|weeks)|pronto|cuando pueda|en cuanto pueda|lo antes posible|"
    r"a fin de mes|fin de mes|en unos dias|estos dias|mas adelante|em breve|logo que puder|assim que puder|"
    r"assim que possivel|quando puder|fim do mes|uns dias|mais tarde|next paycheck|payday)\b"
)
_CLOCK = re.compile(r"(?<![\w:/.$-])(\d{1,2})(?:[:h.](\d{2}))? ?(a\.?m|p\.?m|h|hs|hrs|horas)?(?![\w:/-]|\.\d)")
_SPAN_WORDS = re.compile(
    r"\b(between|from|entre|de|das|after|before|until|till|despues|depois|apos|antes|hasta|ate|at|a las|as|around|by|desde)\b"
)
_EVENING = re.compile(r"\b(evening|afternoon|tonight|pm|tarde|noche|noite)\b")
_NOON = re.compile(r"\b(noon|midday|mediodia|meio[- ]?dia)\b")
_TIME_TALK = re.compile(
    r"\b(o'?clock|[ap]\.?m|evening|afternoon|morning|noon|midday|hours?|tarde|noche|noite|manha|manana|horas?|mediodia|"
    r"meio[- ]?dia|call|text|mail|email|write|contact|llam\w{1,8}|escrib\w{1,8}|lig\w{1,6}|escrev\w{1,6})\b|\d ?(?:[ap]m|hs?)\b"
)


@dataclass(frozen=True, slots=True)
class When:
    """Days named in a message; ``month`` and ``vague`` when a time was meant but no day."""

    dates: tuple[date, ...] = ()
    month: int = 0
    vague: str = ""
    bare: tuple[date, ...] = ()  # of ``dates`` those named by the day of the month alone


def find(text: str, today: date) -> When:
    """Days in the order of the text. A weekday or day of the month is the coming one; "next Friday" is that of next week."""
    folded = _PT_FAIR.sub(r"\1feira", fold(text)[:4000])
    words = _WORD.findall(folded)
    found: list[date] = []
    bare: list[date] = []
    month = 0
    for day, named, alone in _scan(words, today):
        if day is not None and day not in found:
            found.append(day)
            bare += [day] if alone else []
        month = month or named
    vague = _VAGUE.search(folded)
    return When(tuple(found[:6]), month, vague.group(1) if vague and not found else "", tuple(bare[:6]))


def _scan(words: list[str], today: date) -> Iterator[tuple[date | None, int, bool]]:
    """Days and months in order; True with a day of the month that came without its month."""
    at = 0
    while at < len(words):
        word = words[at]
        if word not in _TELLING and not word[0].isdigit() and not word.endswith("feira"):
            at += 1  # most words tell no day
            continue
        day, used, month = _at(words, at, today)
        if day is not None or month:
            yield day, month, not month and (words[at].isdigit() or words[at] in _SPELLED)
        at += max(1, used)


def _at(words: list[str], at: int, today: date) -> tuple[date | None, int, int]:
    """A day that begins at this word, how many words it takes, and a month named."""
    word = words[at]
    if word in _RELATIVE:
        return today + timedelta(days=_RELATIVE[word]), 1, 0
    if word == "manana":
        return _tomorrow(words, at, today)
    if word in _WEEKDAYS or (word.endswith("feira") and word.removesuffix("feira") in _WEEKDAYS):
        return _weekday(words, at, today)
    if word in _MONTHS:
        return _month_first(words, at, today)
    if match := _NUMERIC.fullmatch(word):
        return _numeric(match, today), 1, 0
    if word.isdigit() and len(word) <= 2:
        return _day_first(words, at, today)
    if word in _SPELLED and at > 1 and words[at - 1] in ("the", "el") and words[at - 2] in _SPELLED_AFTER:
        return _upcoming(today, _SPELLED[word]), 1, 0
    if word in ("in", "en", "em", "dentro"):
        return _in_days(words, at, today)
    return None, 1, 0


def _tomorrow(words: list[str], at: int, today: date) -> tuple[date | None, int, int]:
    """Spanish "mañana" is also the morning: after "la", "esta", "por la" it names no day."""
    morning = at > 0 and words[at - 1] in ("la", "esta", "de", "cada", "manha")
    return (None, 1, 0) if morning else (today + timedelta(days=1), 1, 0)


def _weekday(words: list[str], at: int, today: date) -> tuple[date | None, int, int]:
    word = words[at].removesuffix("feira") if words[at] != "feira" else words[at]
    before = words[at - 1] if at else ""
    if (
        words[at] in _AMBIGUOUS
        and before not in _NEXT | _THIS | {"last", "late", "e", "and"}
        and words[at] not in ("mon", "wed")
    ):
        return None, 1, 0
    ahead = (_WEEKDAYS[word] - today.weekday()) % 7
    if before in ("last", "pasado", "passada", "past") or (
        at + 1 < len(words) and words[at + 1] in ("pasado", "passada", "passado")
    ):
        return today - timedelta(days=(-ahead) % 7 or 7), 1, 0
    day_number, used = _number_after(words, at + 1)
    if day_number and (named := _upcoming(today, day_number, _WEEKDAYS[word])):
        month = words[at + 1 + used] if at + 1 + used < len(words) else ""
        return named, 1 + used + (1 if month in _MONTHS else 0), 0
    if day_number and (exact := _day_first(words, at + used, today))[0]:
        return exact[0], used + exact[1], exact[2]
    after = words[at + 1] if at + 1 < len(words) else ""
    if before in _NEXT or after in ("proximo", "proxima") or words[at + 1 : at + 3] == ["next", "week"]:
        return today + timedelta(days=_next_week(ahead, today, _WEEKDAYS[word])), 1, 0
    return today + timedelta(days=ahead or 7), 1, 0


def _next_week(ahead: int, today: date, weekday: int) -> int:
    """Days to that weekday of the coming calendar week."""
    return 7 - today.weekday() + weekday if ahead or weekday <= today.weekday() else 7


def _number_after(words: list[str], at: int) -> tuple[int, int]:
    used = 0
    while at + used < len(words) and words[at + used] in _ARTICLES and used < 2:
        used += 1
    if at + used < len(words) and words[at + used].isdigit() and 1 <= int(words[at + used][:4]) <= 31:
        return int(words[at + used]), used + 1
    return 0, 0


def _month_first(words: list[str], at: int, today: date) -> tuple[date | None, int, int]:
    month = _MONTHS[words[at]]
    day, used = _number_after(words, at + 1)
    if day and not (used > 1 and words[at + 1] in ("de", "of", "do")):
        year, more = _year_after(words, at + 1 + used)
        return _dated(today, month, day, year), 1 + used + more, month
    alone = words[at] in _AMBIGUOUS and not (
        at and words[at - 1] in (*_NEXT, *_THIS, "in", "for", "the", "of", "de", "do", "em", "en")
    )
    return None, 1, 0 if alone else month


def _day_first(words: list[str], at: int, today: date) -> tuple[date | None, int, int]:
    """``the 15th``, ``15 de abril``, ``15 April 2026``, ``el 24``; a bare number is no day."""
    if not words[at].isdigit() or not 1 <= int(words[at]) <= 31:
        return None, 1, 0
    day, next_at = int(words[at]), at + 1
    suffixed = next_at < len(words) and words[next_at] in ("th", "st", "nd", "rd", "º")
    next_at += suffixed
    skip = next_at
    while skip < len(words) and words[skip] in ("of", "de", "do") and skip < next_at + 2:
        skip += 1
    if skip < len(words) and words[skip] in _MONTHS:
        year, more = _year_after(words, skip + 1)
        month = _MONTHS[words[skip]]
        return _dated(today, month, day, year), skip + 1 - at + more, month
    before = tuple(words[max(0, at - 2) : at])
    cued = (
        suffixed
        or before[-1:] in (("dia",), ("el",))
        or before in (("on", "the"), ("by", "the"), ("o", "dia"), ("until", "the"))
    )
    money = at > 0 and words[at - 1] in ("$", "€", "£", "-", "#", "/")
    percent = next_at < len(words) and words[next_at] in (
        "%",
        "$",
        "/",
        "x",
        "days",
        "dias",
        "dolares",
        "dollars",
        "usd",
    )
    clock = next_at < len(words) and words[next_at] in ("am", "pm", "h", "hs", "horas", ":")
    if cued and not (money or percent or clock) and not (before[-1:] == ("el",) and _counts(words, next_at)):
        return _upcoming(today, day), next_at - at, 0
    return None, 1, 0


def _counts(words: list[str], at: int) -> bool:
    """``el 24 cuotas``: the number counts something."""
    return at < len(words) and words[at] in ("cuotas", "por", "pagos", "libros")


def _year_after(words: list[str], at: int) -> tuple[int, int]:
    used = 0
    while at + used < len(words) and words[at + used] in (",", "of", "de", "th", "st", "nd", "rd") and used < 2:
        used += 1
    if at + used < len(words) and words[at + used].isdigit() and len(words[at + used]) == 4:
        year = int(words[at + used])
        if 2000 <= year <= 2100:
            return year, used + 1
    return 0, 0


def _dated(today: date, month: int, day: int, year: int) -> date | None:
    """That day; without a year the nearest to today, at most half a year back."""
    if year:
        return _safe(year, month, day)
    choices = [d for y in (today.year - 1, today.year, today.year + 1) if (d := _safe(y, month, day))]
    ahead = [d for d in choices if d >= today - timedelta(days=120)]
    return ahead[0] if ahead else None


def _safe(year: int, month: int, day: int) -> date | None:
    return date(year, month, day) if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1] else None


def _upcoming(today: date, day: int, weekday: int = -1) -> date | None:
    """The next day with this number (and on this weekday, if one is given), today included."""
    for ahead in range(4):
        month0 = today.month - 1 + ahead
        found = _safe(today.year + month0 // 12, month0 % 12 + 1, day)
        if found and found >= today and weekday in (-1, found.weekday()):
            return found
    return None


def _numeric(match: re.Match[str], today: date) -> date | None:
    """``2026-03-18``, ``3/18``, ``18/03/2026``; a month above twelve tells the order, else month first in English."""
    first, second, third = match.group(1), match.group(2), match.group(3) or ""
    if len(first) == 4:
        return _safe(int(first), int(second), int(third)) if third and 2000 <= int(first) <= 2100 else None
    if len(first) > 2 or ("/" not in match.group(0) and not third):
        return None
    a, b = int(first), int(second)
    year = int(third) + (2000 if len(third) <= 2 else 0) if third else 0
    if third and not 2000 <= year <= 2100:
        return None
    month, day = (b, a) if a > 12 else (a, b)
    return _dated(today, month, day, year) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _in_days(words: list[str], at: int, today: date) -> tuple[date | None, int, int]:
    units = {"day": 1, "days": 1, "dia": 1, "dias": 1, "week": 7, "weeks": 7, "semana": 7, "semanas": 7}
    numbers = {
        "a": 1,
        "one": 1,
        "un": 1,
        "una": 1,
        "um": 1,
        "uma": 1,
        "two": 2,
        "dos": 2,
        "duas": 2,
        "dois": 2,
        "three": 3,
        "tres": 3,
    }
    skip = 1 + (words[at] == "dentro" and at + 1 < len(words) and words[at + 1] in ("de", "em"))
    if at + skip + 1 >= len(words) or words[at + skip + 1] not in units:
        return None, 1, 0
    number = words[at + skip]
    count = int(number) if number.isdigit() and len(number) <= 2 else numbers.get(number, 0)
    return (today + timedelta(days=count * units[words[at + skip + 1]]), skip + 2, 0) if count else (None, 1, 0)


def times(text: str) -> tuple[time, ...]:
    """Clock times: ``5pm``, ``17:30``, ``between 5 and 7 in the evening``, ``before noon``."""
    folded = fold(text)[:4000]
    if not _TIME_TALK.search(folded):
        return ()
    evening, found = bool(_EVENING.search(folded)), [(m.start(), time(12)) for m in _NOON.finditer(folded)]
    matches = [m for m in _CLOCK.finditer(folded) if m.group(2) or m.group(3) or _is_spoken(folded, m)]
    half = next((m.group(3)[0] for m in reversed(matches) if m.group(3) and m.group(3)[0] in "ap"), "")
    found += [(m.start(), clock) for m in matches if (clock := _clock(m, half, evening))]
    return tuple(dict.fromkeys(at for _, at in sorted(found)))[:4]


def _is_spoken(text: str, m: re.Match[str]) -> bool:
    """A bare hour counts after "between", "after", "and" and the like."""
    before = text[max(0, m.start() - 14) : m.start()].split()
    return bool(before) and (
        bool(_SPAN_WORDS.fullmatch(before[-1])) or before[-1] in ("las", "and", "y", "e", "to", "-")
    )


def _clock(m: re.Match[str], half: str, evening: bool) -> time | None:
    hour, minute = int(m.group(1)), int(m.group(2) or 0)
    mark = m.group(3)[0] if m.group(3) and m.group(3)[0] in "ap" else half
    if hour > 24 or minute > 59:
        return None
    if (mark == "p" or (not mark and evening)) and hour < 12:
        hour += 12
    if mark == "a" and hour == 12:
        hour = 0
    return time(hour % 24, minute)
