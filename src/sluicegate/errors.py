"""Every error that sluicegate raises on purpose, and the exit code each one stands for."""

from __future__ import annotations

import enum
import inspect
from typing import ClassVar


class ExitCode(enum.IntEnum):
    """What the process tells its caller; the same for every command."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    COULD_NOT_JUDGE = 3
    RUN_FAILED = 4


class SluicegateError(Exception):
    """Something went wrong in sluicegate."""

    exit_code: ClassVar[ExitCode] = ExitCode.RUN_FAILED

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        """Build the error.

        Args:
            message: what happened, where and why, in one or two sentences; the class docstring if left out.
            hint: what the reader should do next, in one sentence.
        """
        self.message = message if message is not None else (inspect.getdoc(type(self)) or "")
        self.hint = hint
        super().__init__(self.message)


class UsageError(SluicegateError):
    """The command line, an environment variable or a configuration file asks for something that makes no sense."""

    exit_code = ExitCode.USAGE


class SettingError(UsageError):
    """A setting has a value outside its range."""

    def __init__(self, name: str, value: object, origin: str, accepted: str) -> None:
        """Build the error.

        Args:
            name: the setting's name as its origin spells it, such as ``BATCH_SIZE``.
            value: the refused value, shown as it was written.
            origin: where the value came from, such as ``environment`` or ``safety/policy.toml``.
            accepted: the range in words, such as ``a whole number from 1 to 100000``.
        """
        self.name, self.value, self.origin, self.accepted = name, value, origin, accepted
        super().__init__(f"{name}={value!r} (from {origin}) is refused: it must be {accepted}.")


class CouldNotJudgeError(SluicegateError):
    """sluicegate could not read or understand what it was asked to judge, so it does not call it safe."""

    exit_code = ExitCode.COULD_NOT_JUDGE


class ParseError(CouldNotJudgeError):
    """PostgreSQL's parser does not accept this SQL."""

    def __init__(
        self, message: str, *, offset: int | None = None, hint: str | None = None, sqlstate: str = "42601"
    ) -> None:
        """Build the error.

        Args:
            message: the parser's words.
            offset: where it stopped, counted in characters from the start of the text that was parsed.
            hint: what to do next.
            sqlstate: the SQLSTATE with which a server says the same.
        """
        self.offset = offset
        self.sqlstate = sqlstate
        super().__init__(message, hint=hint)


class ServerError(SluicegateError):
    """The PostgreSQL server refused a statement or could not be reached."""

    def __init__(self, message: str, *, sqlstate: str | None = None, hint: str | None = None) -> None:
        """Build the error.

        Args:
            message: the server's words, with the statement's place where there is one.
            sqlstate: the five-character SQLSTATE, where the server gave one.
            hint: what to do next.
        """
        self.sqlstate = sqlstate
        super().__init__(message, hint=hint)
