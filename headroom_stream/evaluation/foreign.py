"""Another program as a policy, so that it is measured as ours are: it runs in its own process, with its own packages.

JSON lines. It begins with `{"name": …}`. To each `{"begin": bool, "new": [messages]}` it answers `{"kept": n, "messages": […]}`: the
context to send is the first n messages of the one before and these. `begin` says that a conversation begins.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from msgspec import Struct

from headroom_stream.errors import ConfigurationError

LAST_WORDS = 2_000
"""Bytes of what it wrote to its standard error that are told when it stops."""


class _Hello(Struct):
    name: str


class _Turn(Struct):
    begin: bool
    new: Sequence[Mapping[str, Any]]


class _Answer(Struct):
    kept: int
    messages: list[dict[str, Any]]


Kind = TypeVar("Kind", _Hello, _Answer)


class ForeignPolicy:
    """A program that keeps one session at a time. Raises ConfigurationError when it stops or answers something else."""

    def __init__(self, command: Sequence[str]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the program
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said)
        except OSError as error:
            raise ConfigurationError(f"can't start {command[0]}: {error.strerror}") from error
        self.name = self._read(_Hello).name
        """What it calls itself, with its version."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.communicate()
        self._said.close()

    def session(self) -> ForeignSession:
        """A new session. Those before it are over."""
        return ForeignSession(self)

    def ask(self, new: Sequence[Mapping[str, Any]], *, begin: bool) -> tuple[int, list[dict[str, Any]]]:
        """How many messages of the context before stay, and those that follow them."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(_Turn(begin, new)) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._stopped() from error
        answer = self._read(_Answer)
        return answer.kept, answer.messages

    def _read(self, kind: type[Kind]) -> Kind:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._stopped()
        try:
            return msgspec.json.decode(line, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{self._process.args!r} answered something else: {error}") from error

    def _stopped(self) -> ConfigurationError:
        self._process.kill()
        self._process.wait()
        self._said.seek(0)
        words = self._said.read()[-LAST_WORDS:].decode(errors="replace").strip()
        return ConfigurationError(f"{self._process.args!r} stopped: {words or 'it said nothing'}")


class ForeignSession:
    """A conversation under it."""

    def __init__(self, policy: ForeignPolicy) -> None:
        self._policy = policy
        self._messages: list[dict[str, Any]] = []
        self._begin = True

    def turn(self, new: Sequence[Mapping[str, Any]], /) -> list[dict[str, Any]]:
        """Hand it the new messages, take the whole context."""
        kept, messages = self._policy.ask(new, begin=self._begin)
        self._begin = False
        self._messages = self._messages[:kept] + messages
        return self._messages
