"""Which files are new or changed against a git ref, so that a pipeline judges only what a branch brings."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 60


def changed_since(ref: str, folder: Path) -> frozenset[Path]:
    """Return the files that differ from where this branch left ``ref``, as resolved paths.

    Files that git does not know yet count, and so do edits that are not committed. A file that only got another name
    does not.

    Args:
        ref: a branch, tag or commit.
        folder: any folder of the checkout.

    Raises:
        UsageError: git is missing, the folder is in no checkout, or it does not know the ref or the common ancestor.
    """
    if ref.startswith("-"):
        raise UsageError(f"--since {ref} names no branch, tag or commit.")
    top = Path(_git(folder, ref, "rev-parse", "--show-toplevel").rstrip("\n"))
    _git(folder, ref, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    base = _git(folder, ref, "merge-base", ref, "HEAD").strip()
    diff = _git(top, ref, "diff", "--name-status", "-z", "--find-renames", "--diff-filter=d", base, "--")
    untracked = _git(top, ref, "ls-files", "-z", "--others", "--exclude-standard")
    names = [*_names(diff), *filter(None, untracked.split("\0"))]
    return frozenset((top / name).resolve() for name in names)


def _names(diff: str) -> Iterator[str]:
    fields = iter(diff.split("\0"))
    for status in fields:
        if not status:
            return
        name = next(fields)
        if status[0] in "RC":
            name = next(fields)
        if status != "R100":
            yield name


def _git(folder: Path, ref: str, *arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        raise UsageError("--since needs git, and there is none on PATH.", hint="Name the revisions with --rev instead.")
    try:
        done = subprocess.run(
            [program, "-c", "core.quotePath=false", *arguments],
            cwd=folder,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"git could not be asked what is new since {ref}: {error}.") from error
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "surrogateescape")
    hint: str | None
    said = done.stderr.decode("utf-8", "replace").strip()
    match arguments[0], arguments[1]:
        case "rev-parse", "--show-toplevel":
            what, hint = f"{folder} is in no git checkout", "Name the revisions with --rev instead."
        case "rev-parse", _:
            what, hint = f"git knows no {ref}", f"In a pipeline, fetch it first: git fetch origin {ref}"
        case "merge-base", _:
            what = f"git finds no common ancestor of {ref} and this checkout"
            hint = "A pipeline's checkout is often shallow; fetch the history (actions/checkout: fetch-depth: 0)."
        case _:
            what, hint = "git failed", None
    raise UsageError(f"--since {ref}: {what}" + (f": {said}" if said else "") + ".", hint=hint)
