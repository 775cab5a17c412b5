"""Move data in chunks outside the deploy: what to move, how it is cut, tracked, run and resumed."""
