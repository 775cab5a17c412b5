"""``sluicegate rules``: the table of rules."""

from __future__ import annotations

import click


@click.command()
def rules() -> None:
    """List every rule with its level and what it is about."""
    from sluicegate.render.rules import rules_table
    from sluicegate.rules.kit.catalogue import all_rules

    click.echo(rules_table(all_rules().values()), nl=False)
