"""The mail parser in a process of its own, which may be killed: a mail made to burn time or memory takes only itself.

``python -m inbox.channels.mail_parser_process`` is the child. It reads (settings, bytes) and writes a ``ParsedMail``,
each as a pickle behind its length, until its input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import struct
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from inbox.channels import mime
from inbox.channels.mime import ParsedMail, ParseSettings
from inbox.errors import Malformed, Transient

#: What reads a mail. Raises ``Malformed`` if it cannot be read within the limits.
Parser = Callable[[bytes, ParseSettings], Awaitable[ParsedMail]]

PARSE_SECONDS = 10.0
START_SECONDS = 30.0
MEMORY_BYTES = 750_000_000  # of address space; a mail of 25 MB needs about a tenth
_ROOT = str(Path(mime.__file__).resolve().parents[2])  # where the child finds this package
_LENGTH = struct.Struct(">Q")


@dataclass(slots=True)
class ParserProcess:
    """One child, started when the first mail comes and again after it died."""

    seconds: float = PARSE_SECONDS
    memory: int = MEMORY_BYTES
    _child: Process | None = field(default=None, repr=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def parse(self, raw: bytes, settings: ParseSettings) -> ParsedMail:
        """Raises ``Malformed`` with the reason if the child took too long, grew too big or died; ``Transient`` if no
        child can be started, which is not the mail's fault.
        """
        async with self._turn:
            child = await self._started()
            try:
                async with asyncio.timeout(self.seconds):
                    return await _asked(child, raw, settings)
            except TimeoutError:
                await self._end()
                raise Malformed(f"reading the mail took more than {self.seconds:g} seconds") from None
            except (OSError, EOFError, asyncio.IncompleteReadError, pickle.UnpicklingError) as error:
                await self._end()
                raise Malformed(f"the mail made the parser stop ({type(error).__name__}); out of memory?") from None
            except BaseException:
                await self._end()  # cancelled in the middle: the child would answer the next question with this mail
                raise

    async def close(self) -> None:
        await self._end()

    async def _started(self) -> Process:
        if self._child is None or self._child.returncode is not None:
            try:
                async with asyncio.timeout(START_SECONDS):
                    self._child = await _new_child(self.memory)
                    assert self._child.stdout is not None
                    await self._child.stdout.readexactly(1)
            except (OSError, EOFError) as error:  # TimeoutError is an OSError
                await self._end()
                raise Transient("the mail parser does not start; is this machine out of memory?") from error
            except BaseException:
                await self._end()
                raise
        return self._child

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        if child.stdin is not None:
            child.stdin.close()
        await child.communicate()


async def _new_child(memory: int) -> Process:
    path = os.pathsep.join(filter(None, [_ROOT, os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "inbox.channels.mail_parser_process", str(memory)]
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, env={**os.environ, "PYTHONPATH": path}
    )


async def parse_here(raw: bytes, settings: ParseSettings) -> ParsedMail:
    """The parser in this process, without protection: for tests and trusted mail."""
    return mime.parse(raw, settings)


async def _asked(child: Process, raw: bytes, settings: ParseSettings) -> ParsedMail:
    assert child.stdin is not None
    assert child.stdout is not None
    question = pickle.dumps((settings, raw))
    child.stdin.write(_LENGTH.pack(len(question)) + question)
    await child.stdin.drain()
    size = _LENGTH.unpack(await child.stdout.readexactly(_LENGTH.size))[0]
    answer = pickle.loads(await child.stdout.readexactly(size))  # noqa: S301 - our own child wrote it
    assert isinstance(answer, ParsedMail)
    return answer


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    answers.write(b"!")
    answers.flush()
    while head := questions.read(_LENGTH.size):
        size = _LENGTH.unpack(head)[0]
        settings, raw = pickle.loads(questions.read(size))  # noqa: S301 - the parent wrote it
        answer = pickle.dumps(mime.parse(raw, settings))
        answers.write(_LENGTH.pack(len(answer)) + answer)
        answers.flush()


def main() -> None:
    try:
        import resource  # not on Windows, where only the time limit holds

        limit = int(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except ImportError:
        pass
    try:
        _serve(sys.stdin.buffer, sys.stdout.buffer)
    except MemoryError:
        os._exit(3)
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(0)


if __name__ == "__main__":
    main()
