"""Real mail servers on loopback: Dovecot (IMAP, IDLE, XOAUTH2) over a maildir, and aiosmtpd as the SMTP side."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from aiohttp import web
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from inbox.channels.email import EmailChannel
from inbox.fakes import RecordingIntake
from inbox.settings import Email

USER = "help@larkmoor.example"
PASSWORD = "imap-password-for-tests"
START_SECONDS = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def email_settings(**changes) -> Email:
    """Settings without any server behind them; tests that need one say which ports."""
    given = {
        "address": USER,
        "imap_host": "127.0.0.1",
        "imap_port": 9,
        "imap_tls": "none",
        "imap_password": (PASSWORD,),
        "smtp_host": "127.0.0.1",
        "smtp_port": 9,
        "smtp_tls": "none",
        "reply_secrets": ("first-secret-for-tests", "second-secret-for-tests"),
    }
    return Email(**{**given, **changes})


def letter(text: str = "What do I owe?", n: int = 1, **headers: str) -> bytes:
    """A plain mail as it lies in the mailbox; ``message_id=""`` leaves that field out."""
    fields = {
        "From": "Nadia Brook <nadia@brook.example>",
        "To": USER,
        "Subject": "My invoice",
        "Date": "Mon, 23 Nov 2026 10:15:00 -0500",
        "Message-ID": f"<letter-{n}@brook.example>",
        **{name.replace("_", "-").title().replace("-Id", "-ID"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return (head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text.replace("\n", "\r\n") + "\r\n").encode()


@contextlib.asynccontextmanager
async def listening(channel: EmailChannel, intake: RecordingIntake) -> AsyncIterator[None]:
    """The channel follows its mailbox meanwhile."""
    task = asyncio.create_task(channel.listen(intake))
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something that another thread or server brings about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


# IMAP.


@contextlib.contextmanager
def running_dovecot(program: str, introspection: str = "") -> Iterator[Dovecot]:
    """A server in a folder of its own: pytest's folders are closed to the user that Dovecot works as."""
    folder = Path(tempfile.mkdtemp(prefix="inbox-dovecot-"))
    folder.chmod(0o755)
    server = Dovecot(program, folder, introspection)
    try:
        server.start()
        yield server
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)  # a child may still be ending


@dataclass
class Dovecot:
    """One server with one mailbox. ``start`` and ``stop`` may be called in any order."""

    program: str
    folder: Path
    introspection: str = ""  # address that says whether an access token is good
    port: int = field(default_factory=free_port)
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._write()
        command = [self.program, "-F", "-c", str(self.folder / "dovecot.conf")]
        quiet = subprocess.DEVNULL
        self.running = subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client().logout()  # it greets before it can look up users
                return
            except (OSError, IMAPClientError) as error:
                if time.monotonic() > until:
                    raise RuntimeError(f"Dovecot did not start: {(self.folder / 'dovecot.log').read_text()}") from error
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to stop and wait until it is gone: until then it cannot be started again."""
        if self.running is None:
            return
        self.running.terminate()
        try:
            self.running.wait(10)
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.running.wait(10)
        self.running = None

    def end(self) -> None:
        """Stop it and all its children without waiting for anybody."""
        if self.running is not None:
            os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait(10)

    def client(self) -> IMAPClient:
        """A mail program of somebody else, logged in."""
        client = IMAPClient("127.0.0.1", self.port, ssl=False)
        try:
            client.login(USER, PASSWORD)
        except IMAPClientError:
            client.shutdown()
            raise
        return client

    def deliver(self, raw: bytes, folder: str = "INBOX") -> None:
        """As a delivery agent does it: into the maildir, under the server's eyes."""
        with self.client() as client:
            client.append(folder, raw)

    def recreate(self) -> None:
        """Give the mailbox another UIDVALIDITY, as after a restored backup."""
        with self.client() as client:
            client.select_folder("INBOX")
            kept = [client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"] for uid in client.search()]
        self.stop()
        for path in (self.folder / "mail").glob("*/dovecot*"):
            path.unlink()
        for path in (self.folder / "mail").glob("*/cur/*"):
            path.unlink()
        time.sleep(1.1)  # UIDVALIDITY is a number of seconds
        self.start()
        for raw in kept:
            self.deliver(raw)

    def _write(self) -> None:
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir(exist_ok=True)
        user = pwd.getpwuid(os.geteuid()).pw_name
        owner = "nobody" if user == "root" else user  # Dovecot never opens mail as root
        if user == "root":
            shutil.chown(self.folder / "mail", "nobody", "nogroup")
        (self.folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (self.folder / "oauth2.conf").write_text(_OAUTH2.format(url=self.introspection or "http://127.0.0.1:9/"))
        (self.folder / "dovecot.conf").write_text(
            _DOVECOT.format(folder=self.folder, port=self.port, user=user, owner=owner)
        )


_DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = inbox-{port}
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
auth_failure_delay = 0
default_internal_user = {owner}
default_login_user = {owner}
mail_location = maildir:{folder}/mail/%u
mail_uid = {owner}
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u {folder}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={owner} gid=nogroup home={folder}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    special_use = \\Sent
    auto = create
  }}
}}
"""
_OAUTH2 = """
introspection_mode = post
introspection_url = {url}
username_attribute = username
active_attribute = active
active_value = true
force_introspection = yes
client_id = dovecot
client_secret = dovecot
"""


@dataclass
class TokenDesk:
    """What an identity provider says about access tokens."""

    good: set[str] = field(default_factory=set)
    asked: int = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.post("/introspect", self._introspect)])
        return app

    async def _introspect(self, request: web.Request) -> web.Response:
        self.asked += 1
        token = (await request.post()).get("token", "")
        return web.json_response({"active": token in self.good, "username": USER})


# SMTP.


@dataclass
class Mailman:
    """An SMTP server that takes mail, or answers what ``answers`` says first, one for each coming mail.

    ``"451 …"`` and ``"550 …"`` are answers to RCPT, with ``DATA`` in front to the whole mail; ``"drop"`` cuts the
    line after the mail was taken in, ``"drop early"`` before.
    """

    answers: list[str] = field(default_factory=list)
    taken: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    utf8: bool = False
    needs_login: bool = False

    async def __aenter__(self) -> Self:
        def line() -> SMTP:
            return SMTP(
                self,
                hostname="localhost",
                enable_SMTPUTF8=self.utf8,
                auth_required=self.needs_login,
                auth_require_tls=False,
                authenticator=self._authenticate,
            )

        self.server = await asyncio.get_running_loop().create_server(line, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        await self.server.wait_closed()

    @property
    def port(self) -> int:
        return int(self.server.sockets[0].getsockname()[1])

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list) -> str:
        if self.answers and self.answers[0] == "drop early":
            self.answers.pop(0)
            server.transport.abort()
            return ""
        if self.answers and self.answers[0][0].isdigit():
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer.startswith("DATA "):
            return answer.removeprefix("DATA ")
        self.taken.append(envelope)
        if answer == "drop":
            server.transport.abort()
        return answer

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        return AuthResult(success=data.password == b"smtp-password-for-tests", handled=False)
