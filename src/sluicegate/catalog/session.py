"""The part of a session's state that decides what a statement means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Session:
    """Session settings that change a statement's meaning or effects.

    Attributes:
        search_path: schemas in which unqualified names are looked up, without the implicit ``pg_catalog``.
        timezone: the ``TimeZone`` setting; it decides whether timestamp ↔ timestamptz rewrites
            (PostgreSQL 18 manual, ALTER TABLE, notes; ``tablecmds.c`` ATColumnChangeRequiresRewrite).
        in_transaction: whether a transaction block is open.
        check_function_bodies: whether CREATE FUNCTION checks its body.
    """

    search_path: tuple[str, ...] = ("public",)
    timezone: str = "UTC"
    in_transaction: bool = False
    check_function_bodies: bool = True
