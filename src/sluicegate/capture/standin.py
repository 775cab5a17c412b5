"""A value from a module that is not here: it passes as what revisions use such values for, and leaves a trace."""

from __future__ import annotations

import dis
import functools
import os
import re
import sys
import sysconfig
from abc import ABCMeta
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Self

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.decl_api import DeclarativeMeta
from sqlalchemy.types import UserDefinedType

from sluicegate.capture.known_types import known_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MARK = "sluicegate_unknown_"
_MARKED = re.compile(_MARK + r"(\d+)", re.IGNORECASE)
_NUMBER_BASE = 770_000_000
_NUMBERED = re.compile(r"\b77\d{7}\b")
_NUMBER_AS_MODIFIER = re.compile(r"\(\s*77\d{7}\s*(?:,\s*\d+\s*)?\)")
_LOGGING = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "getLogger", "bind"})

_paths: list[str] = []
_known: dict[str, int] = {}


class Watch:
    """Who wants to know how stand-ins are used; the runner sets both while a revision is read.

    Attributes:
        note: called with what a revision did with a stand-in.
        used: called with the name of a stand-in that was called or taken for a number, and what that was.
        is_revision: tells whether a source file belongs to the revisions.
        running: True while ``upgrade()`` runs, False while the file is imported.
    """

    note: Callable[[str], None] = staticmethod(lambda _: None)
    used: Callable[[str, str], None] = staticmethod(lambda _, __: None)
    is_revision: Callable[[str], bool] = staticmethod(lambda _: False)
    running = False
    registries: ClassVar[dict[str, orm.registry]] = {}


class StandIn(str, UserDefinedType[Any]):
    """A stand-in: text, SQL type, base class, decorator, callable, context manager and number in one.

    As text it is a mark that names it, so that a statement which used it can be told from one which did not.
    """

    cache_ok = False
    path: str

    def __new__(cls, path: str) -> Self:
        """Make a stand-in for ``module.attribute``."""
        number = _known.setdefault(path, len(_paths))
        if number == len(_paths):
            _paths.append(path)
        word = re.sub(r"\W+", "_", path).strip("_").lower()
        made = str.__new__(cls, f"{_MARK}{number}_{word}"[:63])
        made.path = path
        return made

    def __init__(self, path: str) -> None:
        """Do nothing: everything is set in ``__new__``."""

    # -- as a value -----------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return attribute(f"{self.path}.{name}")

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if (
            len(arguments) == 1
            and not options
            and isinstance(arguments[0], FunctionType | type)
            and _decorates(arguments[0])
        ):
            return arguments[0]
        if (session := _session_of(self.path, arguments, options)) is not None:
            return session
        called = self.path if self.path.endswith("()") else f"{self.path}()"
        if Watch.running and _from_revision() and self.path.rpartition(".")[2] not in _LOGGING:
            Watch.used(called, f"it calls {called}")
        return StandIn(called)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int | slice) and not _from_revision():
            return str.__getitem__(self, key)
        return StandIn(f"{self.path}[{key!r}]")

    def __bool__(self) -> bool:
        self._decide("it is decided by")
        return True

    def __eq__(self, other: object) -> bool:
        self._decide("it compares")
        return str.__eq__(self, other) is True

    __hash__ = str.__hash__

    def __contains__(self, item: object) -> bool:
        self._decide("it looks into")
        return isinstance(item, str) and str.__contains__(self, item)

    def __iter__(self) -> Iterator[str]:
        if _from_revision():
            Watch.note(f"it iterates over {self.path}")
            return iter(())
        if _from_a_reader_of_text():
            return str.__iter__(self)
        return iter((StandIn(f"{self.path}[0]"),))  # the application: what it makes of an item is marked as well

    def __format__(self, _: str) -> str:
        return str(self)

    def __str__(self) -> str:
        return str.__str__(self)

    def __repr__(self) -> str:
        return str.__str__(self)

    def _decide(self, what: str) -> None:
        if _from_revision(3):
            Watch.note(f"{what} {self.path}")

    # -- as a number ----------------------------------------------------------------------------------------------

    def _number(self) -> int:
        Watch.used(self.path, f"it uses {self.path} as a number")
        return _NUMBER_BASE + _known[self.path]

    def __int__(self) -> int:
        return self._number()

    def __index__(self) -> int:
        return self._number()

    def __float__(self) -> float:
        return float(self._number())

    def _arithmetic(self, other: Any) -> Any:
        return StandIn(f"({self.path} … {other!r})")

    __sub__ = __rsub__ = __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __pow__ = __neg__ = _arithmetic
    __radd__ = __or__ = __ror__ = __and__ = _arithmetic

    def __add__(self, other: Any) -> Any:
        return str.__add__(self, other) if isinstance(other, str) else self._arithmetic(other)

    def __mul__(self, other: Any) -> Any:
        return self._arithmetic(other)

    __rmul__ = __mul__

    # -- as a class, a context manager, an enum -------------------------------------------------------------------

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return _entries(self, bases)

    def __instancecheck__(self, _: object) -> bool:
        return False

    def __subclasscheck__(self, _: type) -> bool:
        return False

    def __enter__(self) -> Self:
        if Watch.running:
            Watch.note(f"it enters {self.path}")
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __delitem__(self, key: Any) -> None:
        pass

    @property
    def __name__(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def __members__(self) -> dict[str, StandIn]:
        return {str(self): self}

    # -- as an SQL expression -------------------------------------------------------------------------------------

    is_clause_element = False

    def __clause_element__(self) -> Any:
        return sa.literal_column(str(self))

    # -- as an SQL type -------------------------------------------------------------------------------------------

    def get_col_spec(self, **_: Any) -> str:
        """Return the mark as the type's name."""
        return str(self)

    def copy(self, **_: Any) -> Any:
        """Return itself: SQLAlchemy copies types that it attaches to tables."""
        return self

    def adapt(self, *_: Any, **__: Any) -> Any:
        """Return another one of the same name: there is no other form of an unknown type."""
        return StandIn(self.path)


class _StandInClass(DeclarativeMeta, ABCMeta):
    """The type of classes whose base is not here: attributes that the base would have exist.

    It is a kind of the metaclasses that bases which are here may have, so that both can be bases of one class.
    """

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> None:
        if any(hasattr(base, "_sa_registry") for base in bases):
            super().__init__(name, bases, namespace, **options)
        else:
            type.__init__(cls, name, bases, namespace)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return attribute(f"{cls.__module__}.{cls.__name__}.{name}")


class StandInBase(metaclass=_StandInClass):
    """What a class gets for a base that is not here; a class with a table name becomes a mapped class."""

    def __init__(self, *_: Any, **values: Any) -> None:
        """Take any arguments, as declarative classes take their columns."""
        for name, value in values.items():
            setattr(self, name, value)

    def __init_subclass__(cls, **_: Any) -> None:
        """Map the class when it reads like a declarative model; one that cannot be mapped stays a plain class."""
        super().__init_subclass__()
        if "__tablename__" not in cls.__dict__ or hasattr(cls, "_sa_registry"):
            return
        registry = Watch.registries.setdefault(cls.__module__, orm.registry())
        try:
            registry.map_declaratively(cls)
        except SQLAlchemyError:
            Watch.registries.pop(cls.__module__).dispose()


class StandInMetaData(sa.MetaData):
    """Metadata of an application that is not here: tables can be added, but which it has is not known."""

    def __init__(self, path: str) -> None:
        """Build empty metadata in the name of ``module.attribute``."""
        super().__init__()
        self._path = path

    def create_all(self, *arguments: Any, **options: Any) -> None:
        """Create what was added to it here."""
        Watch.note(f"it creates the tables of {self._path}")
        super().create_all(*arguments, **options)

    def drop_all(self, *arguments: Any, **options: Any) -> None:
        """Drop what was added to it here."""
        Watch.note(f"it drops the tables of {self._path}")
        super().drop_all(*arguments, **options)


class StandInModule(ModuleType):
    """A module that is not here: every name in it exists."""

    def __init__(self, name: str) -> None:
        """Make the module, as a package, so that modules below it can be imported too."""
        super().__init__(name)
        self.__path__: list[str] = []
        self.__all__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = attribute(f"{self.__name__}.{name}")
        setattr(self, name, value)
        return value

    # A name that is imported from a package may turn out to be a module below it.
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return StandIn(self.__name__)(*arguments, **options)

    def __or__(self, _: object) -> Any:
        return StandIn(self.__name__)

    __ror__ = __getitem__ = __or__

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return _entries(self, bases)


def attribute(path: str) -> Any:
    """Return what stands for ``module.attribute``."""
    known = known_type(path)
    if known is not None:
        return known
    owner, _, name = path.rpartition(".")
    if owner.rpartition(".")[2] in _WHOLE_LIBRARY and not hasattr(orm.Session, name):
        # Flask-SQLAlchemy's and similar objects offer the library's own names: db.Column, db.func, db.relationship.
        for module in (sa, orm):
            if hasattr(module, name):
                return getattr(module, name)
    return StandInMetaData(path) if path.endswith((".metadata", "_metadata")) else StandIn(path)


def take_types_without_names() -> None:
    """Let ``Column(unknown_type)`` pass: a stand-in is text too, and text in the first place is a column's name."""
    column: Any = sa.Column
    initialize = column.__init__

    @functools.wraps(initialize)
    def initialize_column(self: Any, *arguments: Any, **options: Any) -> None:
        if arguments and isinstance(arguments[0], StandIn):
            named = len(arguments) > 1 and hasattr(arguments[1], "_sqla_type")
            arguments = arguments if named else (None, *arguments)
        initialize(self, *arguments, **options)

    column.__init__ = initialize_column


_WHOLE_LIBRARY = frozenset({"db", "sa"})


def _entries(standin: object, bases: tuple[Any, ...]) -> tuple[type, ...]:
    """Return the one class that all missing bases of a class become."""
    missing = [base for base in bases if isinstance(base, StandIn | StandInModule)]
    inherited = any(isinstance(base, type) and issubclass(base, StandInBase) for base in bases)
    return (StandInBase,) if standin is missing[-1] and not inherited else ()


def resolve(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement without numbers that stand-ins made up, and the stand-ins that it used.

    A type's modifier that is not known is left out: ``VECTOR(<unknown>)`` becomes ``VECTOR``.
    """
    numbers = {int(match.group(1)) for match in _MARKED.finditer(sql)}
    if _NUMBERED.search(sql):
        numbers |= {int(match.group()) - _NUMBER_BASE for match in _NUMBERED.finditer(sql)}
        sql = _NUMBER_AS_MODIFIER.sub("", sql)
    return sql, tuple(_paths[number] for number in sorted(numbers) if number < len(_paths))


def _decorates(target: Any) -> bool:
    """Tell whether the call that is running decorates: its result is stored under the function's own name."""
    frame = sys._getframe(2)  # noqa: SLF001 - the caller's next instruction
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset <= frame.f_lasti or instruction.opname in _BETWEEN_DECORATORS:
            continue
        return instruction.opname.startswith("STORE_") and instruction.argval == target.__name__
    return False


_BETWEEN_DECORATORS = frozenset({"CACHE", "PRECALL", "CALL"})
_SESSIONS = frozenset({"Session", "session", "scoped_session", "create_session", "create_scoped_session"})


def _session_of(path: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> orm.Session | None:
    """Return a real session where an application's own session class is given the revision's connection."""
    bind = options.get("bind", arguments[0] if arguments else None)
    if path.rpartition(".")[2] in _SESSIONS and isinstance(bind, Connection | Engine):
        return orm.Session(bind=bind)
    return None


_STANDARD_LIBRARY = sysconfig.get_paths()["stdlib"] + os.sep
_READERS = tuple(f"{os.sep}{name}{os.sep}" for name in ("sqlalchemy", "alembic", "sluicegate", "pgvector"))


def _from_a_reader_of_text() -> bool:
    """Tell whether the caller is one that takes a stand-in for the text which it is, letter by letter."""
    file = sys._getframe(2).f_code.co_filename  # noqa: SLF001 - the caller's file
    standard = file.startswith(_STANDARD_LIBRARY) and "site-packages" not in file
    return file.startswith("<") or standard or any(reader in file for reader in _READERS)


def _from_revision(depth: int = 2) -> bool:
    return Watch.is_revision(sys._getframe(depth).f_code.co_filename)  # noqa: SLF001 - the caller's file
