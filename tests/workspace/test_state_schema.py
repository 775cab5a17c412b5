"""This repository's own state schema is what `sluicegate init` writes."""

from __future__ import annotations

from pathlib import Path

from sluicegate.rollout.installation import revision_body

ROOT = Path(__file__).resolve().parents[2]


def test_revision_0002_holds_exactly_the_schema_of_this_release() -> None:
    assert revision_body() in (ROOT / "migrations" / "versions" / "0002_expand_sluicegate_state.py").read_text()
