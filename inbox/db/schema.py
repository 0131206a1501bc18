"""The whole schema: importing this module knows every table of the product."""

from inbox.accounts import tables as _ledger
from inbox.db import identity as _identity
from inbox.db.tables import metadata
from inbox.payouts import tables as _payouts

__all__ = ["metadata"]
_ = _ledger, _identity, _payouts
