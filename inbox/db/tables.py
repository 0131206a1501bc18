"""Every table of the inbox, on one page. Money is whole minor units, ``*_at`` are microseconds since 1970 (UTC),
``*_on`` ISO dates, JSON is text. No column needs a type processor, so hot statements run on the driver directly.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text(f"'{default}'"))


def _int(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text(str(default)))


# --- people and talk -------------------------------------------------------------------------------------------------

contacts = Table(
    "contacts",
    metadata,
    Column("id", Text, primary_key=True),
    _text("account_source"),
    _text("account_id"),  # proven or matched owner of an account; "" = unknown person
    _text("name"),
    _text("language"),
    _text("timezone"),
    _int("created_at"),
    Index("ix_contacts_account", "account_source", "account_id", unique=True,
          sqlite_where=text("account_id <> ''"), postgresql_where=text("account_id <> ''")),
)  # fmt: skip

contact_points = Table(
    "contact_points",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("contact_id", Text, ForeignKey("contacts.id"), nullable=False, index=True),
    _int("created_at"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    _text("scope", "all_outbound"),
    _text("reason", "opt_out"),  # opt_out | invalid | complaint
    _text("message_id"),
    _int("created_at"),
    _int("lifted_at"),  # 0 = in force
    Index("ix_suppressions_point", "kind", "value"),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("contact_id", Text, ForeignKey("contacts.id"), nullable=False),
    _text("status", "pending"),  # pending | open | snoozed | resolved
    _text("channel"),  # of the last inbound message
    _text("subject"),
    _text("language"),
    _text("topic"),  # intent of the last answer
    _text("owner"),  # staff id while a person owns it, "bot" otherwise
    _int("version"),  # grows with every change of owner or status
    _text("context", "{}"),  # what we asked last and its options
    _int("proof_level"),  # raised by a one-time code; 0 unless proven here
    _text("proof_point"),  # the address it was proven for, "phone:+1…"
    _int("proof_at"),
    _text("proof_account"),  # "source:id": proven for an account that is not the contact's (a shared address)
    _text("proof_authority"),  # "email:…": proven for the person whose authorisation names this address
    _int("opened_at"),
    _int("last_message_at"),
    _int("resolved_at"),
    _text("outcome"),
    Index("ix_conversations_live", "contact_id", unique=True,
          sqlite_where=text("status <> 'resolved'"), postgresql_where=text("status <> 'resolved'")),
    Index("ix_conversations_contact", "contact_id", "opened_at"),
    Index("ix_conversations_queue", "status", "opened_at",
          sqlite_where=text("status IN ('open','snoozed')"), postgresql_where=text("status IN ('open','snoozed')")),
)  # fmt: skip

messages = Table(
    "messages",
    metadata,
    Column("id", Text, primary_key=True),
    Column("conversation_id", Text, ForeignKey("conversations.id"), nullable=False),
    _text("contact_id"),
    Column("direction", Text, nullable=False),  # inbound | outbound
    Column("channel", Text, nullable=False),
    Column("source_id", Text),  # provider's id of an inbound message; null for outbound
    _text("author", "author"),  # author | bot | agent | system
    _text("author_name"),
    _text("kind", "text"),
    _text("address"),  # inbound: sender, outbound: recipient; "phone:+1…"
    _text("recipient"),
    _text("proof", "none"),
    _text("subject"),
    _text("text"),
    _text("html"),
    _text("language"),
    _text("status"),  # outbound: DeliveryStatus; inbound: received | decided | parked
    _text("status_code"),
    _text("status_detail"),
    Column("provider_id", Text),
    _text("reply_to"),  # outbound: the inbound message it answers
    _text("thread", "{}"),  # message_id, in_reply_to, references, keys
    _text("parts", "[]"),  # outbound: answers with template version and facts
    _text("masked", "[]"),  # kinds and counts of what was masked
    _text("meta", "{}"),
    _text("attachments", "[]"),
    _text("raw"),  # provider payload, masked
    _int("received_at"),
    _int("created_at"),
    UniqueConstraint("channel", "source_id", name="uq_messages_source"),
    Index("ix_messages_conversation", "conversation_id", "id"),
    Index("ix_messages_chat", "address", "id", sqlite_where=text("channel = 'chat'"), postgresql_where=text("channel = 'chat'")),
    Index("ix_messages_provider", "provider_id", unique=True,
          sqlite_where=text("provider_id IS NOT NULL"), postgresql_where=text("provider_id IS NOT NULL")),
    Index("ix_messages_undelivered", "id",
          sqlite_where=text("direction = 'outbound' AND status IN ('failed','undelivered','uncertain')"),
          postgresql_where=text("direction = 'outbound' AND status IN ('failed','undelivered','uncertain')")),
)  # fmt: skip

thread_keys = Table(
    "thread_keys",
    metadata,
    Column("key", Text, primary_key=True),  # a Message-ID, without angle brackets
    Column("conversation_id", Text, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("message_id", Text, primary_key=True),  # the inbound message
    Column("conversation_id", Text, nullable=False),
    Column("route", Text, nullable=False),
    _text("intent"),
    _text("reply_kind"),
    _text("severity", "low"),
    _text("record", "{}"),  # candidates, entities, level, facts, reason
    _int("created_at"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("n", Integer, primary_key=True),
    _int("started_at"),
    _int("ended_at"),  # 0 = no outcome known
    _text("outcome"),  # sent | transient | permanent | uncertain
    _text("detail"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    _text("reason"),
    _text("raw"),  # masked text of what came, bounded
    _int("created_at"),
    _int("settled_at"),
    UniqueConstraint("channel", "source_id", name="uq_quarantine_source"),
)

cursors = Table("cursors", metadata, Column("name", Text, primary_key=True), _text("value"))

# --- identity ---------------------------------------------------------------------------------------------------------

codes = Table(
    "codes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    _text("asked_from"),  # the address that asks: the proof is bound to it
    _text("account_source"),
    _text("account_id"),
    _text(
        "authority"
    ),  # the address of an authorised person; then no account is named: what they may hear is asked later
    _text("sent_to"),
    _text("purpose", "read"),
    _int("created_at"),
    _int("expires_at"),
    _int("tries"),
    _text("status", "open"),  # open | used | failed | replaced
    Index("ix_codes_conversation", "conversation_id", "id"),
)

code_locks = Table(
    "code_locks",
    metadata,
    Column("subject", Text, primary_key=True),
    _int("until"),
    _int("failures"),
    _int("sent"),
    _int("since"),
)

links = Table(
    "links",
    metadata,
    Column("hash", Text, primary_key=True),  # SHA-256 of the token; the token itself is only in the message
    Column("kind", Text, nullable=False),  # pay | update_method | document | tax_form
    _text("account_source"),
    _text("account_id"),
    _text("conversation_id"),
    _text("data", "{}"),
    _int("created_at"),
    _int("expires_at"),
    _int("used_at"),
)

# --- people helping ---------------------------------------------------------------------------------------------------

handoffs = Table(
    "handoffs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("conversation_id", Text, nullable=False),
    _text("contact_id"),
    Column("reason", Text, nullable=False),
    _text("severity", "normal"),
    _text("status", "open"),  # open | claimed | returned | resolved
    _text("owner"),  # staff id
    _text("owner_name"),
    _text("facts", "{}"),  # what is contested: ids, amounts, quote
    _text("outcome"),
    _int("version"),
    _text("desk"),
    _text("desk_channel"),
    _text("desk_ts"),
    _int("posted_version", -1),
    _int("opened_at"),
    _int("due_at"),
    _int("claimed_at"),
    _int("first_reply_at"),
    _int("closed_at"),
    Index("ix_handoffs_live", "conversation_id", unique=True,
          sqlite_where=text("status IN ('open','claimed')"), postgresql_where=text("status IN ('open','claimed')")),
    Index("ix_handoffs_conversation", "conversation_id", "number"),
    Index("ix_handoffs_thread", "desk", "desk_channel", "desk_ts"),
    Index("ix_handoffs_queue", "due_at",
          sqlite_where=text("status IN ('open','claimed')"), postgresql_where=text("status IN ('open','claimed')")),
)  # fmt: skip

notes = Table(
    "notes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    _int("case"),
    _text("author_name"),
    _text("text"),
    _int("created_at"),
    Index("ix_notes_conversation", "conversation_id", "id"),
)

desk_events = Table(
    "desk_events",
    metadata,
    Column("source_id", Text, primary_key=True),
    _text("kind"),
    _int("case"),
    _text("actor_id"),
    _text("result", "{}"),
    _int("created_at"),
)

crm_records = Table(
    "crm_records",
    metadata,
    Column("book", Text, primary_key=True),  # "salesforce"
    Column("subject", Text, primary_key=True),  # "case:1041", "talk:01J9…" (a conversation)
    _text("remote_id"),
    _text("url"),
    _text("digest"),  # of what was written last
    _text("person_id"),  # whom it was linked to
    _int("matches"),  # people there under the author's addresses, where it was not clear who they are
    _int("filed_at"),
)

holds = Table(
    "holds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    _text("invoice_id"),  # "" = everything
    Column("reason", Text, nullable=False),
    _text("conversation_id"),
    _int("case"),
    _int("created_at"),
    _int("until"),  # 0 = until lifted
    _int("lifted_at"),
    Index("ix_holds_account", "account_id"),
)

preferences = Table(
    "preferences",
    metadata,
    Column("contact_id", Text, primary_key=True),
    _text("channel"),
    _text("not_before"),
    _text("not_after"),
    _text("words"),
    _int("created_at"),
)

# --- staff and governance ---------------------------------------------------------------------------------------------

staff = Table(
    "staff",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    _text("name"),
    _text("role", "agent"),  # agent | supervisor
    _text("password_hash"),
    _text("slack_user_id"),
    _int("created_at"),
    _int("disabled_at"),
    Index("ix_staff_slack", "slack_user_id"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("staff_id", Text, ForeignKey("staff.id"), nullable=False, index=True),
    _text("csrf"),
    _text("client"),
    _int("created_at"),
    _int("expires_at"),
    _int("revoked_at"),
)

template_versions = Table(
    "template_versions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("answer", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    _text("bundle", "{}"),  # {"subject": …, "email": …, "sms": …, "chat": …, "voice": …}
    _text("status", "draft"),  # draft | approved | suspended | retired
    _text("author"),
    _text("decided_by"),
    _text("reason"),
    _int("created_at"),
    _int("decided_at"),
    UniqueConstraint("answer", "language", "version", name="uq_template_versions_version"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", Text, primary_key=True),
    Column("message_id", Text, nullable=False, index=True),  # the automated reply
    Column("verdict", Text, nullable=False),  # right | wrong
    _text("reason"),
    _text("reviewer"),
    _int("created_at"),
)

# --- machinery --------------------------------------------------------------------------------------------------------

jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("lane", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("lock", Text, nullable=False),
    _text("payload", "{}"),
    _int("run_at"),
    _int("attempts"),
    _int("lease_until"),
    _int("fence"),
    _text("error"),
    _int("created_at"),
    Index("ix_jobs_lane", "lane", "run_at", "id"),
    Index("ix_jobs_lock", "lock", "id"),
)

parked_jobs = Table(
    "parked_jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("lane", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("lock", Text, nullable=False),
    _text("payload", "{}"),
    _int("attempts"),
    _text("error"),
    _int("created_at"),
    _int("parked_at"),
)

events = Table(
    "events",
    metadata,
    Column("stream", Text, primary_key=True),  # a conversation id, or "staff", "templates", "security"
    Column("seq", BigInteger, primary_key=True),
    _int("at"),
    Column("type", Text, nullable=False),  # past tense with a dot: "handoff.claimed"
    _text("actor"),
    _text("data", "{}"),
    _text("prev"),
    _text("hash"),
    sqlite_with_rowid=False,
)
