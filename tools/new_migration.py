"""Write the next migration from what changed in the tables: ``python tools/new_migration.py "words of the change"``."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from inbox.db import migrate


def main(words: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/scratch.db"
        if migrate.head():
            migrate.upgrade(url)
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
            config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            config.attributes["connection"] = connection
            number = f"{int(migrate.head() or 0) + 1:04d}"
            command.revision(config, re.sub(r"\W+", " ", words), autogenerate=True, rev_id=number)


if __name__ == "__main__":
    main(sys.argv[1])
