"""``--log-format`` and ``--log-file``: a line for each chunk, and for what happens between them."""

from __future__ import annotations

import datetime
import json
import sys
from typing import TYPE_CHECKING, Any, Self, TextIO

from sluicegate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from sluicegate.backfill.progress import ChunkRecord


class Log:
    """Lines about one backfill, as text or as one JSON object each."""

    def __init__(self, name: str, form: str | None, path: Path | None) -> None:
        """Open the file.

        Args:
            name: the backfill.
            form: ``json`` or ``text``; None for text in a file, and for no log without one.
            path: the file, to which lines are added; None for stderr.

        Raises:
            UsageError: the file cannot be opened.
        """
        self._name, self._json = name, form == "json"
        self.shown = form is not None and path is None
        self._file: TextIO | None = sys.stderr if self.shown else None
        if path is not None:
            try:
                self._file = path.open("a", encoding="utf-8", buffering=1)
            except OSError as error:
                raise UsageError(
                    f"The log {path} cannot be opened: {error.strerror}.", hint="Correct --log-file."
                ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None and not self.shown:
            self._file.close()

    def chunk(self, record: ChunkRecord) -> None:
        """Write a line about a chunk."""
        key = None if record.keys is None else list(record.keys)
        upto = "the end" if key is None else f"key {', '.join(key)}"
        seconds = "" if record.seconds is None else f" in {record.seconds:.3f} s"
        wal = "" if record.wal_bytes is None else f", {record.wal_bytes:,} bytes of WAL"
        self._write(
            "chunk",
            f"{record.kind} {record.seq} up to {upto}: {record.rows:,} rows{seconds}{wal}, by {record.worker}",
            kind=record.kind,
            seq=record.seq,
            key=key,
            rows=record.rows,
            seconds=record.seconds,
            wal_bytes=record.wal_bytes,
            worker=record.worker,
        )

    def note(self, text: str) -> None:
        """Write a line about something else."""
        self._write("note", text, text=text)

    def _write(self, event: str, words: str, **fields: Any) -> None:
        if self._file is None:
            return
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        if self._json:
            line = json.dumps({"at": now, "backfill": self._name, "event": event, **fields}, ensure_ascii=False)
        else:
            line = f"{now} {self._name}: {words}"
        self._file.write(line + "\n")
        self._file.flush()
