"""What a change of a vector column's type does to the embeddings in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postgast import pg_query_pb2 as pg

from sluicegate.rules.kit.spelling import is_null
from sluicegate.statements.nodes import walk_kinds

if TYPE_CHECKING:
    from sluicegate.rules.kit.commands import Command
    from sluicegate.rules.kit.context import Context


def dimensions_differ(old: str, new: str) -> bool:
    """Tell whether two vector types as written, such as ``vector(1536)``, name different dimensions."""
    one, other = (re.search(r"\((\d+)\)", text) for text in (old, new))
    return one is not None and other is not None and one[1] != other[1]


def loses_values(command: Command, context: Context) -> bool:
    """Tell whether a change of type leaves NULL in every row: by USING NULL, or after an UPDATE that emptied it."""
    using = command.definition.raw_default if command.definition.HasField("raw_default") else None
    if using is not None and is_null(using):
        return True
    return any(
        target.res_target.name == command.name and is_null(target.res_target.val)
        for earlier in context.earlier()
        for update in walk_kinds(earlier.node, pg.UpdateStmt)
        if earlier.name_of(update.relation) == command.table
        for target in update.target_list
    )
