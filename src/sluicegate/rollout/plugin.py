"""The entry point `alembic.plugins`: Alembic 1.18 and later registers our operations through it, not through env.py.

Nothing of Alembic is imported here at the top: Alembic loads this module while it is itself being imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.runtime.plugins import Plugin


def setup(plugin: Plugin) -> None:  # noqa: ARG001 - the signature that Alembic calls
    """Register the operations."""
    import sluicegate.rollout.operations  # noqa: F401 - importing it registers them
