"""Masking of card, bank and identity numbers, passwords and codes. Pure; runs before anything is stored."""

from inbox.redaction.encoded import mask_encoded
from inbox.redaction.glyphs import plain
from inbox.redaction.joined import Piece, is_open, mask_joined, may_go_on
from inbox.redaction.masking import codes_in, mask, mask_codes, mask_given, mask_json
from inbox.redaction.page import Masked, Redaction

__all__ = [
    "Masked",
    "Piece",
    "Redaction",
    "codes_in",
    "is_open",
    "mask",
    "mask_codes",
    "mask_encoded",
    "mask_given",
    "mask_joined",
    "mask_json",
    "may_go_on",
    "plain",
]
