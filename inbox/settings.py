"""Typed settings from a TOML file and the environment, read once by the command line; all problems reported at once.

Each section is a frozen dataclass. A channel, desk or source whose section is absent is off. Secrets are tuples, so
that a new one can be added before the old one goes, and never appear in ``repr``. The environment overrides the file:
``INBOX_EMAIL__IMAP_HOST`` sets ``imap_host`` of ``[email]``.
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from inbox.errors import SettingsError


def secret(*default: str) -> Any:
    return field(default=default, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Who speaks. Names and texts that templates use."""

    name: str = "Larkmoor"
    legal_name: str = "Larkmoor Author Services"
    timezone: str = "America/New_York"
    languages: tuple[str, ...] = ("en", "es", "pt")
    currency: str = "USD"
    support_email: str = ""
    support_phone: str = ""
    portal_url: str = ""  # where authors log in
    crisis_line: str = "988"  # for the company's main country
    payment_methods: tuple[str, ...] = (
        "Visa",
        "Mastercard",
        "American Express",
        "Discover",
        "PayPal",
        "ACH bank transfer",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """House rules (playbook section 13). Finance and counsel confirm them before go-live."""

    code_minutes: int = 10
    code_tries: int = 3
    code_lock_minutes: int = 30
    proof_idle_minutes: int = 30
    codes_per_hour: int = 5  # to one address that asks, and for one account
    codes_per_hour_network: int = 60
    wrong_codes_per_day: int = 10  # for one account; then none is sent for it for a day
    wrong_codes_per_hour_network: int = 30
    promise_days: int = 14
    promises_broken_limit: int = 2
    split_parts: int = 3  # a past-due amount in at most so many parts
    split_days: int = 90  # the last of them within so many days
    due_move_days: int = 10  # a due day may move by so many days, once in a plan's life
    quiet_from: str = "20:00"
    quiet_until: str = "09:00"
    contacts_per_week: int = 3
    calls_per_week: int = 2
    messages_per_day: int = 1  # reminders in writing to one author
    old_debt_years: int = 3  # older debt is for agents and counsel only
    reminder_days_before: int = 3  # a friendly note before an instalment without automatic payment
    reminder_days_after: str = "3,7,14"  # days past due on which a reminder may go out
    review_days_after: int = 21  # days past due after which a person looks
    royalty_minimum: str = "50.00"
    payout_hold_hours: int = 72
    pending_authorisation_days: int = 7
    figures_max_age_minutes: int = 60
    first_reply_high_minutes: int = 30
    first_reply_normal_hours: int = 4  # business hours
    business_hours: str = "09:00-17:00"
    automatic_mails_per_hour: int = 3  # to one sender, against loops
    reopen_days: int = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""  # as the outside sees us, https://inbox.example; links and webhook signatures use it
    secrets: tuple[str, ...] = secret()  # signs links, reply tokens and forms; first one signs, all verify
    max_body_bytes: int = 1_000_000
    trust_proxy: bool = False  # our own proxy stands before us: take the client's address from X-Forwarded-For
    metrics_tokens: tuple[str, ...] = secret()  # whoever has one may read /metrics; () = nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    url: str = "sqlite:///var/inbox.db"  # or postgresql://user@host/name
    writers: int = 4  # PostgreSQL only: connections that commit batches


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    token_secrets: tuple[str, ...] = secret()  # the host site signs author tokens with the first one (HS256)
    origins: tuple[str, ...] = ()  # sites that may embed the widget, https://portal.example; () = our own only
    max_sockets: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    address: str
    display_name: str = ""
    imap_host: str
    imap_port: int = 993
    imap_tls: str = "implicit"  # implicit | starttls | none (loopback only)
    imap_user: str = ""  # default: address
    imap_password: tuple[str, ...] = secret()
    mailbox: str = "INBOX"
    smtp_host: str
    smtp_port: int = 587
    smtp_tls: str = "starttls"  # implicit | starttls | none (loopback only)
    smtp_user: str = ""
    smtp_password: tuple[str, ...] = secret()
    oauth_token_command: str = ""  # prints a fresh access token; XOAUTH2 is used when set
    authserv_ids: tuple[str, ...] = ()  # whose Authentication-Results are trusted, exactly
    aliases: tuple[str, ...] = ()  # further addresses that are ours
    reply_secrets: tuple[str, ...] = secret()  # signs the reply token; default: web.secrets
    max_bytes: int = 25_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Twilio:
    account_sid: str
    auth_tokens: tuple[str, ...] = secret()  # primary first
    number: str  # ours, E.164
    messaging_service_sid: str = ""
    api_base: str = "https://api.twilio.com"
    sms: bool = True
    voice: bool = True
    agent_number: str = ""  # where "0" is put through to in business hours; "" = voicemail and call-back
    recording_notice: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    bot_token: tuple[str, ...] = secret()
    signing_secrets: tuple[str, ...] = secret()
    app_token: tuple[str, ...] = secret()  # xapp-…: Socket Mode instead of HTTP
    channel: str  # id of the channel for cases, C…
    api_base: str = "https://slack.com/api/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Salesforce:
    """The CRM that gets a case for each handoff (docs/crm.md)."""

    login_url: str  # your My Domain: https://yourcompany.my.salesforce.com
    client_id: str  # consumer key of the connected app
    client_secrets: tuple[str, ...] = secret()  # client-credentials flow
    username: str = ""  # JWT flow: whom the app acts as
    private_keys: tuple[str, ...] = secret()  # JWT flow: PEM texts or paths of PEM files
    audience: str = "https://login.salesforce.com"  # JWT flow; a sandbox: https://test.salesforce.com
    api_version: str = "64.0"
    case_field: str = "Inbox_Case__c"  # external id of Case
    conversation_field: str = "Inbox_Conversation__c"  # external id of Task
    author_field: str = ""  # of Contact: holds our author id; "" = there is none
    log_conversations: bool = True  # a Task for each resolved conversation
    statuses: tuple[str, ...] = ("New", "Working", "Closed", "Closed")  # open, claimed, back at the bot, resolved
    priorities: tuple[str, ...] = ("High", "Medium", "Low")
    task_status: str = "Completed"
    task_priority: str = "Normal"
    timeout_seconds: int = 10  # of one request


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The embedded ledger; always on."""

    payment_url: str = ""  # where invoices are paid; {invoice}, {amount} and {account} are filled in
    event_secrets: tuple[str, ...] = secret()  # your payment system signs its events with the first one; () = no door
    charge_url: str = ""  # your payment system's door for automatic charges; "" = it charges by itself
    charge_secrets: tuple[str, ...] = secret()  # we sign requests to it with the first one


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Accounts that another system bills."""

    max_age_minutes: int = 15  # figures older than this are read again before they are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripe:
    api_keys: tuple[str, ...] = secret()  # restricted or secret keys; the first that Stripe accepts is used
    webhook_secrets: tuple[str, ...] = secret()  # whsec_…; () = the webhook's door does not exist
    timeout_seconds: int = 8  # of one request
    deadline_seconds: int = 20  # of one account with all its records, retries included
    max_retries: int = 2  # of one request, with Stripe's own idempotency
    api_base: str = ""  # for tests; "" = https://api.stripe.com


@dataclass(frozen=True, slots=True, kw_only=True)
class Payouts:
    """How royalties leave us."""

    rail: str = "file"  # file: a batch for finance | stripe: transfers to connected accounts
    stripe_keys: tuple[str, ...] = secret()  # sk_… or rk_…; the first one pays
    stripe_api_base: str = "https://api.stripe.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    company: Company = Company()
    rules: Rules = Rules()
    web: Web = Web()
    database: Database = Database()
    ledger: Ledger = Ledger()
    accounts: Accounts = Accounts()
    stripe: Stripe | None = None
    payouts: Payouts = Payouts()
    chat: Chat | None = None
    email: Email | None = None
    twilio: Twilio | None = None
    slack: Slack | None = None
    salesforce: Salesforce | None = None
    log_json: bool = True


T = TypeVar("T")
PREFIX = "INBOX_"


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read settings from a TOML file (``INBOX_CONFIG`` or ``inbox.toml`` if it exists) and the environment.

    Raises ``SettingsError`` with every problem by its exact key.
    """
    env = os.environ if environ is None else environ
    problems: list[str] = []
    data: dict[str, Any] = {}
    chosen = path or (Path(env[PREFIX + "CONFIG"]) if env.get(PREFIX + "CONFIG") else None)
    file = chosen or Path("inbox.toml")
    if file.is_file():
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError([f"{file}: not valid TOML: {error}"]) from error
    elif chosen is not None:
        raise SettingsError([f"{file}: there is no such settings file"])
    _overlay(data, env, problems)
    settings = _build(Settings, data, "", problems)
    if settings is not None:
        problems += check(settings)
    if problems or settings is None:
        raise SettingsError(problems)
    return settings


def check(settings: Settings) -> list[str]:
    """Problems that one field alone does not show."""
    found = []
    if settings.email and not settings.email.imap_password and not settings.email.oauth_token_command:
        found.append("email.imap_password is missing; set it, or email.oauth_token_command for XOAUTH2")
    if settings.twilio and not settings.twilio.auth_tokens:
        found.append("twilio.auth_tokens is missing; without it no webhook can be trusted")
    if settings.twilio and not settings.web.public_url:
        found.append("web.public_url is missing; Twilio signs the public address of the webhook")
    if settings.slack and not settings.slack.bot_token:
        found.append("slack.bot_token is missing; it starts with xoxb-")
    if settings.slack and not settings.slack.signing_secrets:
        found.append("slack.signing_secrets is missing; without it no request from Slack can be trusted")
    if settings.stripe and not settings.stripe.api_keys:
        found.append("stripe.api_keys is missing; a restricted key starts with rk_ (docs/billing-sources.md)")
    if settings.stripe and not 1 <= settings.accounts.max_age_minutes <= settings.rules.figures_max_age_minutes:
        found.append("accounts.max_age_minutes must be at least 1 and at most rules.figures_max_age_minutes")
    if settings.stripe and not 1 <= settings.stripe.timeout_seconds <= settings.stripe.deadline_seconds:
        found.append("stripe.timeout_seconds must be at least 1 and at most stripe.deadline_seconds")
    if settings.stripe and not 0 <= settings.stripe.max_retries <= 5:
        found.append("stripe.max_retries must be 0 to 5; more would only keep the queue waiting")
    if settings.payouts.rail not in ("file", "stripe"):
        found.append(f"payouts.rail must be file or stripe, not {settings.payouts.rail!r}")
    if settings.payouts.rail == "stripe" and not settings.payouts.stripe_keys:
        found.append("payouts.stripe_keys is missing; it pays by Stripe, or set payouts.rail to file")
    if settings.rules.payout_hold_hours < 1:
        found.append("rules.payout_hold_hours must be at least 1; a change of payout method is never paid at once")
    if any(not n.strip().isdigit() for n in settings.rules.reminder_days_after.split(",") if n.strip()):
        found.append("rules.reminder_days_after must be days apart by commas, such as 3,7,14")
    if settings.ledger.charge_url and not settings.ledger.charge_secrets:
        found.append("ledger.charge_secrets is missing; requests to ledger.charge_url are signed with it")
    if settings.ledger.charge_url and not settings.ledger.charge_url.startswith(("https://", "http://127.0.0.1")):
        found.append("ledger.charge_url must begin with https://")
    if settings.salesforce:
        found += _salesforce(settings.salesforce)
    if settings.chat and not settings.web.secrets:
        found.append("web.secrets is missing; it signs links and visitor ids (any 32 random characters)")
    return found


def _salesforce(crm: Salesforce) -> Iterator[str]:
    if not crm.client_secrets and not crm.private_keys:
        yield "salesforce.client_secrets is missing; set it, or private_keys and username for the JWT flow (docs/crm.md)"
    if crm.private_keys and not crm.username:
        yield "salesforce.username is missing; with private_keys it names the user that the app acts as"
    address = urlsplit(crm.login_url)
    local = address.scheme == "http" and address.hostname in ("127.0.0.1", "localhost", "::1")
    if not local and (address.scheme != "https" or not address.hostname):
        yield "salesforce.login_url must be your My Domain, https://yourcompany.my.salesforce.com"
    if not re.fullmatch(r"\d{2,3}\.0", crm.api_version):
        yield 'salesforce.api_version must look like "64.0"'
    for key in ("case_field", "conversation_field", "author_field"):
        name = getattr(crm, key)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,79}", name) and (name or key != "author_field"):
            yield f"salesforce.{key} must be the API name of a field, like Inbox_Case__c"
    if len(crm.statuses) != 4:
        yield "salesforce.statuses must be four: open, claimed, back at the bot, resolved"
    if len(crm.priorities) != 3:
        yield "salesforce.priorities must be three: high, normal, low"
    if not 1 <= crm.timeout_seconds <= 30:
        yield "salesforce.timeout_seconds must be 1 to 30"


def _overlay(data: dict[str, Any], env: Mapping[str, str], problems: list[str]) -> None:
    for key, value in env.items():
        if not key.startswith(PREFIX) or key == PREFIX + "CONFIG":
            continue
        section, _, name = key[len(PREFIX) :].lower().partition("__")
        if not name:
            data[section] = value
        elif isinstance(data.setdefault(section, {}), dict):
            data[section][name] = value
        else:
            problems.append(f"{key} sets a part of {section!r}, which is not a section")


def _build(cls: type[T], data: Mapping[str, Any], where: str, problems: list[str]) -> T | None:
    hints = get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]  # every section is a dataclass
    values: dict[str, Any] = {}
    before = len(problems)
    problems += [f"{where}{key} is not a known setting" for key in data if key not in fields]
    for name, spec in fields.items():
        if name in data:
            values[name] = _value(hints[name], data[name], f"{where}{name}", problems)
        elif spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING:
            problems.append(f"{where}{name} is missing")
    return cls(**values) if len(problems) == before else None


def _value(hint: Any, raw: Any, where: str, problems: list[str]) -> Any:
    if isinstance(hint, types.UnionType):
        hint = next(a for a in get_args(hint) if a is not type(None))
    if dataclasses.is_dataclass(hint):
        if isinstance(raw, Mapping):
            return _build(typing.cast("type[Any]", hint), raw, f"{where}.", problems)
        problems.append(f"{where} must be a section, [{where}]")
        return None
    if get_origin(hint) is tuple:
        items = raw.split(",") if isinstance(raw, str) else raw
        if isinstance(items, list) and all(isinstance(i, str) for i in items):
            return tuple(i.strip() for i in items if i.strip())
        problems.append(f"{where} must be a list of texts")
        return ()
    if hint is bool:
        if isinstance(raw, bool) or str(raw).lower() in ("true", "false", "1", "0", "yes", "no"):
            return raw if isinstance(raw, bool) else str(raw).lower() in ("true", "1", "yes")
        problems.append(f"{where} must be true or false")
    elif hint is int:
        try:
            return int(raw)
        except (TypeError, ValueError):
            problems.append(f"{where} must be a whole number")
    elif isinstance(raw, str):
        return raw
    else:
        problems.append(f"{where} must be a text")
    return None
