"""A database with the state schema, on PostgreSQL 18 or on both versions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from backfill_target import Target


@pytest.fixture
def target(database18: str, tmp_path: Path) -> Iterator[Target]:
    """PostgreSQL 18 with the state schema and the example's tables."""
    with contextlib.closing(Target(database18, tmp_path / "backfills")) as target:
        target.install()
        yield target


@pytest.fixture
def target_both(database: str, tmp_path: Path) -> Iterator[Target]:
    """The same on both versions."""
    with contextlib.closing(Target(database, tmp_path / "backfills")) as target:
        target.install()
        yield target
