"""Share the judging of a long history between processes: each replays what comes before its own part of it."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection

_T = TypeVar("_T")

WORTH_IT = 400
"""How many statements a process should have to judge, unless somebody says how many processes there are."""

REPLAYED = 0.25
"""What replaying a statement costs, judging it being 1."""


def processes(asked: int | None, statements: int) -> int:
    """Return how many processes judge so many statements; ``asked`` is what somebody said."""
    if not _can_fork():
        return 1
    return asked if asked is not None else max(1, min(_cores(), statements // WORTH_IT))


def slices(weights: Sequence[int], apart: Callable[[int], bool], count: int) -> list[range]:
    """Cut a sequence into at most so many parts that take about as long, each with the replay of what is before it.

    Args:
        weights: how many statements each element has.
        apart: whether a cut before the element at a position is allowed.
        count: how many parts.
    """
    whole = sum(weights)
    # A part that begins after s statements and judges n takes REPLAYED * s + n; all parts take the same.
    each = whole * REPLAYED / (1 - (1 - REPLAYED) ** count)
    found: list[range] = []
    begin = passed = before = 0
    for position, weight in enumerate(weights):
        full = (passed - before) + REPLAYED * before >= each
        if full and position > begin and len(found) < count - 1 and apart(position):
            found.append(range(begin, position))
            begin, before = position, passed
        passed += weight
    return [*found, range(begin, len(weights))]


def in_processes(work: Callable[[range], _T], parts: Sequence[range]) -> list[_T]:
    """Do the work of all parts, the first one here and every other one in a process of its own; keep their order.

    The work of a process that did not come to an end is done here, so its error is raised here too.
    """
    import multiprocessing  # most lints need one process, and start sooner without it

    context = multiprocessing.get_context("fork")
    running = []
    try:
        for part in parts[1:]:
            receiver, sender = context.Pipe(duplex=False)
            process = context.Process(target=_send, args=(work, part, sender), daemon=True)
            process.start()
            sender.close()
            running.append((process, receiver))
        done = [work(parts[0])]
        for part, (process, receiver) in zip(parts[1:], running, strict=True):
            try:
                done.append(receiver.recv())
            except EOFError:
                done.append(work(part))
            process.join()
        return done
    finally:
        for process, receiver in running:
            receiver.close()
            if process.is_alive():
                process.terminate()


def _send(work: Callable[[range], object], part: range, sender: Connection) -> None:
    try:
        sender.send(work(part))
        sender.close()
    except BaseException:  # noqa: BLE001 - without an answer the work is done again, where its error can be told
        os._exit(1)
    os._exit(0)


def _can_fork() -> bool:
    # A fork takes only the thread along that asks for it. On macOS, system libraries do not survive one.
    return hasattr(os, "fork") and sys.platform != "darwin" and threading.active_count() == 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
