"""Database drivers that a revision imports: they may be imported, but not connect; C code passes by audit hooks."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from typing import TYPE_CHECKING, Any

from sluicegate.capture.isolation import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

_CONNECT: dict[str, tuple[str, ...]] = {
    "psycopg": ("connect",),
    "psycopg2": ("connect",),
    "psycopg2._psycopg": ("_connect",),
    "psycopg_pool": ("ConnectionPool", "AsyncConnectionPool"),
    "MySQLdb": ("connect", "Connection"),
    "pyodbc": ("connect",),
    "cx_Oracle": ("connect",),
    "oracledb": ("connect",),
    "pymssql": ("connect",),
}


def refuse_connections(on_refusal: Callable[[str], None]) -> None:
    """Make drivers that are imported from now on refuse to connect, and say so."""

    def refuse(*_: Any, **__: Any) -> Any:
        on_refusal("open a database connection of its own")
        raise RefusedError("sluicegate only reads revisions and lets none open a database connection of its own")

    sys.meta_path.insert(0, _Finder(refuse))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, refuse: Callable[..., Any]) -> None:
        self._refuse = refuse

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _CONNECT:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._refuse)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, loader: Any, refuse: Callable[..., Any]) -> None:
        self._loader = loader
        self._refuse = refuse

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        for name in _CONNECT[module.__name__]:
            setattr(module, name, self._refuse)
        connection = getattr(module, "Connection", None)
        if module.__name__ == "psycopg" and connection is not None:
            connection.connect = staticmethod(self._refuse)
