"""``sluicegate rule NAME``: a rule's page in the terminal."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("name")
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The policy; safety/policy.toml otherwise. The rules in rules/ beside it are known too.",
)
def rule(name: str, policy_file: Path | None) -> None:
    """Explain one rule: what it does, why it hurts, what to write instead."""
    import difflib

    from sluicegate.errors import UsageError
    from sluicegate.lint.own_rules import rules_under
    from sluicegate.render.rules import rule_page
    from sluicegate.settings.policy import find_policy, load_policy

    known = rules_under(load_policy(policy_file or find_policy(Path.cwd())))
    entry = known.get(name)
    if entry is None:
        close = difflib.get_close_matches(name, known, n=3)
        hint = f"Close to it: {', '.join(close)}." if close else "`sluicegate rules` lists them."
        raise UsageError(f"There is no rule {name!r}.", hint=hint)
    click.echo(rule_page(entry), nl=False)
