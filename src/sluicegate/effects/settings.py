"""SET, RESET, SHOW and ALTER SYSTEM: parameters that do not exist, or cannot be set here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postgast import pg_query_pb2 as pg

from sluicegate.catalog.builtins import builtins
from sluicegate.effects.context import Refused
from sluicegate.effects.setting_values import check_value
from sluicegate.statements.nodes import value_of

if TYPE_CHECKING:
    from sluicegate.catalog.builtins import Setting
    from sluicegate.effects.context import Context

_PSEUDO = {"all", "transaction_isolation", "transaction_read_only", "transaction_deferrable", "timezone", "names"}
_SET_ASIDE = {"TRANSACTION", "SESSION CHARACTERISTICS", "TRANSACTION SNAPSHOT"}
_CANNOT = {
    "internal": "cannot be changed",
    "postmaster": "cannot be changed without restarting the server",
    "sighup": "cannot be changed now",
    "backend": "cannot be set after connection start",
    "superuser-backend": "cannot be set after connection start",
}


def set_variable(context: Context, node: Any) -> None:
    """Note the effects of a ``VariableSetStmt`` (``set_config_option`` in PostgreSQL's guc.c)."""
    if node.kind in {pg.VAR_RESET_ALL, pg.VAR_SET_MULTI} or node.name in _SET_ASIDE:
        return
    setting = _require(context, node.name)
    if setting is None:
        return
    if setting.context in _CANNOT:
        raise Refused("55P02", f'parameter "{setting.name}" {_CANNOT[setting.context]}')
    if node.kind == pg.VAR_SET_VALUE and len(node.args) == 1:
        check_value(setting, value_of(node.args[0]), context.version)


def show_variable(context: Context, node: Any) -> None:
    """Refuse SHOW of a parameter that does not exist."""
    _require(context, node.name)


def alter_system(context: Context, node: Any) -> None:
    """Note the effects of ALTER SYSTEM, which writes a file and cannot be undone."""
    context.builder.forbid_in_transaction("ALTER SYSTEM")
    statement = node.setstmt
    if statement.kind != pg.VAR_RESET_ALL:
        setting = _require(context, statement.name)
        if setting is not None and setting.context == "internal":
            raise Refused("55P02", f'parameter "{setting.name}" cannot be changed')


def _require(context: Context, name: str) -> Setting | None:
    """Return a parameter; None for one that an extension or the application defines."""
    if name.lower() in _PSEUDO or "." in name or not name:
        return None
    setting = builtins(context.version).settings.get(name.lower())
    if setting is None and name.lower() not in {"role", "session_authorization"}:
        raise Refused("42704", f'unrecognized configuration parameter "{name}"')
    return setting
