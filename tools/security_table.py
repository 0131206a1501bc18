"""Write the levels and the table into ``docs/security.md``, as the program has them: ``python tools/security_table.py``."""

from __future__ import annotations

from pathlib import Path

from inbox.disclosure.document import put_into

DOCUMENT = Path(__file__).parent.parent / "docs" / "security.md"

if __name__ == "__main__":
    DOCUMENT.write_text(put_into(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
