"""A text being masked: its tokens, what was found in it so far, and the text that comes out."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from inbox.redaction import glyphs
from inbox.redaction.digits import PART_OF_CARD, PLACEHOLDERS, Run, Token, runs, tokens
from inbox.redaction.innocents import Innocents

_TEXT_OF = {kind: text for text, kind in PLACEHOLDERS.items()}


@dataclass(frozen=True, slots=True)
class Redaction:
    """What was masked: ``kind`` is pan, cvv, expiry, bank, ssn, tax_id or password."""

    kind: str
    count: int
    last4s: tuple[str, ...] = ()  # of cards only


@dataclass(frozen=True, slots=True)
class Masked:
    text: str
    found: tuple[Redaction, ...] = ()


@dataclass(slots=True)
class Find:
    start: int
    end: int
    kind: str
    replacement: str
    last4: str = ""


@dataclass(slots=True)
class Page:
    """The text being masked, its tokens, and what was found so far."""

    original: str
    text: str = ""  # the same in plain characters, place for place
    tokens: list[Token] = field(default_factory=list)
    finds: list[Find] = field(default_factory=list)
    taken: dict[int, str] = field(default_factory=dict)  # token index -> kind
    starts: list[int] = field(default_factory=list)
    cards: list[tuple[int, int]] = field(default_factory=list)  # first and last token of each

    whole_runs: list[Run] = field(default_factory=list)
    _innocents: Innocents | None = None

    def __post_init__(self) -> None:
        self.text = glyphs.plain(self.original)
        self.tokens = tokens(self.text)
        self.starts = [t.start for t in self.tokens]
        for n, token in enumerate(self.tokens):
            if token.kind == "card":
                self.cards.append((n, n))
            elif token.kind == "done":
                self.taken[n] = PLACEHOLDERS[token.text]
                if token.text == PART_OF_CARD:
                    self.cards.append((n, n))
        self.whole_runs = list(runs(self.text, self.tokens))

    @property
    def innocents(self) -> Innocents:
        if self._innocents is None:
            self._innocents = Innocents(self.text)
        return self._innocents

    def add(self, first: int, last: int, kind: str, replacement: str = "", last4: str = "") -> None:
        """Mask whole tokens."""
        self.add_span(self.tokens[first].start, self.tokens[last].end, kind, replacement, last4)

    def add_span(self, start: int, end: int, kind: str, replacement: str = "", last4: str = "") -> None:
        self.finds.append(Find(start, end, kind, replacement or _TEXT_OF[kind], last4))
        for n in range(bisect_right(self.starts, start) - 1, bisect_left(self.starts, end)):
            if n >= 0 and self.tokens[n].end > start:
                self.taken[n] = kind

    def is_masked_at(self, start: int) -> bool:
        """A token that starts right there is masked, now or from earlier."""
        n = bisect_left(self.starts, start)
        return n < len(self.tokens) and self.starts[n] == start and (n in self.taken or self.tokens[n].kind == "card")

    def runs(self) -> Iterator[Run]:
        """Numbers not yet masked; what was masked splits a run."""
        for run in self.whole_runs:
            if not self.taken:
                yield run
                continue
            part = Run()
            for group in run.groups:
                if group.first in self.taken:
                    if part.groups:
                        yield part
                    part = Run()
                else:
                    part.groups.append(group)
            if part.groups:
                yield part

    def between(self, n: int) -> str:
        """What stands between token ``n - 1`` and token ``n``, at most 40 characters of it."""
        return self.text[max(self.tokens[n - 1].end, self.tokens[n].start - 40) : self.tokens[n].start]

    def masked(self) -> Masked:
        parts, at = [], 0
        counts: Counter[str] = Counter()
        last4s: list[str] = []
        for find in sorted(self.finds, key=lambda f: (f.start, -f.end)):
            if find.start < at:  # within or across another find: its tail goes with that one
                at = max(at, find.end)
                continue
            parts += [self.original[at : find.start], find.replacement]
            at = find.end
            counts[find.kind] += 1
            if find.last4:
                last4s.append(find.last4)
        parts.append(self.original[at:])
        found = [Redaction(k, n, tuple(last4s) if k == "pan" else ()) for k, n in sorted(counts.items())]
        return Masked("".join(parts), tuple(found))
