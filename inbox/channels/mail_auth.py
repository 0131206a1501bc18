"""DMARC as our own mail server established it (Authentication-Results, RFC 8601). Anybody can write such a header.

Trusted are only headers that name one of the configured servers exactly, the topmost one of them, and only above the
first Received line that was not written there: what follows came with the mail. The result counts only if it is
about the domain of the address that we take for the sender.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from inbox.channels.mail_headers import Fields
from inbox.message import SenderProof

#: In ``authserv_ids`` for Microsoft 365, which writes no server name into the header.
MICROSOFT_365 = "microsoft365"

_MICROSOFT_HOSTS = "outlook.com"
_BY = re.compile(r"(?:^|\s)by\s+([^\s;()]{1,255})", re.IGNORECASE)
_RESULT = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,30})(?:\s{0,5}/\s{0,5}\d{1,3})?\s{0,5}=\s{0,5}([A-Za-z]{1,30})")
_FROM = re.compile(r"\bheader\.from\s{0,5}=\s{0,5}\"?([^\s\";]{1,255})", re.IGNORECASE)
_INTERNAL = re.compile(r"(?:[^.]{1,63}|.{1,200}\.(?:internal|local|localdomain|lan)|\[?[0-9a-fA-F.:]{2,45}\]?)")
_MAX_CHARS = 8_000


def proof_of(fields: Fields, sender: str, authserv_ids: Sequence[str]) -> SenderProof:
    """What a trusted server says about the From address ``sender``; NONE if no trusted one says anything."""
    trusted = {name.strip().lower().rstrip(".") for name in authserv_ids if name.strip()}
    domain = sender.rpartition("@")[2]
    if not trusted or not domain:
        return SenderProof.NONE
    value = _topmost_trusted(fields, trusted)
    return _dmarc(value, domain) if value else SenderProof.NONE


def _topmost_trusted(fields: Fields, trusted: Collection[str]) -> str:
    for name, raw in fields.items:
        if name == "received" and not _is_ours(raw, trusted):
            return ""
        if name != "authentication-results":
            continue
        value = _without_comments(raw[:_MAX_CHARS])
        server, results = _server_of(value)
        if server in trusted or (not server and MICROSOFT_365 in trusted):
            return results
        if not server:
            return ""  # nameless, and not the kind that we were told to trust: nothing below is safe to rank
    return ""


def _is_ours(received: str, trusted: Collection[str]) -> bool:
    """Whether a server of ours wrote this line: a trusted one, one beside it, or a host without a public name."""
    match = _BY.search(_without_comments(received[:_MAX_CHARS]))
    if not match:
        return False
    host = match[1].lower().rstrip(".")
    if host in trusted or _INTERNAL.fullmatch(host):
        return True
    return any(host == home or host.endswith("." + home) for home in map(_home_of, trusted) if home)


def _home_of(name: str) -> str:
    if name == MICROSOFT_365:
        return _MICROSOFT_HOSTS
    parent = name.partition(".")[2]
    return parent if parent.count(".") >= 1 else name


def _server_of(value: str) -> tuple[str, str]:
    """The server name and the results. Without a name the first item is already a result (``spf=pass …``)."""
    first, _, rest = value.partition(";")
    words = first.split()
    name = words[0].strip('"').lower().rstrip(".") if words else ""
    if "=" in first:
        return "", value
    return name, rest


def _dmarc(results: str, domain: str) -> SenderProof:
    found = set()
    for item in results.split(";"):
        for method, result in _results(item):
            about = _FROM.search(item)
            if method == "dmarc" and about and about[1].rpartition("@")[2].lower().rstrip(".") == domain:
                found.add(result)
    if "fail" in found or "permerror" in found:
        return SenderProof.DMARC_FAIL
    return SenderProof.DMARC_PASS if found == {"pass"} else SenderProof.NONE


def _results(item: str) -> Iterator[tuple[str, str]]:
    match = _RESULT.match(item.strip())
    if match:
        yield match[1].lower(), match[2].lower()


def _without_comments(value: str) -> str:
    """Comments may hold anything, also ``dmarc=pass``; quoted text keeps its brackets but loses its semicolons."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for char in value:
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif char == '"' and not depth:
            quoted = not quoted
            kept.append('"')
        elif char == "(" and not quoted:
            depth += 1
        elif char == ")" and not quoted:
            depth = max(0, depth - 1)
            kept.append(" ")
        elif not depth:
            kept.append(" " if quoted and char in "; \t=" else char)
    return "".join(kept)
