"""The queue: one table in the same database, so a decision, its reply and its job commit together.

Jobs of one ``lock`` run in the order of their ids and never two at once. A *lane* is a kind of work with workers of its
own (``triage``, ``deliver:sms``, ``desk``), so that a dead provider holds up nobody else. A claim is a lease with a
fencing number: whoever lost the lease cannot finish the job. Finished jobs are deleted; hopeless ones are parked, where
a person can look and retry.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inbox import jsontext
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import jobs, parked_jobs
from inbox.errors import Conflict, NotFound
from inbox.ids import new_id

MAX_ATTEMPTS = 8
_FIRST_WAIT = 2.0  # seconds before the second attempt; doubles each time
_LONGEST_WAIT = 900.0

b = sa.bindparam
_earlier = jobs.alias("earlier")
_ADD = insert(jobs, "id", "lane", "kind", "lock", "payload", "run_at", "created_at")
_ADD_AGAIN = insert(jobs, "id", "lane", "kind", "lock", "payload", "run_at", "attempts", "created_at")
_CLAIM = Sql(
    sa.select(jobs)
    .where(
        jobs.c.lane == b("lane"),
        jobs.c.run_at <= b("now"),
        jobs.c.lease_until <= b("now"),
        ~sa.exists().where(_earlier.c.lock == jobs.c.lock, _earlier.c.id < jobs.c.id),
    )
    .order_by(jobs.c.run_at, jobs.c.id)
    .limit(b("limit"))
    .with_for_update(skip_locked=True, of=jobs)
)
_LEASE = Sql(
    sa.update(jobs)
    .where(jobs.c.id == b("job"))
    .values(lease_until=b("until"), fence=jobs.c.fence + 1, attempts=jobs.c.attempts + 1)
)
_RENEW = Sql(sa.update(jobs).where(jobs.c.id == b("job"), jobs.c.fence == b("held")).values(lease_until=b("until")))
_FINISH = Sql(sa.delete(jobs).where(jobs.c.id == b("job"), jobs.c.fence == b("held")))
_RETRY = Sql(
    sa.update(jobs)
    .where(jobs.c.id == b("job"), jobs.c.fence == b("held"))
    .values(run_at=b("at"), lease_until=0, error=b("why"), attempts=b("tried"))
)
_GET = Sql(sa.select(jobs).where(jobs.c.id == b("job")))
_DROP = Sql(sa.delete(jobs).where(jobs.c.id == b("job")))
_PARK = insert(parked_jobs, "id", "lane", "kind", "lock", "payload", "attempts", "error", "created_at", "parked_at")
_PARKED = Sql(sa.select(parked_jobs).order_by(parked_jobs.c.id).limit(b("limit")))
_PARKED_ONE = Sql(sa.select(parked_jobs).where(parked_jobs.c.id == b("job")))
_UNPARK = Sql(sa.delete(parked_jobs).where(parked_jobs.c.id == b("job")))
_WAITING = Sql(sa.select(jobs.c.id).where(jobs.c.lock == b("lock")).limit(1))
_SAME_WAITING = Sql(
    sa.select(jobs.c.id)
    .where(jobs.c.lock == b("lock"), jobs.c.lane == b("lane"), jobs.c.kind == b("kind"), jobs.c.lease_until <= b("now"))
    .limit(1)
)
_DEPTH = Sql(
    sa.select(jobs.c.lane, sa.func.count().label("n"), sa.func.min(jobs.c.run_at).label("oldest")).group_by(jobs.c.lane)
)
_LATE = Sql(
    sa.select(
        jobs.c.lane, sa.func.count().label("n"), sa.func.min(jobs.c.created_at).label("since"),
        sa.func.max(jobs.c.error).label("error"),
    )
    .where(jobs.c.attempts >= b("tries"), jobs.c.error != "")
    .group_by(jobs.c.lane)
    .order_by(jobs.c.lane)
)  # fmt: skip
_NEXT = Sql(
    sa.select(sa.func.min(jobs.c.run_at).label("at")).where(jobs.c.lane == b("lane"), jobs.c.lease_until <= b("now"))
)


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    lane: str
    kind: str
    lock: str
    payload: dict[str, Any]
    attempts: int  # this one included
    fence: int


def enqueue(
    tx: Tx, lane: str, kind: str, lock: str, at: datetime, *, run_at: datetime | None = None, **payload: Any
) -> str:
    """Add a job in the caller's transaction and wake the lane after its commit."""
    job = new_id()
    tx.run(
        _ADD, id=job, lane=lane, kind=kind, lock=lock, payload=jsontext.dumps(payload),
        run_at=to_micros(run_at or at), created_at=to_micros(at),
    )  # fmt: skip
    tx.wake(f"lane:{lane}")
    return job


def claim(tx: Tx, lane: str, now: datetime, *, limit: int = 1, lease: timedelta = timedelta(seconds=60)) -> list[Job]:
    """Lease up to ``limit`` jobs whose turn it is."""
    micros, until = to_micros(now), to_micros(now + lease)
    found = []
    for row in tx.all(_CLAIM, lane=lane, now=micros, limit=limit):
        tx.run(_LEASE, job=row["id"], until=until)
        found.append(_job(row, attempts=row["attempts"] + 1, fence=row["fence"] + 1))
    return found


def renew(tx: Tx, job: Job, now: datetime, lease: timedelta = timedelta(seconds=60)) -> bool:
    """Keep the lease; False if it was lost."""
    return tx.run(_RENEW, job=job.id, held=job.fence, until=to_micros(now + lease)) == 1


def finish(tx: Tx, job: Job) -> None:
    """Done. Raises ``Conflict`` if the lease was lost: then nothing of this transaction may stand."""
    if tx.run(_FINISH, job=job.id, held=job.fence) == 0:
        raise Conflict(f"the lease of job {job.id} was lost")
    tx.wake(f"lane:{job.lane}")


def retry(tx: Tx, job: Job, now: datetime, error: str, *, wait: float | None = None, free: bool = False) -> bool:
    """Try again later, or park after ``MAX_ATTEMPTS``; True if parked. ``free`` does not count this attempt."""
    if job.attempts >= MAX_ATTEMPTS and not free:
        park(tx, job, now, error)
        return True
    pause = wait if wait is not None else backoff(job.attempts)
    at = to_micros(now + timedelta(seconds=pause))
    tried = job.attempts - 1 if free else job.attempts
    if tx.run(_RETRY, job=job.id, held=job.fence, at=at, why=error[:2000], tried=tried) == 0:
        raise Conflict(f"the lease of job {job.id} was lost")
    return False


def backoff(attempt: int) -> float:
    """Seconds to wait after the n-th attempt: doubling, with jitter so that many do not come back at once."""
    ceiling = min(_FIRST_WAIT * 2.0 ** (attempt - 1), _LONGEST_WAIT)
    return ceiling * random.uniform(0.5, 1.0)


def lease_again(tx: Tx, job: Job, now: datetime) -> Job | None:
    """Claim a job whose claim was rolled back with its work; None if somebody else has or had it."""
    row = tx.one(_GET, job=job.id)
    if row is None or row["lease_until"] > to_micros(now):
        return None
    tx.run(_LEASE, job=job.id, until=to_micros(now + timedelta(seconds=60)))
    return _job(row, attempts=row["attempts"] + 1, fence=row["fence"] + 1)


def park(tx: Tx, job: Job, now: datetime, error: str) -> None:
    """Take it out of the queue for a person to look at; the jobs behind it go on."""
    row = tx.one(_GET, job=job.id)
    if row is None or row["fence"] != job.fence:
        raise Conflict(f"the lease of job {job.id} was lost")
    tx.run(_DROP, job=job.id)
    tx.run(
        _PARK, id=job.id, lane=job.lane, kind=job.kind, lock=job.lock, payload=row["payload"], attempts=job.attempts,
        error=error[:2000], created_at=row["created_at"], parked_at=to_micros(now),
    )  # fmt: skip
    tx.wake(f"lane:{job.lane}")


def unpark(tx: Tx, job_id: str, now: datetime) -> None:
    """A person says: try it again. Raises ``NotFound``."""
    row = tx.one(_PARKED_ONE, job=job_id)
    if row is None:
        raise NotFound(f"there is no parked job {job_id}")
    tx.run(_UNPARK, job=job_id)
    tx.run(  # not as a first attempt: there may be traces of the earlier ones
        _ADD_AGAIN, id=row["id"], lane=row["lane"], kind=row["kind"], lock=row["lock"], payload=row["payload"],
        run_at=to_micros(now), attempts=1, created_at=row["created_at"],
    )  # fmt: skip
    tx.wake(f"lane:{row['lane']}")


def parked(tx: Tx, limit: int = 200) -> list[Any]:
    return tx.all(_PARKED, limit=limit)


def is_busy(tx: Tx, lock: str) -> bool:
    """Is any job of this lock still waiting or running?"""
    return tx.one(_WAITING, lock=lock) is not None


def is_waiting(tx: Tx, lane: str, kind: str, lock: str, now: datetime) -> bool:
    """Is there already such a job that nobody has begun?"""
    return tx.one(_SAME_WAITING, lane=lane, kind=kind, lock=lock, now=to_micros(now)) is not None


def depth(tx: Tx) -> dict[str, tuple[int, int]]:
    """Per lane: jobs in it, and when the oldest was due (microseconds)."""
    return {row["lane"]: (row["n"], row["oldest"]) for row in tx.all(_DEPTH)}


def late(tx: Tx, tries: int = 3) -> list[Any]:
    """Per lane: jobs that were tried that often and wait for another try; ``n``, ``since``, one ``error`` of them."""
    return tx.all(_LATE, tries=tries)


def next_due(tx: Tx, lane: str, now: datetime) -> int | None:
    """When the lane's next job is due (microseconds), None if it is empty."""
    row = tx.one(_NEXT, lane=lane, now=to_micros(now))
    return row["at"] if row else None


def _job(row: Any, *, attempts: int, fence: int) -> Job:
    return Job(row["id"], row["lane"], row["kind"], row["lock"], jsontext.loads(row["payload"]), attempts, fence)
