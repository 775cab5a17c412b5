"""One module per rule, found and not listed; what rules are written with is in ``sluicegate.rules.kit``."""
