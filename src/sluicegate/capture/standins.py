"""Stand-ins for modules that are not here, so that a repository is judged without its application installed."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import re
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from sluicegate.capture.places import guarded_lines
from sluicegate.capture.standin import StandIn, StandInModule, Watch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType, TracebackType

_NEVER = frozenset({"sqlalchemy", "alembic", "pgvector", "sluicegate", "builtins", *sys.stdlib_module_names})
_CANNOT_IMPORT_NAME = re.compile(r"cannot import name '(\w+)'")
_CATCHING = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


class StandIns:
    """Decide which modules are stood in for."""

    def __init__(self) -> None:
        """Stand in for nothing yet; ``install`` puts the finders in place."""
        self._forced: set[str] = set()
        self._patched: set[tuple[str, str]] = set()
        self.other_ways: list[tuple[str, str, int]] = []

    def install(self) -> None:
        """Put one finder before all others, for modules that fail to import, and one after them, for missing ones."""
        sys.meta_path.insert(0, _Forced(self))
        sys.meta_path.append(_Missing(self))

    def is_forced(self, name: str) -> bool:
        """Tell whether a module failed to import before."""
        return name in self._forced

    def stands_in_for_missing(self, name: str) -> bool:
        """Tell whether an import that nothing else can serve gets a stand-in."""
        if name.split(".")[0] in _NEVER:
            return False
        if isinstance(sys.modules.get(name.rpartition(".")[0]), StandInModule):
            return True
        frame = _importing_frame()
        if frame is None or _is_library(frame.f_code.co_filename):
            return False  # a library probes for an optional dependency
        file, line = frame.f_code.co_filename, frame.f_lineno
        if _guarded(file, line):
            if Watch.is_revision(file):
                self.other_ways.append((name, file, line))
            return False
        return True

    def replace_culprit(self, error: BaseException, file: Path) -> bool:
        """Stand in for what made an import, or a call into the application, fail.

        Return False when that is the revision itself.
        """
        if isinstance(error, ImportError) and self._patch_name(error):
            return True
        if isinstance(error, AttributeError) and _import_submodule(error):
            return True
        suspects, callee = _suspects(error.__traceback__, str(file))
        for name in [*suspects, *callee]:
            if name.split(".")[0] not in _NEVER and not self.is_forced(name):
                self._force(name)
                if name in callee:
                    self._forget_application()
                return True
        return False

    def _patch_name(self, error: ImportError) -> bool:
        match = _CANNOT_IMPORT_NAME.search(str(error))
        module = sys.modules.get(error.name or "")
        if match is None or module is None or (module.__name__, match.group(1)) in self._patched:
            return False
        if module.__name__.split(".")[0] in sys.stdlib_module_names:
            return False
        self._patched.add((module.__name__, match.group(1)))
        setattr(module, match.group(1), StandIn(f"{module.__name__}.{match.group(1)}"))
        return True

    def _force(self, name: str) -> None:
        self._forced.add(name)
        for loaded in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
            del sys.modules[loaded]

    def _forget_application(self) -> None:
        """Let modules that hold on to a replaced one be imported anew."""
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and not _is_library(file) and name.split(".")[0] not in _NEVER:
                del sys.modules[name]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    keeps_real_modules_below = False

    def __init__(self, standins: StandIns) -> None:
        self.standins = standins

    def serves(self, name: str) -> bool:
        raise NotImplementedError

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's signature
    ) -> importlib.machinery.ModuleSpec | None:
        if not self.serves(fullname):
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        real = importlib.machinery.PathFinder.find_spec(fullname, path) if self.keeps_real_modules_below else None
        if real is not None and spec.submodule_search_locations is not None:
            spec.submodule_search_locations += real.submodule_search_locations or ()
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None and module.__spec__.submodule_search_locations is not None:
            module.__path__ = module.__spec__.submodule_search_locations


class _Forced(_Finder):
    # A package whose own __init__ fails may hold helpers that do not.
    keeps_real_modules_below = True

    def serves(self, name: str) -> bool:
        return self.standins.is_forced(name)


class _Missing(_Finder):
    def serves(self, name: str) -> bool:
        return self.standins.stands_in_for_missing(name)


# -- who imports --------------------------------------------------------------------------------------------------


def _importing_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to the calling frames
    while frame is not None and ("importlib" in frame.f_code.co_filename or frame.f_code.co_filename == __file__):
        frame = frame.f_back
    return frame


_LIBRARIES = tuple(
    {str(Path(sysconfig.get_path(name)).resolve()) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


@lru_cache(maxsize=4096)
def _is_library(file: str) -> bool:
    path = str(Path(file).resolve())
    return file.startswith("<") or path.startswith(_LIBRARIES) or "site-packages" in path or "dist-packages" in path


def _guarded(file: str, line: int) -> bool:
    """Tell whether an import stands in a ``try`` that catches its failure: the author has another way."""
    return any(line in lines and handled & _CATCHING for lines, handled in guarded_lines(file))


def _import_submodule(error: AttributeError) -> bool:
    """Import ``package.name`` where the application would have done so before: ``import package; package.name``."""
    if not isinstance(error.obj, ModuleType) or isinstance(error.obj, StandInModule):
        return False
    name = f"{error.obj.__name__}.{error.name}"
    try:
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            return False
        setattr(error.obj, name.rpartition(".")[2], importlib.import_module(name))
    except Exception:  # noqa: BLE001 - whatever it is, the attribute stays missing and the revision says so
        return False
    return True


def _suspects(traceback: TracebackType | None, file: str) -> tuple[list[str], list[str]]:
    """Return modules whose import failed below the revision file, the one to replace first in front.

    When nothing was being imported, the second list has the module of the application whose function failed.
    """
    modules: list[tuple[str, bool]] = []
    callee = ""
    below = False
    while traceback is not None:
        code = traceback.tb_frame.f_code
        name = str(traceback.tb_frame.f_globals.get("__name__", ""))
        if below and code.co_name == "<module>":
            modules.append((name, _is_library(code.co_filename)))
        elif below and not modules and not callee and not _is_library(code.co_filename) and code.co_filename != file:
            callee = "" if Watch.is_revision(code.co_filename) else name
        below = below or code.co_filename == file
        traceback = traceback.tb_next
    suspects = []
    for position in range(len(modules) - 1, -1, -1):
        name, library = modules[position]
        if library and (position == 0 or not modules[position - 1][1]):
            suspects.append(name.split(".")[0])  # a library that fails to import is replaced as a whole
        elif not library:
            suspects.append(name)
    return [name for name in suspects if name], [callee] if callee and not suspects else []
