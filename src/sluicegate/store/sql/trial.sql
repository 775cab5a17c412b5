-- Statements of a trial run: what one chunk costs, measured inside the transaction that is rolled back.

-- name: trial_counts
-- Rows that this transaction inserted, updated (within the page or not) and deleted, by table, with the tables' sizes.
SELECT s.relid::regclass::text AS name, s.n_tup_ins, s.n_tup_upd, s.n_tup_hot_upd, s.n_tup_del,
       pg_total_relation_size(s.relid) AS bytes
FROM pg_stat_xact_user_tables AS s
WHERE s.schemaname <> 'sluicegate'
  AND EXISTS (
      SELECT 1 FROM pg_locks AS l
      WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation = s.relid
  )
ORDER BY 1;

-- name: trial_sizes
-- The sizes of tables with their indexes, by name.
SELECT t.name, pg_total_relation_size(to_regclass(t.name)) AS bytes
FROM unnest(%(names)s::text[]) AS t (name)
WHERE to_regclass(t.name) IS NOT NULL;

-- name: trial_locks
-- What this transaction holds, apart from catalogs and its own temporary tables.
SELECT c.oid::regclass::text AS name, l.mode
FROM pg_locks AS l
JOIN pg_class AS c ON c.oid = l.relation
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND c.relkind IN ('r', 'p', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
ORDER BY 1, 2;

-- name: trial_wal
-- Where the WAL ends, and which transaction this is.
SELECT pg_current_wal_insert_lsn()::text AS wal, pg_current_xact_id()::text AS xact;

-- name: trial_wal_since
-- Bytes of WAL since a place, by the whole server.
SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), %(wal)s::pg_lsn)::bigint AS bytes;

-- name: trial_end
-- What became of a transaction.
SELECT pg_xact_status(%(xact)s::xid8) AS status;
