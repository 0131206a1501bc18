"""How we log in to a mail server: a password, or an access token that a command prints (XOAUTH2)."""

from __future__ import annotations

import shlex
import ssl
import subprocess
import threading
from dataclasses import dataclass, field

from inbox.errors import Transient

_COMMAND_SECONDS = 30.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(slots=True)
class TokenCommand:
    """The token that ``email.oauth_token_command`` prints, kept until a server refuses it. For any thread."""

    command: str
    _token: str = field(default="", repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def token(self) -> str:
        """The access token. Raises ``Transient`` if the command fails."""
        with self._lock:
            if not self._token:
                self._token = _printed(self.command)
            return self._token

    def refuse(self, token: str) -> None:
        """A server did not take this token: the next call asks the command again."""
        with self._lock:
            if self._token == token:
                self._token = ""


def tls_context(mode: str, host: str, what: str) -> ssl.SSLContext | None:
    """None for no encryption, which is allowed on this machine only. Raises ``Transient`` that names the setting."""
    if mode in ("implicit", "starttls"):
        return ssl.create_default_context()
    if mode == "none" and host in _LOOPBACK:
        return None
    raise Transient(f"email.{what}_tls is {mode!r} for {host}; use implicit or starttls (none only on this machine)")


def _printed(command: str) -> str:
    try:
        done = subprocess.run(  # the operator's own command from the settings
            shlex.split(command), capture_output=True, timeout=_COMMAND_SECONDS, check=True, text=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        # Not the command's output: it may hold the token.
        raise Transient(
            f"email.oauth_token_command failed ({type(error).__name__}); run it by hand to see why"
        ) from None
    token = done.stdout.strip()
    if not token or len(token.split()) != 1:
        raise Transient("email.oauth_token_command must print one access token and nothing else")
    return token
