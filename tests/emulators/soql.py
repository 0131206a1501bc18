"""The part of SOQL that is spoken here: SELECT fields FROM object WHERE … ORDER BY … LIMIT. Raises ``BadQuery``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<op><=|>=|!=|<>|=|<|>|\(|\)|,)|(?P<word>[A-Za-z_][\w.]*)|(?P<number>-?\d+(?:\.\d+)?))",
    re.DOTALL,
)
_ESCAPES = {
    "n": "\n", "N": "\n", "r": "\r", "R": "\r", "t": "\t", "T": "\t", "b": "\b", "B": "\b", "f": "\f", "F": "\f",
    '"': '"', "'": "'", "\\": "\\",
}  # fmt: skip
_KEYWORDS = {"select", "from", "where", "order", "by", "limit", "and", "or", "in", "not", "like", "asc", "desc"}


class BadQuery(Exception):
    pass


@dataclass(frozen=True)
class Query:
    fields: tuple[str, ...]
    kind: str
    where: Any = None  # ("and" | "or", [parts]) | ("not", part) | (op, field, value)
    order: tuple[tuple[str, bool], ...] = ()  # field, descending
    limit: int | None = None

    def names(self) -> set[str]:
        """Every field that the query uses."""
        found = {*self.fields, *(field for field, _ in self.order)}

        def walk(part):
            if part is None:
                return
            if part[0] in ("and", "or"):
                for each in part[1]:
                    walk(each)
            elif part[0] == "not":
                walk(part[1])
            else:
                found.add(part[1])

        walk(self.where)
        return found

    def run(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = [r for r in records if self.where is None or _fits(self.where, r)]
        for field, descending in reversed(self.order):
            found.sort(key=lambda r, f=field: (r.get(f) is not None, r.get(f)), reverse=descending)
        return found if self.limit is None else found[: self.limit]


def parse(text: str) -> Query:
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadQuery(f"unexpected token: {text[at : at + 20].strip()!r}")
        kind = match.lastgroup or ""
        found.append((kind, match[kind]))
        at = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at = tokens, 0

    def query(self) -> Query:
        self.word("select")
        fields = [self.name()]
        while self.taken("op", ","):
            fields.append(self.name())
        self.word("from")
        kind = self.name()
        where = self.condition() if self.taken("word", "where") else None
        order = self.order() if self.taken("word", "order") else ()
        limit = int(self.take("number")) if self.taken("word", "limit") else None
        if self.at < len(self.tokens):
            raise BadQuery(f"unexpected token: '{self.tokens[self.at][1]}'")
        return Query(tuple(fields), kind, where, order, limit)

    def order(self):
        self.word("by")
        found = [self.ordering()]
        while self.taken("op", ","):
            found.append(self.ordering())
        return tuple(found)

    def ordering(self):
        field = self.name()
        descending = self.taken("word", "desc")
        if not descending:
            self.taken("word", "asc")
        return field, descending

    def condition(self):
        parts, joiner = [self.part()], ""
        while (found := self.peek_word()) in ("and", "or"):
            if joiner and found != joiner:  # SOQL mixes them only with parentheses
                raise BadQuery(f"unexpected token: '{found.upper()}'")
            joiner = found
            self.at += 1
            parts.append(self.part())
        return parts[0] if len(parts) == 1 else (joiner, parts)

    def part(self):
        if self.taken("word", "not"):
            return ("not", self.part())
        if self.taken("op", "("):
            inner = self.condition()
            self.take("op", ")")
            return inner
        field = self.name()
        if self.taken("word", "in"):
            return ("in", field, self.values())
        if self.taken("word", "not"):
            self.word("in")
            return ("not", ("in", field, self.values()))
        if self.taken("word", "like"):
            return ("like", field, self.value(like=True))
        operator = self.take("op")
        if operator not in ("=", "!=", "<>"):
            raise BadQuery(f"this stand-in has no operator {operator}")
        return ("=", field, self.value()) if operator == "=" else ("not", ("=", field, self.value()))

    def values(self):
        self.take("op", "(")
        found = [self.value()]
        while self.taken("op", ","):
            found.append(self.value())
        self.take("op", ")")
        return found

    def value(self, *, like: bool = False):
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        self.at += 1
        if kind == "text":
            return _unescaped(text[1:-1], like)
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "word" and text.lower() in ("null", "true", "false"):
            return {"null": None, "true": True, "false": False}[text.lower()]
        raise BadQuery(f"unexpected token: '{text or '<EOF>'}'")

    def name(self) -> str:
        found = self.take("word")
        if found.lower() in _KEYWORDS:
            raise BadQuery(f"unexpected token: '{found}'")
        return found

    def word(self, word: str) -> None:
        if not self.taken("word", word):
            found = self.tokens[self.at][1] if self.at < len(self.tokens) else "<EOF>"
            raise BadQuery(f"unexpected token: '{found}'")

    def peek_word(self) -> str:
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        return text.lower() if kind == "word" else ""

    def take(self, kind: str, text: str = "") -> str:
        found = self.tokens[self.at] if self.at < len(self.tokens) else ("", "<EOF>")
        if found[0] != kind or (text and found[1].lower() != text):
            raise BadQuery(f"unexpected token: '{found[1]}'")
        self.at += 1
        return found[1]

    def taken(self, kind: str, text: str) -> bool:
        found = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        if found[0] == kind and found[1].lower() == text:
            self.at += 1
            return True
        return False


def _unescaped(text: str, like: bool) -> Any:
    out, at = [], 0
    pattern = []
    while at < len(text):
        char = text[at]
        if char != "\\":
            out.append(char)
            pattern.append({"%": ".*", "_": "."}.get(char, re.escape(char)))
            at += 1
            continue
        following = text[at + 1 : at + 2]
        if following in _ESCAPES:
            found, at = _ESCAPES[following], at + 2
        elif following == "u" and re.fullmatch(r"[0-9a-fA-F]{4}", text[at + 2 : at + 6]):
            found, at = chr(int(text[at + 2 : at + 6], 16)), at + 6
        elif like and following in ("%", "_"):
            found, at = following, at + 2
        else:
            raise BadQuery(
                f"Invalid string literal '{text}'. Illegal character sequence '\\{following}' in string literal."
            )
        out.append(found)
        pattern.append(re.escape(found))
    return re.compile("".join(pattern), re.IGNORECASE | re.DOTALL) if like else "".join(out)


def _fits(part: Any, record: dict[str, Any]) -> bool:
    if part[0] == "and":
        return all(_fits(p, record) for p in part[1])
    if part[0] == "or":
        return any(_fits(p, record) for p in part[1])
    if part[0] == "not":
        return not _fits(part[1], record)
    operator, field, wanted = part
    value = record.get(field)
    if operator == "like":
        return isinstance(value, str) and wanted.fullmatch(value) is not None
    if operator == "in":
        return any(_same(value, w) for w in wanted)
    return _same(value, wanted)


def _same(value: Any, wanted: Any) -> bool:
    """Texts are compared without regard to case, as Salesforce does."""
    if isinstance(value, str) and isinstance(wanted, str):
        return value.casefold() == wanted.casefold()
    return value == wanted
