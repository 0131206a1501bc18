"""What Prometheus may read at ``/metrics``."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

REGISTRY = CollectorRegistry()
RECEIVED = Counter("inbox_messages_received", "Inbound messages stored", ["channel"], registry=REGISTRY)
DECIDED = Counter("inbox_decisions", "Decisions by route and reply", ["route", "reply"], registry=REGISTRY)
DELIVERED = Counter("inbox_deliveries", "Delivery attempts by outcome", ["channel", "outcome"], registry=REGISTRY)
FILED = Counter("inbox_crm_writings", "Records written to the CRM by outcome", ["crm", "outcome"], registry=REGISTRY)
PARKED = Counter("inbox_jobs_parked", "Jobs given up and parked", ["lane"], registry=REGISTRY)
QUEUE = Gauge("inbox_queue_jobs", "Jobs waiting, by lane", ["lane"], registry=REGISTRY)
QUEUE_AGE = Gauge("inbox_queue_oldest_seconds", "Age of the oldest due job, by lane", ["lane"], registry=REGISTRY)
CASES = Gauge("inbox_cases", "Live cases by status", ["status"], registry=REGISTRY)
COMMITS = Gauge("inbox_store_commits", "Commits of this node", registry=REGISTRY)
UNITS = Gauge("inbox_store_units", "Units of work committed by this node", registry=REGISTRY)


def text() -> bytes:
    return generate_latest(REGISTRY)
