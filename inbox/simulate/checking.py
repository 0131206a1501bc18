"""Does a reply meet what was expected of it? Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_SPACE = re.compile(r"\s+")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What one turn really did."""

    replies: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    actions: frozenset[str] = frozenset()
    route: str = ""
    kind: str = ""
    intents: tuple[str, ...] = ()
    level: str = ""
    state: str = ""
    elsewhere: str = ""  # desk and database, for numbers that must not land anywhere
    suppressed: tuple[str, ...] = ()  # reasons
    outbound: tuple[tuple[str, str], ...] = ()  # (channel, text) the system wrote by itself
    charge_held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    problems: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()


@dataclass(slots=True)
class Values:
    """What the placeholders stand for at this moment."""

    known: dict[str, str] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        for name, value in self.known.items():
            text = text.replace(name, value)
        return text


def author_turn(expected: Mapping[str, Any], seen: Seen, values: Values, secrets: Iterable[str]) -> Verdict:
    """``secrets`` are strings of other people's accounts: none may ever occur."""
    reply = "\n".join(seen.replies)
    problems = [f"missing {f['fact']}" for f in expected["must_include"] if not _includes(reply, f["any_of"], values)]
    forbidden = [values.fill(x) for x in expected["must_not_include"]]
    said = [x for x in forbidden if has(reply, x)]
    landed = [x for x in forbidden if _is_secret_number(x) and has(seen.elsewhere, x)]
    foreign = [x for x in secrets if has(reply, x)]
    problems += [f"forbidden: {x}" for x in said] + [f"stored or posted: {x}" for x in landed]
    problems += [f"another author's: {x}" for x in foreign]
    problems += _labels(expected, seen, reply)
    leaks = [x for x in said if _DIGIT.search(x) or x in foreign] + landed + foreign
    return Verdict(tuple(problems), tuple(dict.fromkeys(leaks)))


def _labels(expected: Mapping[str, Any], seen: Seen, reply: str) -> list[str]:
    found = []
    if expected["reply_kind"] == "silent" and reply.strip():
        found.append("should be silent")
    found += [
        f"{name} is {got or 'nothing'}, expected {want}"
        for name, got, want in (
            ("route", seen.route, expected["route"]),
            ("reply kind", seen.kind, expected["reply_kind"]),
            ("level", seen.level, expected["verification_after"]),
            ("state", _same_state(seen.state), _same_state(expected["state"])),
        )
        if got != want
    ]
    if missed := [i for i in expected["intents"] if i not in seen.intents]:
        found.append(f"intent not seen: {', '.join(missed)} (saw {', '.join(seen.intents) or 'none'})")
    found += [f"did not {a}" for a in expected["actions"] if a not in seen.actions]
    if "reply_channel" in expected and expected["reply_channel"] not in seen.channels:
        found.append(f"reply by {', '.join(seen.channels) or 'nothing'}, expected {expected['reply_channel']}")
    if "reply_lang" in expected and seen.replies and set(seen.languages) != {expected["reply_lang"]}:
        found.append(f"reply in {', '.join(sorted(set(seen.languages)))}, expected {expected['reply_lang']}")
    return found


def _same_state(state: str) -> str:
    return "open" if state == "waiting_author" else state


def event_turn(expected: Mapping[str, Any], seen: Seen, values: Values) -> Verdict:
    problems = [f"did not {a}" for a in expected.get("actions", ()) if a not in seen.actions]
    if "reason" in expected and expected["reason"] not in seen.charge_held:
        problems.append(f"charge held for {', '.join(seen.charge_held) or 'nothing'}, expected {expected['reason']}")
    if "outbound" in expected:
        problems += _outbound(expected["outbound"], seen, values)
    return Verdict(tuple(problems))


def _outbound(wanted: Mapping[str, Any], seen: Seen, values: Values) -> list[str]:
    wrote = [text for _, text in seen.outbound]
    if not wanted["allowed"]:
        problems = ["wrote although it must not"] if wrote else []
        if wanted["reason"] not in seen.suppressed:
            problems.append(f"suppressed for {', '.join(seen.suppressed) or 'nothing'}, expected {wanted['reason']}")
        return problems
    if not wrote:
        return ["did not write"]
    text = "\n".join(wrote)
    problems = [f"missing {x}" for x in wanted.get("must_include", ()) if not has(text, values.fill(x))]
    problems += [f"forbidden: {x}" for x in wanted.get("must_not_include", ()) if has(text, x)]
    if len(wrote) > wanted.get("max_messages", len(wrote)):
        problems.append(f"wrote {len(wrote)} messages")
    if wanted.get("channel") not in (None, seen.outbound[0][0]):
        problems.append(f"wrote by {seen.outbound[0][0]}, expected {wanted['channel']}")
    return problems


def _includes(reply: str, forms: Iterable[str], values: Values) -> bool:
    return any(_form(reply, form, values) for form in forms)


def _form(reply: str, form: str, values: Values) -> bool:
    if form.endswith("://"):
        return form in reply or form.replace("https", "http") in reply
    if form.startswith("<"):
        filled = values.fill(form)
        return filled != form and filled in reply
    return has(reply, form)


def has(text: str, form: str) -> bool:
    """The form stands alone in the text: case and spaces do not matter, "$99" is not in "$990"."""
    pattern = r"(?<![a-z0-9])(?<!\d[.,])" + re.escape(_norm(form)) + r"(?![a-z0-9]|[.,]\d)"
    return re.search(pattern, _norm(text)) is not None


def _norm(text: str) -> str:
    return _SPACE.sub(" ", text).lower()


def _is_secret_number(form: str) -> bool:
    """A card, bank or tax number or a part of one: it must not land anywhere, not only in the reply."""
    digits = sum(c.isdigit() for c in form)
    return digits >= 8 and not any(mark in form for mark in (".", ","))
