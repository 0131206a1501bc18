"""The embedded ledger's tables, on the inbox's own ``metadata``: money in whole minor units of ``currency``, ``*_on`` ISO
dates ("" = none), ``*_at`` microseconds since 1970 (0 = none), JSON as text.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, text

from inbox.db.tables import metadata


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text(f"'{default}'"))


def _int(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text(str(default)))


def _author() -> Column[str]:
    return Column("author_id", Text, ForeignKey("ledger_authors.id", ondelete="CASCADE"), nullable=False, index=True)


authors = Table(
    "ledger_authors",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    _text("name_key"),  # first and last word, folded: how a name in a text is found (inbox/disclosure/names.py)
    _text("name_key2"),  # first and last but one, "" if there is none
    _text("email"),  # lower case
    _text("phone"),  # E.164
    _int("phone_new_until"),  # a number that the billing system changed is not called for a change of payouts before
    _int("rests_until"),  # payouts rest until then, because a billing system or a file changed a contact
    _text("timezone", "UTC"),
    _text("language", "en"),
    _text("region"),
    _text("currency", "USD"),
    _text("flags", "[]"),
    _text("consents", "{}"),
    _text("billing"),  # who is the truth for what they owe: "stripe:cus_9", "" = this ledger
    _int("revision"),  # a random number, new with every change of anything below this author: names one content exactly
    _int("as_of"),  # of the last change
    Index("ix_ledger_authors_email", "email"),
    Index("ix_ledger_authors_phone", "phone"),
    Index("ix_ledger_authors_name_key", "name_key"),
    Index("ix_ledger_authors_name_key2", "name_key2"),
)

titles = Table(
    "ledger_titles",
    metadata,
    Column("author_id", Text, ForeignKey("ledger_authors.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("title", Text, nullable=False),
)

invoices = Table(
    "ledger_invoices",
    metadata,
    Column("id", Text, primary_key=True),
    _author(),
    _text("description"),
    _text("issued_on"),
    _text("due_on"),
    _int("total"),
    _int("credited"),  # sum of its credit notes; what it comes to is total - credited
    _int("paid"),
    _text("status", "open"),  # open | paid | void
)

credit_notes = Table(
    "ledger_credits",
    metadata,
    Column("id", Text, primary_key=True),
    _author(),
    Column("invoice_id", Text, ForeignKey("ledger_invoices.id", ondelete="CASCADE"), nullable=False),
    _int("amount"),
    _int("applied"),  # the part that lowered the balance; the rest is owed to the author
    _text("given_by"),
    _int("created_at"),
)

plans = Table(
    "ledger_plans",
    metadata,
    Column("id", Text, primary_key=True),
    _author(),
    Column("invoice_id", Text, ForeignKey("ledger_invoices.id", ondelete="CASCADE"), nullable=False),
    _text("next_retry_on"),
    _text("approved_by"),
    _text("status", "active"),  # active | replaced
    _int("moves"),  # how often its due dates were moved
)

instalments = Table(
    "ledger_instalments",
    metadata,
    Column("plan_id", Text, ForeignKey("ledger_plans.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    _author(),
    _text("due_on"),
    _int("amount"),
    _int("paid"),  # a part payment covers the oldest instalment in part
    _text("status", "scheduled"),  # paid | scheduled | failed
)

payments = Table(
    "ledger_payments",
    metadata,
    Column("id", Text, primary_key=True),
    _author(),
    _text("invoice_id"),  # no foreign key: a payment may be older than the invoices we keep
    _text("on"),
    _int("amount"),
    _int("applied"),  # the part that lowered the invoice's balance; the rest is money too much
    _text("method"),  # masked
    _text("status"),  # succeeded | pending | failed | refunded
    _text("decline_code"),
)

charges = Table(  # tries to take money for an invoice, to come, running and past
    "ledger_charges",
    metadata,
    Column("id", Text, primary_key=True),  # also the key that makes a repeated request to the provider harmless
    _author(),
    _text("invoice_id"),
    _int("amount"),  # asked for; of a scheduled one, as it was when it was scheduled
    _text("kind", "retry"),  # autopay | retry | manual
    _text("method_id"),  # "" = the author chooses on the payment page
    _int("try_number", 1),  # 1 = the first on this method
    _text("first_failed_on"),  # the day from which further tries are counted
    _text("state", "scheduled"),  # scheduled | running | succeeded | failed | cancelled | stopped
    _text("run_on"),
    _text("payment_id"),
    _text("reason"),  # why it was cancelled or stopped, or the decline code
    _int("created_at"),
    _int("updated_at"),
    # At most one try of an invoice is to come or under way: a person's payment and a retry can never both run.
    Index("uq_ledger_charges_live", "author_id", "invoice_id", unique=True,
          sqlite_where=text("state IN ('scheduled','running')"), postgresql_where=text("state IN ('scheduled','running')")),
    Index("ix_ledger_charges_payment", "payment_id"),
)  # fmt: skip

payment_methods = Table(
    "ledger_payment_methods",
    metadata,
    Column("author_id", Text, ForeignKey("ledger_authors.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Text, primary_key=True),
    _text("type", "card"),
    _text("brand"),
    _text("last4"),
    _text("expires"),
    _int("is_default"),
    _text("status", "active"),
)

royalties = Table(
    "ledger_royalties",
    metadata,
    Column("author_id", Text, ForeignKey("ledger_authors.id", ondelete="CASCADE"), primary_key=True),
    _text("currency", "USD"),
    _int("available"),
    _int("pending"),
    _int("returns_reserve"),
    _int("threshold"),
    _text("next_run_on"),
    _text("tax_form"),
    _text("tax_form_status"),
    _text("payout_method"),  # masked
    _int("hold_until"),  # microseconds, 0 = no hold
    _int("payout_checked_at"),  # when people last checked the payout method with the author
)

withdrawals = Table(
    "ledger_withdrawals",
    metadata,
    Column("id", Text, primary_key=True),
    _author(),
    _int("amount"),
    _text("requested_on"),
    _text("status", "requested"),  # requested | in_review | held | sent | paid | returned
    _text("expected_on"),
    _text("paid_on"),
    _text("reason"),
    # Of those that were asked for here; an import leaves them alone.
    _text("destination"),  # masked, as the author confirmed it
    _text("conversation_id"),
    _text("confirmation"),  # the one-time code that confirmed it: one code, one withdrawal
    _text("held_from"),  # the state a release goes back to
    _text("sent_on"),
    _int("changed_at"),  # of the last change of state
    Index(
        "ix_ledger_withdrawals_confirmation", "confirmation", unique=True,
        sqlite_where=text("confirmation <> ''"), postgresql_where=text("confirmation <> ''"),
    ),
    Index(
        "ix_ledger_withdrawals_open", "status", "requested_on",
        sqlite_where=text("confirmation <> '' AND status IN ('requested','in_review','held','sent')"),
        postgresql_where=text("confirmation <> '' AND status IN ('requested','in_review','held','sent')"),
    ),
)  # fmt: skip

refunds = Table(
    "ledger_refunds",
    metadata,
    Column("id", Text, primary_key=True),
    _author(),
    _text("invoice_id"),
    _text("payment_id"),
    _int("amount"),
    _text("status", "approved"),  # approved | pending | paid | failed
    _text("approved_on"),
    _text("method"),
    _text("expected"),
)

disputes = Table(
    "ledger_disputes",
    metadata,
    Column("id", Text, primary_key=True),
    _author(),
    _text("invoice_id"),
    _text("payment_id"),
    _int("amount"),
    _text("reason"),
    _text("network"),
    _text("opened_on"),
    _text("respond_by"),
    _text("status", "needs_response"),
)

promises = Table(
    "ledger_promises",
    metadata,
    Column("id", Text, primary_key=True),
    _author(),
    _text("invoice_id"),
    _int("amount"),
    _text("on"),
    _text("status", "open"),  # open | kept | broken | replaced
    _text("made_on"),
    _text("words"),
    _text("approved_by"),
)

contact_log = Table(
    "ledger_contact_log",
    metadata,
    Column("author_id", Text, ForeignKey("ledger_authors.id", ondelete="CASCADE"), primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("channel", Text, primary_key=True),
    _text("outcome"),
)

# --- copies of accounts at other systems --------------------------------------------------------------------------------

mirrors = Table(
    "account_mirrors",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("author_id", Text, ForeignKey("ledger_authors.id", ondelete="CASCADE"), nullable=False, index=True),
    _int("owns_author"),  # 1 = the author is known from there alone: name and addresses follow it
    _text("body"),  # the whole account, see ``accounts.frozen``; "" = never read
    _int("as_of"),  # when the reading began
    _int("changed_at"),  # the source said since that something changed
    _int("failed_at"),  # of the last reading that failed
    _int("gone_at"),  # the source no longer has it
    _text("problem"),  # of the last failure, in words
)

mirrored_records = Table(
    "mirrored_records",
    metadata,
    Column("id", Text, primary_key=True),  # of a record in a copy, so that it is known whose it is
    Column("source", Text, primary_key=True),
    _author(),
    _text("kind"),  # invoice | payment | refund | dispute
)

source_events = Table(
    "source_events",
    metadata,
    Column("id", Text, primary_key=True),  # "stripe:evt_1" came in; "stripe:dp_1:opened" was acted upon
    _text("type"),
    _text("account_id"),
    _int("created_at"),
)

lookups = Table(
    "source_lookups",
    metadata,
    Column("point", Text, primary_key=True),  # "phone:+1…": a stranger's address that was looked for at the source
    _int("at"),
)
