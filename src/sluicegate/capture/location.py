"""Where revisions live: alembic.ini, pyproject.toml, or a bare folder, read as Alembic 1.13 to 1.20 reads them."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INI = "alembic.ini"
PYPROJECT = "pyproject.toml"
DEFAULT_SECTION = "alembic"
_REVISION_FILE = re.compile(r"(?!\.\#|__init__)(.*\.py)$")  # as alembic.script.base
_SEARCH_DEPTH = 3
_SKIPPED = frozenset({"node_modules", "site-packages", "venv", "build", "dist", "__pycache__"})


@dataclass(frozen=True, slots=True)
class ScriptLocation:
    """An Alembic environment, without running any of it.

    Attributes:
        directory: the script directory, which holds env.py.
        versions: the folders that hold revisions, in Alembic's order.
        config_file: the file that said so, or None for a bare folder.
        section: the section of alembic.ini.
        working_directory: where relative paths of the configuration and of revisions are meant to start.
        import_paths: what ``prepend_sys_path`` puts first on ``sys.path``.
        recursive: whether folders below ``versions`` are searched too.
        driver: the driver in ``sqlalchemy.url`` or env.py, such as ``psycopg2``; None when neither names one.
        options: the section's remaining plain options, for ``context.config``; never the database URL.
    """

    directory: Path
    versions: tuple[Path, ...]
    config_file: Path | None = None
    section: str = DEFAULT_SECTION
    working_directory: Path = Path()
    import_paths: tuple[Path, ...] = ()
    recursive: bool = False
    driver: str | None = None
    options: tuple[tuple[str, str], ...] = ()

    def revision_files(self) -> list[Path]:
        """Return the files that Alembic would load, in its order."""
        found: dict[Path, None] = {}
        for folder in self.versions:
            for root, folders, files in os.walk(folder):
                folders[:] = sorted(name for name in folders if name != "__pycache__") if self.recursive else []
                for name in sorted(files):
                    if _REVISION_FILE.match(name):
                        found.setdefault((Path(root) / name).resolve())
        return list(found)


def find_script_location(
    start: Path | None = None, *, migrations: Path | None = None, section: str = DEFAULT_SECTION
) -> ScriptLocation:
    """Find the Alembic environment that a command run at ``start`` means.

    Args:
        start: alembic.ini, pyproject.toml, a script directory, a folder of revisions, or any folder of a project;
            the working directory if left out. In a project the search goes up to the repository's root, then down.
        migrations: a folder of revisions or a script directory; no configuration is needed then.
        section: the section of alembic.ini, for files that configure several databases.

    Raises:
        UsageError: there is none, there are several, its configuration cannot be read, or its revisions lie deeper.
    """
    found = _find(start, migrations, section)
    folders = sorted({path.parent for folder in found.versions for path in folder.glob("*/*.py")} - {*found.versions})
    folders = [folder for folder in folders if folder.name != "__pycache__"]
    if folders and not found.revision_files():
        names = ", ".join(str(folder) for folder in folders)
        raise UsageError(
            f"{', '.join(map(str, found.versions))} holds no revisions, but folders below it do: {names}.",
            hint="Name one of them with --migrations, or set recursive_version_locations.",
        )
    return found


def _find(start: Path | None, migrations: Path | None, section: str) -> ScriptLocation:
    if migrations is not None:
        folder = migrations.resolve()
        if not folder.is_dir():
            raise UsageError(
                f"There is no folder {migrations}.", hint="Give the folder that holds env.py, or the revisions."
            )
        found = _bare(folder)
        if found is None:
            raise UsageError(
                f"{migrations} holds no revisions: neither a folder versions/, nor env.py, nor Python files.",
                hint="Give the folder that holds env.py, or the revisions.",
            )
        nearby = _configured_nearby(found, section) or found
        if folder in found.versions and folder not in nearby.versions and not nearby.recursive:
            return replace(nearby, versions=(folder,))  # a folder of revisions that the configuration leaves out
        return nearby
    where = (start or Path()).resolve()
    if where.is_file():
        configured = _from_file(where, section)
        if configured is None:
            raise UsageError(
                f"{where} does not configure Alembic.", hint=f"Add script_location to a section [{section}]."
            )
        return configured
    if not where.is_dir():
        raise UsageError(f"There is no file or folder {where}.")
    for folder in _upwards(where):
        if (configured := _in_folder(folder, section)) is not None:
            return configured
    below = _below(where, section)
    if len(below) == 1:
        return below[0]
    if below:
        names = ", ".join(str(location.config_file or location.directory) for location in below)
        raise UsageError(f"{where} holds several Alembic environments: {names}.", hint="Name one of them.")
    raise UsageError(
        f"No alembic.ini, no [tool.alembic] in pyproject.toml and no script directory in {where}, above or below it.",
        hint="Run the command in the project's folder, or name the folder of revisions with --migrations.",
    )


# -- searching --------------------------------------------------------------------------------------------------


def _upwards(start: Path) -> Iterable[Path]:
    for folder in (start, *start.parents):
        yield folder
        if (folder / ".git").exists():
            return


def _below(start: Path, section: str) -> list[ScriptLocation]:
    found: dict[Path, ScriptLocation] = {}
    for root, folders, _ in os.walk(start):
        folder = Path(root)
        deep = len(folder.relative_to(start).parts) >= _SEARCH_DEPTH
        folders[:] = [] if deep else sorted(n for n in folders if n not in _SKIPPED and not n.startswith("."))
        if folder != start and (location := _in_folder(folder, section)) is not None:
            found.setdefault(location.directory, location)
            folders[:] = []
    return list(found.values())


def _in_folder(folder: Path, section: str) -> ScriptLocation | None:
    for name in (INI, PYPROJECT):
        if (folder / name).is_file() and (location := _from_file(folder / name, section)) is not None:
            return location
    if (folder / "env.py").is_file() and (folder / "versions").is_dir():
        return _configured_nearby(_bare(folder), section)
    return None


def _configured_nearby(bare: ScriptLocation | None, section: str) -> ScriptLocation | None:
    """Prefer the configuration in the folders above that means this very script directory."""
    if bare is None:
        return None
    for folder in _upwards(bare.directory):
        for name in (INI, PYPROJECT):
            if (folder / name).is_file():
                try:
                    location = _from_file(folder / name, section)
                except UsageError:
                    continue  # the folder was named; what a file above it says is only a help
                if location is not None and location.directory == bare.directory:
                    return location
    return bare


def _bare(folder: Path) -> ScriptLocation | None:
    """Take a folder as it is: a script directory, or the folder of the revisions themselves."""
    if (folder / "versions").is_dir():
        directory, versions = folder, folder / "versions"
    elif (folder / "env.py").is_file():
        directory, versions = folder, folder
    elif any(_REVISION_FILE.match(path.name) for path in folder.iterdir()):
        above = next((path for path in folder.parents[:3] if (path / "env.py").is_file()), None)
        directory, versions = above or (folder.parent if folder.name == "versions" else folder), folder
    else:
        return None
    root = next((path for path in _upwards(directory) if (path / ".git").exists()), directory.parent)
    return ScriptLocation(
        directory=directory, versions=(versions,), working_directory=root, driver=_driver(directory, None)
    )


# -- configuration files ------------------------------------------------------------------------------------------


def _from_file(path: Path, section: str) -> ScriptLocation | None:
    return _from_pyproject(path) if path.suffix == ".toml" else _from_ini(path, section)


def _from_ini(path: Path, section: str) -> ScriptLocation | None:
    parser = configparser.ConfigParser({"here": str(path.parent)}, strict=False)
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig", errors="replace"), source=str(path))
        if not parser.has_section(section):
            return None
        raw = dict(parser.items(section, raw=True))
        keys = ("script_location", "version_locations", "prepend_sys_path", "path_separator", "version_path_separator")
        values: dict[str, Any] = {key: parser.get(section, key) for key in keys if key in raw}
    except configparser.Error as error:
        raise UsageError(f"{path} cannot be read: {error.message}") from error
    toml = path.parent / PYPROJECT
    if toml.is_file():  # since Alembic 1.16; the ini file wins where both say something
        values = {**_toml_values(toml), **values}
    if "script_location" not in values:
        # Flask-Migrate keeps alembic.ini inside the script directory and says the rest in Python.
        if not (path.parent / "env.py").is_file():
            return None
        values["script_location"] = str(path.parent)
        here = path.parent.parent
    else:
        here = path.parent
    values["recursive_version_locations"] = _true(raw.get("recursive_version_locations", values.get("recursive")))
    url = raw.get("sqlalchemy.url")
    kept = tuple(sorted((key, value) for key, value in raw.items() if key not in {*keys, "here"} and "url" not in key))
    return _location(values, path, here, section, url, kept)


def _from_pyproject(path: Path) -> ScriptLocation | None:
    values = _toml_values(path)
    if "script_location" not in values:
        return None
    values["recursive_version_locations"] = _true(values.get("recursive_version_locations"))
    return _location(values, path, path.parent, DEFAULT_SECTION, None, ())


def _toml_values(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("alembic", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    here = str(path.parent)

    def filled(value: Any) -> Any:
        if isinstance(value, str):
            return value.replace("%(here)s", here).replace("%%", "%")
        return [filled(item) for item in value] if isinstance(value, list) else value

    return {key: filled(value) for key, value in table.items()}


def _location(
    values: Mapping[str, Any], path: Path, here: Path, section: str, url: str | None, kept: tuple[tuple[str, str], ...]
) -> ScriptLocation:
    separator = values.get("path_separator")
    paths = _split(values.get("prepend_sys_path"), separator, legacy=r", *|(?: +)|\:")
    imports = tuple((here / entry).resolve() for entry in paths)
    directory = _folder(str(values["script_location"]), here, imports, path)
    named = _split(
        values.get("version_locations"), separator or values.get("version_path_separator"), legacy=r", *|(?: +)"
    )
    versions = tuple(_folder(entry, here, imports, path) for entry in named) or (directory / "versions",)
    return ScriptLocation(
        directory=directory,
        versions=tuple(folder for folder in versions if folder.is_dir()),
        config_file=path,
        section=section,
        working_directory=here,
        import_paths=imports,
        recursive=bool(values["recursive_version_locations"]),
        driver=_driver(directory, url),
        options=kept,
    )


def _folder(text: str, here: Path, imports: tuple[Path, ...], config: Path) -> Path:
    """Resolve ``script_location``: a path, or ``package:folder`` as Alembic takes it.

    A relative path starts where Alembic is run, which the file cannot say: its own folder, or one above it.
    """
    packaged = not Path(text).is_absolute() and re.match(r"[A-Za-z_][\w.]*:[^\\/]", text)
    package, *rest = text.split(":") if packaged else [""]
    inside = "/".join([*package.split("."), *rest]) if packaged else text
    for root in (*imports, *_upwards(here)):
        if (root / inside).is_dir():
            return (root / inside).resolve()
    if packaged:
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            spec = None
        for root in map(Path, (spec.submodule_search_locations or ()) if spec else ()):
            if root.joinpath(*rest).is_dir():
                return root.joinpath(*rest).resolve()
        raise UsageError(
            f"{config} puts the revisions into the package {package!r}, which is neither in the project nor installed.",
            hint="Install it, or name the folder of revisions with --migrations.",
        )
    raise UsageError(
        f"{config} puts the revisions into {text}, which is no folder below {here} or above it.",
        hint="Correct script_location, or name the folder of revisions with --migrations.",
    )


def _split(value: Any, separator: str | None, *, legacy: str) -> list[str]:
    """Split a list of paths as Alembic does (``path_separator`` since 1.16, ``version_path_separator`` before)."""
    if not value:
        return []
    if isinstance(value, list):
        return [str(item) for item in value]
    if separator is None:
        parts = re.split(legacy, value)
    elif separator in ("space", "newline", "os"):
        parts = {"space": value.split, "newline": value.splitlines, "os": lambda: value.split(os.pathsep)}[separator]()
    else:
        parts = value.split(separator)
    return [part.strip() for part in parts if part.strip()]


def _true(value: object) -> bool:
    return str(value).lower() in {"1", "true", "yes", "on"}


_DRIVER = re.compile(r"postgres(?:ql)?\+(\w+)")


def _driver(directory: Path, url: str | None) -> str | None:
    """Return the driver that the configuration names; the URL itself, which may hold a password, is not kept."""
    env = directory / "env.py"
    texts = [url or "", env.read_text(encoding="utf-8", errors="replace") if env.is_file() else ""]
    for text in texts:
        if match := _DRIVER.search(text):
            return match.group(1)
    return None
