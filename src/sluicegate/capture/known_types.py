"""Column types of well-known libraries as PostgreSQL gets them, so that those libraries need not be installed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


class _PlainUuid(postgresql.UUID[Any]):
    """A UUID whose arguments, which only other servers need, do not matter."""

    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()


class _PlainJson(postgresql.JSON):
    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()


class _PlainTsvector(postgresql.TSVECTOR):
    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__()


class _AwareTimestamp(sa.TIMESTAMP):
    def __init__(self, *_: Any, **__: Any) -> None:
        super().__init__(timezone=True)


class _LazyProxy:
    """An object that its factory makes when it is first used."""

    def __init__(self, factory: Any) -> None:
        self._factory = factory

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._factory()(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._factory(), name)


_TYPES: dict[str, dict[tuple[str, ...], Any]] = {
    # SQLModel 0.0.8 and later: an unlimited VARCHAR; the migrations it generates reach sqlalchemy.types through it.
    "AutoString": {("sqlmodel", "sqlmodel.sql.sqltypes"): sa.String},
    "types": {("sqlmodel.sql.sqltypes",): sa.types},
    "Uuid": {("sqlmodel.sql.sqltypes", "sqlmodel"): sa.Uuid},
    # SQLModel before 0.0.15, fastapi-users.
    "GUID": {
        (
            "sqlmodel.sql.sqltypes",
            "fastapi_users_db_sqlalchemy",
            "fastapi_users_db_sqlalchemy.generics",
            "fastapi_users_db_sqlalchemy.guid",
        ): _PlainUuid
    },
    "TIMESTAMPAware": {("fastapi_users_db_sqlalchemy", "fastapi_users_db_sqlalchemy.generics"): _AwareTimestamp},
    # Used around column types, by Airflow for one.
    "Proxy": {("lazy_object_proxy",): _LazyProxy},
    # SQLAlchemy-Utils: native types where PostgreSQL has them.
    "UUIDType": {("sqlalchemy_utils", "sqlalchemy_utils.types", "sqlalchemy_utils.types.uuid"): _PlainUuid},
    "JSONType": {("sqlalchemy_utils", "sqlalchemy_utils.types", "sqlalchemy_utils.types.json"): _PlainJson},
    "TSVectorType": {
        ("sqlalchemy_utils", "sqlalchemy_utils.types", "sqlalchemy_utils.types.ts_vector"): _PlainTsvector
    },
}


def known_type(path: str) -> Any:
    """Return the type behind ``module.name``, or None when it is not one of these."""
    module, _, name = path.rpartition(".")
    for modules, found in _TYPES.get(name, {}).items():
        if module in modules:
            return found
    return None
