"""Plays dialogue files through the real pipeline, with a set clock and fake far ends, and checks every expectation."""

from inbox.simulate.playing import play

__all__ = ["play"]
