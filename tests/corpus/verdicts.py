"""Compare what the linter says of a case with the case's label."""

from __future__ import annotations

from typing import Any

from .case import Case, Verdict
from .labels import covers, harms

NOT_READ = {"partial-revision", "unreadable-revision", "unreadable-sql", "could-not-judge"}
"""Rules that say "cannot tell"; they are no claim of harm."""


def disagreement(case: Case, answer: dict[str, Any], runs: dict[str, list[dict[str, Any]]]) -> str | None:
    """Say in what the linter's answer differs from the label, or None."""
    if "crash" in answer:
        return "the linter crashed: " + answer["crash"].strip().splitlines()[-1]
    if "error" in answer:
        return answer["error"]
    if not case.scored:
        return None
    wanted = (case.verdict, *case.also)
    problems = [problem(case, verdict, answer) for verdict in wanted]
    if None not in problems:
        return problems[0]
    if case.verdict is Verdict.REFUSE:
        return unexplained(case, answer, runs)
    return None


def problem(case: Case, verdict: Verdict, answer: dict[str, Any]) -> str | None:
    """Say why the answer is not this verdict, or None when it is."""
    errors = [f for f in answer["findings"] if f["level"] == "error" and f["rule"] not in NOT_READ]
    warnings = [f for f in answer["findings"] if f["level"] == "warn" and f["rule"] not in NOT_READ]
    unclear = [f for f in answer["findings"] if f["rule"] in NOT_READ and f["level"] != "info"]
    unclear = unclear or answer["unparsed"] or {"unreadable", "partial"} & set(answer["modes"])
    match verdict:
        case Verdict.REFUSE:
            here = [f for f in errors if touches(f, case)]
            if not here:
                return f"missed ({summary(answer)})"
            if case.rules and not any(f["rule"] in case.rules for f in here):
                return f"refused for another reason: {', '.join(f['rule'] for f in here)}"
        case Verdict.PASS:
            if errors:
                return "false alarm: " + "; ".join(f"{f['rule']} at line {f['at'][1]}" for f in errors)
            if unclear:
                return f"not read: {answer['reasons'] or unclear}"
        case Verdict.WARN:
            if errors:
                return "refused: " + ", ".join(f["rule"] for f in errors)
            if not any(touches(f, case) for f in warnings):
                return f"said nothing ({summary(answer)})"
        case Verdict.CANNOT_TELL:
            if not unclear:
                return f"sure of itself ({summary(answer)})"
            if errors and Verdict.REFUSE not in (case.verdict, *case.also):
                return f"claims harm without knowing: {summary(answer)}"
    return None


def unexplained(case: Case, answer: dict[str, Any], runs: dict[str, list[dict[str, Any]]]) -> str | None:
    """Name error-level findings at lines where no server saw harm."""
    harmful = [record["at"] for records in runs.values() for record in records if harms(record)]
    odd = [
        f"{f['rule']} at line {f['at'][1]}"
        for f in answer["findings"]
        if f["level"] == "error"
        and f["rule"] not in NOT_READ
        and f["rule"] not in case.beside
        and not touches(f, case)
        and not any(at[0] == f["at"][0] and at[1] <= f["at"][2] and f["at"][1] <= at[2] for at in harmful)
    ]
    return f"false alarm beside the right answer: {'; '.join(odd)}" if odd else None


def noise(case: Case, answer: dict[str, Any]) -> list[str]:
    """Name warnings about what is safe, where the label tolerates none."""
    if case.verdict is not Verdict.PASS or case.may_warn or set(case.also) - {Verdict.PASS}:
        return []
    return [f"{f['rule']} at line {f['at'][1]}" for f in answer["findings"] if f["level"] == "warn"]


def touches(finding: dict[str, Any], case: Case) -> bool:
    """Tell whether a finding's lines hold the case's line, or stand inside the call that does."""
    return covers(finding["at"], case)


def summary(answer: dict[str, Any]) -> str:
    """What the linter said instead, in a few words."""
    said = [f"{f['level']} {f['rule']} at line {f['at'][1]}" for f in answer["findings"]]
    return "; ".join(said + [m for m in answer["modes"] if m != "recorded"]) or "clean"
