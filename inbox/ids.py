"""Keys that grow with time: ULIDs (48 bits of milliseconds, 80 bits of randomness), sortable as text."""

from __future__ import annotations

import os
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A new key, 26 characters, greater than every earlier one of this process."""
    global _last
    with _lock:
        value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
        if value >> 80 <= _last >> 80:
            value = _last + 1  # same millisecond, or the clock stepped back: keep the order
        _last = value
    return "".join([_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5)])
