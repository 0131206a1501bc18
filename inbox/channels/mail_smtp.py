"""Handing one mail to the SMTP server, and what its answers mean for another attempt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiosmtplib

from inbox.channels.mail_compose import OutgoingMail
from inbox.channels.mail_login import TokenCommand, tls_context
from inbox.errors import InboxError, Permanent, Transient, Uncertain, Unsupported
from inbox.settings import Email

_SECONDS = 30.0
_LINE_LOST = (aiosmtplib.SMTPServerDisconnected, aiosmtplib.SMTPTimeoutError, OSError, asyncio.TimeoutError)


async def deliver(mail: OutgoingMail, settings: Email, tokens: TokenCommand | None) -> None:
    """Raises ``Transient`` if the server surely did not take it, ``Uncertain`` if it may have, else ``Permanent``."""
    async with session(settings, tokens) as smtp:
        try:
            await _envelope(smtp, mail)
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error.code, error.message) from error
        except _LINE_LOST as error:
            raise Transient(f"the mail server broke off before the mail was sent: {error}") from error
        try:
            await smtp.data(mail.raw)
        except aiosmtplib.SMTPResponseException as error:
            raise _refusal(error.code, error.message) from error
        except _LINE_LOST as error:
            raise Uncertain(f"the line broke after the mail was sent: {error}") from error


@asynccontextmanager
async def session(settings: Email, tokens: TokenCommand | None) -> AsyncIterator[aiosmtplib.SMTP]:
    """A connection that is logged in. Raises ``Transient``: a wrong password is mended by a person, then mail goes."""
    smtp = await _connected(settings, tokens)
    try:
        yield smtp
    finally:
        try:
            await smtp.quit(timeout=5)
        except (TimeoutError, aiosmtplib.SMTPException, OSError):
            smtp.close()


async def _connected(settings: Email, tokens: TokenCommand | None) -> aiosmtplib.SMTP:
    context = tls_context(settings.smtp_tls, settings.smtp_host, "smtp")
    smtp = aiosmtplib.SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        use_tls=settings.smtp_tls == "implicit",
        start_tls=settings.smtp_tls == "starttls",
        tls_context=context,
        local_hostname=settings.address.rpartition("@")[2] or "localhost",
        timeout=_SECONDS,
    )
    try:
        await smtp.connect()
        if smtp.is_ehlo_or_helo_needed:
            await smtp.ehlo()  # until then nothing is known of what the server can do
        await _login(smtp, settings, tokens)
    except aiosmtplib.SMTPAuthenticationError as error:
        smtp.close()
        raise Transient(f"the mail server refused the login ({error.code}); check {_secret_name(tokens)}") from None
    except (TimeoutError, aiosmtplib.SMTPException, OSError) as error:
        smtp.close()
        where = f"{settings.smtp_host}:{settings.smtp_port}"
        raise Transient(f"no connection to the mail server {where}; check email.smtp_host: {error}") from error
    except InboxError:
        smtp.close()
        raise
    return smtp


async def _login(smtp: aiosmtplib.SMTP, settings: Email, tokens: TokenCommand | None) -> None:
    user = settings.smtp_user or settings.address
    if tokens is None:
        if settings.smtp_password:
            await smtp.login(user, settings.smtp_password[0])
        return
    for last in (False, True):
        token = await asyncio.to_thread(tokens.token)
        try:
            await smtp.auth_xoauth2(user, token)
            return
        except aiosmtplib.SMTPAuthenticationError:
            tokens.refuse(token)
            if last:
                raise


async def _envelope(smtp: aiosmtplib.SMTP, mail: OutgoingMail) -> None:
    encoding = "ascii"
    options: list[str] = []
    if mail.needs_utf8:
        if not smtp.supports_extension("smtputf8"):
            raise Unsupported("the address has letters outside ASCII and the mail server cannot take such addresses")
        encoding, options = "utf-8", ["SMTPUTF8", "BODY=8BITMIME"]
    if smtp.supports_extension("size"):
        options.append(f"SIZE={len(mail.raw)}")
    await smtp.mail(mail.envelope_from, options=options, encoding=encoding)
    await smtp.rcpt(mail.recipient, encoding=encoding)


def _refusal(code: int, said: str) -> InboxError:
    detail = f"{code} {' '.join(said.split())[:300]}"
    if 400 <= code < 500 or code < 0:
        return Transient(f"the mail server cannot take the mail now: {detail}")
    return Permanent(f"the mail server refused the mail: {detail}", code=str(code))


def _secret_name(tokens: TokenCommand | None) -> str:
    return "email.oauth_token_command" if tokens else "email.smtp_user and email.smtp_password"
