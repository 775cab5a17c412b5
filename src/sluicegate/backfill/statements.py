"""The SQL that a backfill runs on its tables, composed from the author's fragments and quoted identifiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, LiteralString

from psycopg import sql

from sluicegate.backfill.chunks import Span
from sluicegate.backfill.definition import CHUNK, Backfill, Sidecar, TableName
from sluicegate.backfill.fragments import fragment, spliced, trusted
from sluicegate.backfill.implied import CHUNK_NAME, ROW, chunk_places, in_condition, in_statement, never_null
from sluicegate.backfill.staleness import HASH, hashes, stale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sluicegate.backfill.chunks import Bound, Range
    from sluicegate.backfill.implied import Implied


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column of the key as the server describes it.

    Attributes:
        name: the column.
        type: its type as SQL without modifiers, ``bigint`` or ``timestamp with time zone``.
        version: the version of its collation in words, empty where it has none.
    """

    name: str
    type: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Statements:
    """Every statement of one backfill. Bounds are passed as text and cast back, so nothing is lost on the way.

    Attributes:
        definition: what the author says.
        key: the key's columns in order.
        implied: conditions on other tables that the server confirmed as safe to draw from the chunk's range.
        dense: whether the key is a whole number of which most are in use.
    """

    definition: Backfill
    key: tuple[KeyColumn, ...]
    implied: frozenset[Implied] = frozenset()
    dense: bool = False

    def apply(self, keys: Range) -> sql.Composed:
        """The author's statement for the rows of a range."""
        within = self.within(keys)
        return self._apply(self._chunk(sql.SQL("{} AS row").format(self._table), within, keys), within, keys)

    def apply_claimed(self, span: Span | None = None) -> sql.Composed:
        """The author's statement for the rows whose keys are passed as arrays ``key_0``, ``key_1`` …, all in a span."""
        source = sql.SQL("{} AS claimed ({}) JOIN {} AS row ON {}").format(
            self._claimed(),
            sql.SQL(", ").join(sql.Identifier(column.name) for column in self.key),
            self._table,
            sql.SQL(" AND ").join(
                sql.SQL("{} = {}").format(sql.Identifier(ROW, column.name), sql.Identifier("claimed", column.name))
                for column in self.key
            ),
        )
        columns = sql.SQL(", ").join(sql.Identifier(ROW, column.name) for column in self.key)
        within = sql.SQL("true") if span is None else self.within(span)
        chosen = sql.SQL("{} AND ({}) IN (SELECT * FROM {} AS c)").format(within, columns, self._claimed())
        return self._apply(self._chunk(source, within, span), chosen, span)

    def upper(self) -> sql.Composed:
        """The highest key, as text columns; no row for an empty table."""
        return sql.SQL("SELECT {} FROM {} AS row ORDER BY {} LIMIT 1").format(
            self._texts(), self._table, self._order(descending=True)
        )

    def bounds(self, keys: Range) -> sql.Composed:
        """The ends of the first ``window`` chunks of ``size`` keys within a range: an index-only walk."""
        names = [sql.SQL(f"k{number}") for number in range(len(self.key))]
        columns = sql.SQL(", ").join(sql.Identifier(ROW, column.name) for column in self.key)
        lead = self._compare(">", "lo", keys.lo is not None)
        after = sql.SQL("({}) > (s.{})").format(columns, sql.SQL(", s.").join(names))
        one = sql.SQL("SELECT {} FROM {} AS row WHERE {} AND {} ORDER BY {} OFFSET %(size)s - 1 LIMIT 1")
        first, following = (
            one.format(columns, self._table, condition, self._compare("<=", "hi", keys.hi is not None), self._order())
            for condition in (lead, after)
        )
        return sql.SQL(
            "WITH RECURSIVE s (n, {names}) AS (SELECT 1, f.* FROM ({first}) AS f UNION ALL "
            "SELECT s.n + 1, f.* FROM s CROSS JOIN LATERAL ({following}) AS f WHERE s.n < %(window)s) "
            "SELECT {texts} FROM s ORDER BY n"
        ).format(
            names=sql.SQL(", ").join(names),
            first=first,
            following=following,
            texts=sql.SQL(", ").join(sql.SQL("{}::text").format(name) for name in names),
        )

    def strides(self, keys: Range) -> sql.Composed:
        """As ``bounds``, for a dense key of whole numbers: each end is counted on from the next key, not walked to.

        A range of so many whole numbers never holds more keys than that, and the jump to the next key skips gaps. The
        range must have an upper bound.
        """
        [column] = self.key
        one = sql.SQL(
            "SELECT least(%(hi_0)s::numeric, row.{key}::numeric + %(size)s - 1)::{type} AS k FROM {table} AS row "
            "WHERE {condition} AND {below} ORDER BY row.{key} LIMIT 1"
        )
        first, following = (
            one.format(
                key=sql.Identifier(column.name),
                type=trusted(column.type),
                table=self._table,
                condition=condition,
                below=self._compare("<=", "hi", True),
            )
            for condition in (
                self._compare(">", "lo", keys.lo is not None),
                sql.SQL("{} > s.k").format(sql.Identifier(ROW, column.name)),
            )
        )
        return sql.SQL(
            "WITH RECURSIVE s (n, k) AS (SELECT 1, f.k FROM ({first}) AS f UNION ALL "
            "SELECT s.n + 1, f.k FROM s CROSS JOIN LATERAL ({following}) AS f WHERE s.n < %(window)s) "
            "SELECT k::text FROM s ORDER BY n"
        ).format(first=first, following=following)

    def spread(self) -> sql.Composed:
        """How far the lowest and the highest key of whole numbers lie apart."""
        [column] = self.key
        return sql.SQL("SELECT max({key})::numeric - min({key})::numeric + 1 FROM {table}").format(
            key=sql.Identifier(column.name), table=self._table
        )

    def back(self) -> sql.Composed:
        """The key that stands ``window`` keys below ``hi``; no row where fewer stand below it."""
        return sql.SQL("SELECT {} FROM {} AS row WHERE {} ORDER BY {} OFFSET %(window)s LIMIT 1").format(
            self._texts(), self._table, self._compare("<=", "hi", True), self._order(descending=True)
        )

    def has_keys(self, keys: Range) -> sql.Composed:
        """Whether a range holds any key."""
        return sql.SQL("SELECT EXISTS (SELECT 1 FROM {} AS row WHERE {})").format(self._table, self.within(keys))

    def count_keys(self, keys: Range) -> sql.Composed:
        """How many keys a range holds."""
        return sql.SQL("SELECT count(*) FROM {} AS row WHERE {}").format(self._table, self.within(keys))

    def figures(self, keys: Range) -> sql.Composed:
        """How many rows of a range are owed work, and how many of those lack it: one statement, one snapshot."""
        owed = sql.SQL("SELECT count(*) FROM {} AS row WHERE {} AND ({})").format(
            self._table, self.within(keys), fragment(self.definition.where)
        )
        missing = sql.SQL("SELECT count(*) FROM {} AS row WHERE {} AND {}").format(
            self._table, self.within(keys), self._missing(keys)
        )
        return sql.SQL("SELECT ({}), ({})").format(owed, missing)

    def missing_keys(self, keys: Range) -> sql.Composed:
        """The first ``limit`` keys of a range that lack what they are owed, as text columns."""
        return sql.SQL("SELECT {} FROM {} AS row WHERE {} AND {} ORDER BY {} LIMIT %(limit)s").format(
            self._texts(), self._table, self.within(keys), self._missing(keys), self._order()
        )

    def analyze(self) -> sql.Composed:
        """Collect the table's statistics."""
        return sql.SQL("ANALYZE {}").format(self._table)

    # The sidecar's statements.

    def enumerate(self, keys: Range) -> sql.Composed:
        """Put the owed keys of a range into the sidecar; a key that is called done and is not becomes pending."""
        target = self._sidecar_columns()
        return sql.SQL(
            "INSERT INTO {sidecar} AS s ({target}, state, attempts, updated_at) "
            "SELECT {source}, 'pending', 0, now() FROM {table} AS row WHERE {within} AND {missing} "
            "ON CONFLICT ({target}) DO UPDATE SET state = 'pending', updated_at = now() WHERE s.state = 'done'"
        ).format(
            sidecar=self.sidecar,
            target=sql.SQL(", ").join(target),
            source=sql.SQL(", ").join(sql.Identifier(ROW, column.name) for column in self.key),
            table=self._table,
            within=self.within(keys),
            missing=self._missing(keys, filling=True),
        )

    def sidecar_claim(self, after: Bound | None = None) -> sql.Composed:
        """Take up to ``size`` pending keys (after ``lo``) that nobody holds, as one array of texts per key column."""
        target = sql.SQL(", ").join(self._sidecar_columns())
        return sql.SQL(
            "SELECT {arrays} FROM (SELECT {target} FROM {sidecar} WHERE state = 'pending' AND {beyond} "
            "ORDER BY {target} LIMIT %(size)s FOR UPDATE SKIP LOCKED) AS claimed"
        ).format(
            arrays=self._sidecar_arrays(),
            target=target,
            sidecar=self.sidecar,
            beyond=self._compare(">", "lo", after is not None, self._sidecar_columns()),
        )

    def sidecar_claim_again(self) -> sql.Composed:
        """Take those of the given keys that are still pending and that nobody holds."""
        return sql.SQL(
            "SELECT {arrays} FROM (SELECT {target} FROM {sidecar} WHERE state = 'pending' AND ({target}) IN "
            "(SELECT * FROM {claimed} AS c) ORDER BY {target} FOR UPDATE SKIP LOCKED) AS claimed"
        ).format(
            arrays=self._sidecar_arrays(),
            target=sql.SQL(", ").join(self._sidecar_columns()),
            sidecar=self.sidecar,
            claimed=self._claimed(),
        )

    def sidecar_hashes(self) -> sql.Composed | None:
        """The hashes of the given keys' sources, in their order, as one array; None without a source."""
        return hashes(self.definition, [column.name for column in self.key], self._claimed())

    def sidecar_done(self, span: Span | None = None) -> sql.Composed:
        """Mark the given keys, all in a span, as done, with ``hashes`` of their sources or NULL."""
        columns = [sql.Identifier("s", column) for column in self.definition.sidecar_keys]
        pairs = sql.SQL(" AND ").join(
            sql.SQL("{} = c.{}").format(target, sql.Identifier(column.name))
            for target, column in zip(columns, self.key, strict=True)
        )
        return sql.SQL(
            "UPDATE {sidecar} AS s SET state = 'done', attempts = s.attempts + 1, reason = NULL, updated_at = now(), "
            "source_hash = coalesce(c.{hash}, s.source_hash) FROM {claimed} AS c ({columns}, {hash}) "
            "WHERE {pairs} AND {above} AND {below}"
        ).format(
            sidecar=self.sidecar,
            claimed=self._claimed("hashes"),
            hash=sql.Identifier(HASH),
            columns=sql.SQL(", ").join(sql.Identifier(column.name) for column in self.key),
            pairs=pairs,
            above=self._compare(">=", "lo", span is not None, columns),
            below=self._compare("<=", "hi", span is not None, columns),
        )

    def sidecar_failed(self) -> sql.Composed:
        """Mark the given keys as failed, with the reason."""
        return sql.SQL(
            "UPDATE {sidecar} AS s SET state = 'failed', attempts = s.attempts + 1, reason = %(reason)s, "
            "updated_at = now() WHERE ({target}) IN (SELECT * FROM {claimed} AS c)"
        ).format(sidecar=self.sidecar, target=sql.SQL(", ").join(self._sidecar_columns()), claimed=self._claimed())

    def sidecar_pending(self) -> sql.Composed:
        """Whether any key is pending."""
        return sql.SQL("SELECT EXISTS (SELECT 1 FROM {} WHERE state = 'pending')").format(self.sidecar)

    def sidecar_reopen(self) -> sql.Composed:
        """Have failed keys tried again."""
        return sql.SQL("UPDATE {} SET state = 'pending', updated_at = now() WHERE state = 'failed'").format(
            self.sidecar
        )

    def sidecar_figures(self) -> sql.Composed:
        """How many keys the sidecar holds in each state."""
        return sql.SQL("SELECT state, count(*) FROM {} GROUP BY state").format(self.sidecar)

    @property
    def sidecar(self) -> sql.Identifier:
        """The sidecar table."""
        tracking = self.definition.tracking
        if not isinstance(tracking, Sidecar):
            raise TypeError("this backfill has no sidecar")
        return sql.Identifier(*TableName.read(tracking.table, "tracking"))

    # The parts.

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(*self.definition.relation)

    def _apply(self, chunk: sql.Composed, chosen: sql.Composed, keys: Range | None) -> sql.Composed:
        """Put the chunk in where ``apply`` reads it or asks for it, and what its range implies where that helps."""
        text = self.definition.statement
        shown = text.replace(CHUNK, CHUNK_NAME)
        asked = sql.SQL("({} AND {})").format(chosen, self._missing(keys, filling=True))
        places: list[tuple[int, int, sql.Composable]] = [
            (place, place + len(CHUNK), asked if condition else chunk) for place, condition in chunk_places(shown)
        ]
        places += [(one.offset, one.offset, self._between(one, keys)) for one in self._usable(shown, keys)]
        return spliced(text, places)

    def _chunk(self, source: sql.Composable, within: sql.Composable, keys: Range | None) -> sql.Composed:
        return sql.SQL("(SELECT row.* FROM {} WHERE {} AND {})").format(
            source, within, self._missing(keys, filling=True)
        )

    def _missing(self, keys: Range | None, *, filling: bool = False) -> sql.Composed:
        """The condition for rows that are owed work and lack it.

        Args:
            keys: the range the rows are in, None when they are chosen by key.
            filling: expect that none of them has it yet; then one look at the range saves the join.
        """
        done = self.definition.done
        found = () if keys is None else in_condition(done, self.key[0].name)
        usable = [one for one in found if one in self.implied]
        condition = spliced(done, [(one.offset, one.offset, self._between(one, keys)) for one in usable])
        # NOT (NULL) is NULL: a row about which `done` says nothing would be neither done nor missing.
        lacking = sql.SQL("NOT (\n{}\n)" if never_null(done) else "(\n{}\n) IS NOT TRUE").format(condition)
        deciding = next((one for one in usable if one.decides), None)
        if filling and deciding is not None:
            lacking = sql.SQL("(NOT EXISTS (SELECT 1 FROM {} AS {} WHERE {}true) OR {})").format(
                sql.Identifier(*([deciding.schema] if deciding.schema else []), deciding.table),
                sql.Identifier(deciding.alias),
                self._between(deciding, keys),
                lacking,
            )
        changed = stale(self.definition, [column.name for column in self.key])
        if changed is not None:
            lacking = sql.SQL("({} OR {})").format(lacking, changed)
        return sql.SQL("({}) AND {}").format(fragment(self.definition.where), lacking)

    def _usable(self, shown: str, keys: Range | None) -> list[Implied]:
        found = () if keys is None else in_statement(shown, self.key[0].name)
        return [one for one in found if one in self.implied]

    def _between(self, one: Implied, keys: Range | None) -> sql.Composed:
        """The condition that a chunk's range implies for a column, ready to stand before another one."""
        # Of several key columns only the first is bounded, and rows above `lo` may share its first column.
        above: LiteralString = ">" if len(self.key) == 1 and not isinstance(keys, Span) else ">="
        bounds = [] if keys is None else [(above, "lo", keys.lo), ("<=", "hi", keys.hi)]
        return sql.Composed(
            [
                sql.SQL("{} {} {} AND ").format(
                    sql.Identifier(one.alias, one.column), sql.SQL(operator), self._placeholder(name, 0)
                )
                for operator, name, bound in bounds
                if bound is not None
            ]
        )

    def within(self, keys: Range) -> sql.Composed:
        """The condition that a row's key is in a range."""
        above: LiteralString = ">=" if isinstance(keys, Span) else ">"
        return sql.SQL("{} AND {}").format(
            self._compare(above, "lo", keys.lo is not None), self._compare("<=", "hi", keys.hi is not None)
        )

    def _compare(
        self, operator: LiteralString, name: str, bounded: bool, columns: Sequence[sql.Identifier] = ()
    ) -> sql.Composable:
        if not bounded:
            return sql.SQL("true")
        # A row comparison uses the index; the spelled-out OR and AND form does not.
        return sql.SQL("({}) {} ({})").format(
            sql.SQL(", ").join(columns or [sql.Identifier(ROW, column.name) for column in self.key]),
            sql.SQL(operator),
            sql.SQL(", ").join(self._placeholder(name, number) for number in range(len(self.key))),
        )

    def _placeholder(self, name: str, number: int) -> sql.Composed:
        return sql.SQL("{}::{}").format(sql.Placeholder(f"{name}_{number}"), trusted(self.key[number].type))

    def _claimed(self, *texts: str) -> sql.Composed:
        arrays = [
            sql.SQL("{}::{}[]").format(sql.Placeholder(f"key_{number}"), trusted(column.type))
            for number, column in enumerate(self.key)
        ]
        arrays += [sql.SQL("{}::text[]").format(sql.Placeholder(name)) for name in texts]
        return sql.SQL("unnest({})").format(sql.SQL(", ").join(arrays))

    def _sidecar_columns(self) -> list[sql.Identifier]:
        return [sql.Identifier(column) for column in self.definition.sidecar_keys]

    def _sidecar_arrays(self) -> sql.Composed:
        return sql.SQL(", ").join(sql.SQL("array_agg({}::text)").format(column) for column in self._sidecar_columns())

    def _texts(self) -> sql.Composed:
        return sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(ROW, column.name)) for column in self.key)

    def _order(self, *, descending: bool = False) -> sql.Composed:
        direction = sql.SQL(" DESC" if descending else "")
        return sql.SQL(", ").join(
            sql.SQL("{}{}").format(sql.Identifier(ROW, column.name), direction) for column in self.key
        )


def bound_parameters(keys: Range) -> Mapping[str, str]:
    """Return the parameters for a range's bounds."""
    return {
        f"{name}_{number}": value
        for name, bound in (("lo", keys.lo), ("hi", keys.hi))
        for number, value in enumerate(bound or ())
    }


def key_parameters(columns: Sequence[Sequence[str]]) -> Mapping[str, list[str]]:
    """Return the parameters for claimed keys, given as one sequence of texts per key column."""
    return {f"key_{number}": list(values) for number, values in enumerate(columns)}
