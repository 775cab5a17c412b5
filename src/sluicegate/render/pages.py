"""Every generated page of the documentation, by its path below docs/."""

from __future__ import annotations

from sluicegate.render.policy import policy_page
from sluicegate.render.rules import rule_page, rules_index
from sluicegate.rules.kit.catalogue import all_rules


def generated_pages() -> dict[str, str]:
    """Return path → text of the pages that are made from the program itself."""
    entries = all_rules()
    return {
        "policy.md": policy_page(),
        "rules/README.md": rules_index(entries.values()),
        **{f"rules/{name}.md": rule_page(entry) for name, entry in entries.items()},
    }
