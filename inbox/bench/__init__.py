"""``inbox bench``: speed and memory as ratios against a limit measured in the same run."""

from inbox.bench.suite import run, text

__all__ = ["run", "text"]
