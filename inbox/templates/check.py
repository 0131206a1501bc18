"""Tries every answer on every channel and in every language with sample facts, before anybody can receive it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError, meta
from jinja2.exceptions import SecurityError

from inbox.errors import DataError, MissingFact
from inbox.message import LANGUAGES, ChannelName, Language
from inbox.settings import Company
from inbox.templates import catalog
from inbox.templates.catalog import LAYOUT, Answers, AnswerSpec
from inbox.templates.render import CONTEXT, Bundle, Part, Rendered, allowed, compiled, render, segments
from inbox.templates.samples import NAMES, samples

#: A text message of the plain case: two segments in the GSM alphabet; accents halve what fits into one.
SEGMENTS = {"gsm": 2, "ucs2": 5}
SAMPLE_COMPANY = Company(
    support_email="billing@larkmoor.example", support_phone="+1 555 010 0100", portal_url="https://portal.example"
)


@dataclass(frozen=True, slots=True)
class Problem:
    answer: str
    language: str
    file: str  # subject or channel
    text: str

    def __str__(self) -> str:
        return f"{self.answer}/{self.language}/{self.file}: {self.text}"


def problems(answers: Answers | None = None, company: Company = SAMPLE_COMPANY) -> list[Problem]:
    """Everything wrong with the shipped answers; empty if they may be used."""
    answers = answers or catalog.load()
    found: list[Problem] = []
    for name in answers.names:
        for language in LANGUAGES:
            spec, bundle = answers.spec(name), answers.bundle(name, language)
            found += bundle_problems(spec, language, bundle, answers.forbidden, company)
    return found


def bundle_problems(
    spec: AnswerSpec,
    language: Language,
    bundle: Bundle,
    forbidden: Mapping[str, Sequence[str]] | None = None,
    company: Company = SAMPLE_COMPANY,
) -> list[Problem]:
    """What is wrong with one answer in one language, as shipped or as somebody edited it."""
    if forbidden is None:
        forbidden = catalog.load().forbidden
    phrases = [*forbidden.get(language, ()), *spec.forbidden.get(language, ())]
    found = [Problem(spec.name, language, file, text) for file, text in _written(spec, bundle)]
    if found or spec.name == LAYOUT:
        return found
    for channel in spec.channels:
        for file, text in _tried(spec, language, bundle, channel, phrases, company):
            problem = Problem(spec.name, language, file, text)
            if problem not in found:
                found.append(problem)
    return found


def _written(spec: AnswerSpec, bundle: Bundle) -> Iterator[tuple[str, str]]:
    """What the sources alone show: files that are missing, facts nobody promises, mistakes of syntax."""
    wanted = {*spec.channels, "subject"} if "email" in spec.channels else set(spec.channels)
    for file in sorted(wanted - set(bundle)):
        yield file, "the text is missing"
    for file, source in sorted(bundle.items()):
        try:
            tree = allowed(source)
            compiled(source)
        except SecurityError as error:
            yield file, f"{error}; a template may only print facts"
            continue
        except (TemplateError, RecursionError) as error:
            yield file, f"cannot be read: {error}"
            continue
        for unknown in sorted(meta.find_undeclared_variables(tree) - set(spec.facts) - CONTEXT):
            yield file, f"uses {unknown!r}, which is not a fact of this answer (see answer.toml)"


def _tried(
    spec: AnswerSpec,
    language: Language,
    bundle: Bundle,
    channel: str,
    phrases: Sequence[str],
    company: Company,
) -> Iterator[tuple[str, str]]:
    for n, facts in enumerate(samples(spec.name)):
        try:
            rendered = attempt(spec.name, language, bundle, channel, facts, company)
        except MissingFact as error:
            yield channel, f"sample {n + 1}: {error}"
            continue
        except DataError as error:
            yield channel, f"sample {n + 1}: {'; '.join(error.problems)}"
            continue
        yield from ((channel, f"sample {n + 1}: {text}") for text in _said(rendered, channel, phrases, first=n == 0))


def attempt(
    name: str, language: Language, bundle: Bundle, channel: str, facts: Mapping[str, Any], company: Company
) -> Rendered:
    """One rendering with sample facts, as the preview shows it."""
    known: dict[str, ChannelName] = {"chat": "chat", "email": "email", "sms": "sms", "voice": "voice"}
    part = Part(name, bundle, facts)
    return render([part], known[channel], language, company, NAMES[language], timezone="America/New_York")


def _said(rendered: Rendered, channel: str, phrases: Sequence[str], *, first: bool) -> Iterator[str]:
    text = rendered.text
    if not text.strip():
        yield "says nothing"
    if channel == "email" and not rendered.subject:
        yield "the subject is empty"
    spoken = _words(f"{rendered.subject}\n{text}")
    for phrase in phrases:
        if _words(phrase) in spoken:
            yield f"says {phrase!r}, which is forbidden"
    if channel == "sms" and first:
        count, limit = segments(text), SEGMENTS["gsm" if text.isascii() else "ucs2"]
        if count > limit:
            yield f"takes {count} SMS segments, at most {limit} are wanted; shorten it"
    if channel == "voice" and "http" in text:
        yield "reads a web address aloud; say that it comes by text message"


def _words(text: str) -> str:
    """Whole words only, so that ``due`` is not found in ``residue``."""
    cut = "".join(c if c.isalnum() else " " for c in text.casefold())
    return f" {' '.join(cut.split())} "
