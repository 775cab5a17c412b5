"""For a repository's own tests: run its revisions and backfills on a PostgreSQL that is thrown away."""

from __future__ import annotations

from sluicegate.rollout.rehearsal import Rehearsal, rehearse

__all__ = ["Rehearsal", "rehearse"]
