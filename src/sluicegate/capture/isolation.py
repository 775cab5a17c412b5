"""What keeps a revision that is only being read from touching the world.

An audit hook is no jail: it cannot hold code that wants to break out, and is not meant to. It stops what real
revisions do in good faith (move files, call services, start programs) and makes it known.
"""

from __future__ import annotations

import os
import re
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_SECRET = re.compile(
    r"(?:PASSWORD|PASSWD|PWD|TOKEN|SECRET|KEY|AUTH|CREDENTIALS?|DSN)(?:_|$)|^PG|DATABASE_UR[IL]|_DB_URL"
)
_HARMLESS = frozenset({"PWD", "OLDPWD"})

_NETWORK = frozenset(
    {
        "socket.connect",
        "socket.bind",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
        "ftplib.connect",
        "smtplib.connect",
        "imaplib.open",
        "poplib.connect",
        "telnetlib.Telnet.open",
        "nntplib.connect",
        "urllib.Request",
        "http.client.connect",
    }
)
_PROGRAMS = frozenset(
    {
        "subprocess.Popen",
        "os.system",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "pty.spawn",
        "os.kill",
        "os.killpg",
        "webbrowser.open",
        "ctypes.dlopen",
    }
)
_FILE_CHANGES = frozenset(
    {
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.mkdir",
        "os.link",
        "os.symlink",
        "os.truncate",
        "os.chmod",
        "os.chown",
        "os.lchmod",
        "os.lchown",
        "os.utime",
        "os.chflags",
        "os.mkfifo",
        "os.mknod",
        "os.setxattr",
        "os.removexattr",
        "shutil.rmtree",
        "shutil.move",
        "shutil.copyfile",
        "shutil.copytree",
        "shutil.make_archive",
        "shutil.unpack_archive",
        "shutil.chown",
        "sqlite3.connect",
        "dbm.open",
    }
)
_DESTINATION = frozenset({"shutil.copyfile", "shutil.copytree", "shutil.move", "os.rename", "os.link", "os.symlink"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class RefusedError(PermissionError):
    """Reading a revision never does this."""


def clean_environment(environment: Mapping[str, str], scratch: Path) -> dict[str, str]:
    """Return the environment for the reading process: no secrets, temporary files in the scratch folder."""
    kept = {
        name: value
        for name, value in environment.items()
        if name in _HARMLESS or not (_SECRET.search(name.upper()) or ("://" in value and "@" in value))
    }
    for name in ("PYTHONNODEBUGRANGES", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONWARNINGS", "PYTHONOPTIMIZE"):
        kept.pop(name, None)
    kept.update(TMPDIR=str(scratch), PYTHONDONTWRITEBYTECODE="1", PYTHONIOENCODING="utf-8")
    return kept


class Guard:
    """The audit hook; ``on_refusal`` hears what was refused."""

    def __init__(self, scratch: Path, on_refusal: Callable[[str], None]) -> None:
        """Allow file changes below the scratch folder only."""
        self._scratch = str(scratch.resolve()) + os.sep
        self._on_refusal = on_refusal

    def install(self) -> None:
        """Start refusing, and let nobody sleep; neither can be undone in this process."""
        sys.addaudithook(self._audit)
        time.sleep = lambda _: None

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writing = flags & _WRITING if isinstance(flags, int) else any(letter in str(mode) for letter in "wax+")
            if writing and not self._is_ours(path):
                self._refuse(f"write {_shown(path)}")
        elif event in _NETWORK:
            self._refuse(f"use the network ({_target(arguments)})")
        elif event in _PROGRAMS:
            if event != "ctypes.dlopen" or arguments[0] is not None:  # importing ctypes opens the program itself
                self._refuse("load a native library" if event == "ctypes.dlopen" else f"run a program ({event})")
        elif event in _FILE_CHANGES:
            paths = [item for item in arguments[:2] if isinstance(item, str | bytes | os.PathLike)]
            if event in ("shutil.copyfile", "shutil.copytree"):
                paths = paths[1:]
            if event == "sqlite3.connect" and paths and os.fsdecode(paths[0]) == ":memory:":
                return
            for path in paths if event in _DESTINATION else paths[:1]:
                if not self._is_ours(path):
                    self._refuse(f"change files ({event} {_shown(path)})")

    def _is_ours(self, path: Any) -> bool:
        if isinstance(path, int):
            return True  # a file descriptor that was opened before
        name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - pathlib would raise audit events of its own
        return name == os.devnull or (name + os.sep).startswith(self._scratch)

    def _refuse(self, what: str) -> None:
        self._on_refusal(what)
        raise RefusedError(f"sluicegate only reads revisions and lets none {what}")


def _shown(path: Any) -> str:
    return os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else repr(path)


def _target(arguments: tuple[Any, ...]) -> str:
    for argument in arguments:
        if isinstance(argument, str):
            return argument.partition("?")[0]
        if isinstance(argument, tuple) and argument:
            return ":".join(str(part) for part in argument[:2])
    return "a socket"
