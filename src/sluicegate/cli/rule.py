"""``sluicegate rule NAME``: a rule's page in the terminal."""

from __future__ import annotations

import click


@click.command()
@click.argument("name")
def rule(name: str) -> None:
    """Explain one rule: what it does, why it hurts, what to write instead."""
    import difflib

    from sluicegate.errors import UsageError
    from sluicegate.render.rules import rule_page
    from sluicegate.rules.kit.catalogue import all_rules

    entry = all_rules().get(name)
    if entry is None:
        close = difflib.get_close_matches(name, all_rules(), n=3)
        hint = f"Close to it: {', '.join(close)}." if close else "`sluicegate rules` lists them."
        raise UsageError(f"There is no rule {name!r}.", hint=hint)
    click.echo(rule_page(entry), nl=False)
