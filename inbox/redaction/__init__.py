"""Masking of card, bank and identity numbers and passwords. Pure; runs before anything is stored."""

from inbox.redaction.masking import mask, mask_codes, mask_json
from inbox.redaction.page import Masked, Redaction

__all__ = ["Masked", "Redaction", "mask", "mask_codes", "mask_json"]
