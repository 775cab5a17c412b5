"""``sluicegate rules``: the table of rules."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The policy; safety/policy.toml otherwise. The rules in rules/ beside it are listed too.",
)
def rules(policy_file: Path | None) -> None:
    """List every rule with its level and what it is about."""
    from sluicegate.lint.own_rules import rules_under
    from sluicegate.render.rules import rules_table
    from sluicegate.settings.policy import find_policy, load_policy

    policy = load_policy(policy_file or find_policy(Path.cwd()))
    click.echo(rules_table(rules_under(policy).values()), nl=False)
