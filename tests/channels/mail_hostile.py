"""Mails made to cost time, by name. ``size`` is about the number of bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

PLAIN = b"From: a@b.example\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
HTML = b"From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
MIXED = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"


def _fill(unit: bytes, size: int) -> bytes:
    return unit * (size // len(unit) + 1)


def _nested(size: int) -> bytes:
    depth, body = size // 60, b"\r\nend"
    opened = b"".join(b"Content-Type: multipart/mixed; boundary=d%d\r\n\r\n--d%d\r\n" % (n, n) for n in range(depth))
    return b"From: a@b.example\r\n" + opened + body


HOSTILE: Mapping[str, Callable[[int], bytes]] = {
    **{
        f"text of {unit!r}": lambda size, unit=unit: PLAIN + _fill(unit, size)
        for unit in (
            b">", b"> \r\n", b">" * 900 + b"\r\n", b"-", b"-- \r\n", b"_", b"\r\n", b"\n", b"\r", b" ", b"a", b"a ", b"a@", b"a@b ",
            b"From: a\r\n", b"From: a@b\r\n\r\n", b"On 1 Jan 2026 wrote:\r\n", b"On x\r\n", b"[cid:", b"[image: x", b"a:b:c\r\n", b"\xff",
            b"\x1b$B", b"1.1.1.", b"10:10 ", b"<a@b> ", b"wrote ", b"(", b"www.", b"+1 (", b"1 1 1 1 ", b"Thanks\r\n", b"This email and any\r\n",
            b"\xd0\xb0 ", b"=?", b":", b"--\r\na\r\n",
        )
    },
    **{
        f"html of {unit!r}": lambda size, unit=unit: HTML + _fill(unit, size)
        for unit in (
            b"<", b"<a", b"<a ", b"<a b='", b'<a "', b"<a b=c d=e ", b"</", b"</a", b"<!--", b"<!", b"<![CDATA[", b"<?", b"<script>", b"<style>", b"<div>",
            b"<blockquote>", b"<p>", b"<td>", b"<br>", b"&", b"&#", b"&a", b"&#x1", b"</p>", b"<b></i>", b"<a b=\"'", b"<!-- -", b"</script", b"<pre>\n", b"<a/", b"<a =", b"<title>",
            b"<textarea>", b"<a\n", b"<![if", b"<!DOCTYPE [", b"<li>", b"<div style='display:none'>", b"<plaintext>",
        )
    },
    **{
        f"{name} of {unit!r}": lambda size, unit=unit, name=name: name.encode() + b": " + _fill(unit, size) + b"\r\nFrom: a@b.example\r\n\r\nx"
        for name in ("From", "To", "Subject", "References", "Content-Type", "Authentication-Results", "Received", "Date", "Message-ID", "Content-Disposition")
        for unit in (
            b"=?", b"=?utf-8?q?", b"=?utf-8?q?a?= ", b"<", b"<a", b"a@", b"a@b,", b"(", b'"', b"\\", b";", b"a;", b"a=b;", b"a*0=b;", b"a*0*=%",
            b"%", b" ", b"\r\n ", b"a ", b"by ", b"dmarc=", b"dmarc=pass ", b"header.from=", b"/ ", b":", b"@", b"<a@b>",
        )
    },
    "many boundaries": lambda size: MIXED + _fill(b"--b\r\n", size),
    "boundary prefixes": lambda size: MIXED + _fill(b"--bx", size),
    "boundary prefix lines": lambda size: MIXED + _fill(b"--bx\r\n", size),
    "boundary never": lambda size: MIXED + _fill(b"--c\r\n", size),
    "many parts": lambda size: MIXED + _fill(b"--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n", size),
    "nested": _nested,
    "many headers": lambda size: _fill(b"X-A: b\r\n", size) + b"From: a@b.example\r\n\r\nx",
    "no header ends": lambda size: _fill(b"From: a@b\r\n", size),
    "no colon": lambda size: _fill(b"abc\r\n", size),
    "colons": lambda size: _fill(b"a:\r\n", size),
    "folded": lambda size: b"Subject: x\r\n" + _fill(b" y\r\n", size) + b"From: a@b.example\r\n\r\nx",
    "base64": lambda size: b"Content-Transfer-Encoding: base64\r\n" + PLAIN + _fill(b"=A", size),
    "uuencode": lambda size: b"Content-Transfer-Encoding: uuencode\r\n" + PLAIN + _fill(b"M\r\n", size),
    "quoted": lambda size: b"Content-Transfer-Encoding: quoted-printable\r\n" + PLAIN + _fill(b"=", size),
    "status": lambda size: b"From: mailer-daemon@b\r\nContent-Type: multipart/report; boundary=b; report-type=delivery-status\r\n\r\n--b\r\n"
    b"Content-Type: message/delivery-status\r\n\r\n" + _fill(b"Action: x\r\n\r\n", size),
    "bounce": lambda size: b"From: mailer-daemon@b\r\nSubject: undeliverable\r\n\r\n" + _fill(b"<a@b>: \r\nMessage-ID: x\r\n", size),
}  # fmt: skip
