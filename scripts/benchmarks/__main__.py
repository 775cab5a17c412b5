"""Find the benches beside this module, run them, and print a table or JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from measuring import Bench, Result


def benches() -> dict[str, Bench]:
    """Return every bench by name: each module that defines BENCH."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem in ("__main__", "measuring"):
            continue
        bench = getattr(importlib.import_module(path.stem), "BENCH", None)
        if bench is not None:
            found[bench.name] = bench
    return found


def show(result: Result) -> None:
    """Print a result as tables."""
    console = Console(soft_wrap=True)
    table = Table(title=f"{result.name}, {result.rows:,} rows", title_justify="left", box=None)
    for title in ("Case", f"Median {result.unit}", f"Best {result.unit}", "Rounds"):
        table.add_column(title, justify="left" if title == "Case" else "right")
    for case, rates in result.rates.items():
        table.add_row(case, f"{result.rate(case):,.0f}", f"{max(rates):,.0f}", str(len(rates)))
    console.print(table)
    for ratio in result.ratios():
        holds = "holds" if max(ratio["median"], ratio["best"]) >= ratio["least"] else "MISSED"
        console.print(
            f"{ratio['case']} / {ratio['over']}: {ratio['median']} by medians, {ratio['best']} by best rounds; "
            f"bar {ratio['least']}: {holds}",
            highlight=False,
        )
    for note in result.notes:
        console.print(note, highlight=False)


def main() -> int:
    """Run the benches that are named, or all."""
    known = benches()
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"one of: {', '.join(known)}; all unless named")
    parser.add_argument("--rows", type=int, help="rows in each case, instead of the bench's own number")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; cases alternate within each (default 3)")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    arguments = parser.parse_args()
    if unknown := set(arguments.name) - set(known):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    results = [
        known[name].run(arguments.rows or known[name].rows, arguments.rounds) for name in arguments.name or known
    ]
    if arguments.format == "json":
        json.dump([result.as_json() for result in results], sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        for result in results:
            show(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
