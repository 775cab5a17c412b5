-- Statements about what nobody has looked at yet: writers in flight, sights of the table, proofs.

-- name: table_oid
-- The table's oid.
SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s;

-- name: writers
-- Transactions that write to a table, or to a part of it, and have not ended; and those that drew a number from a
-- sequence of its columns, since nextval() holds its lock until the transaction ends. A prepared transaction has no pid.
WITH RECURSIVE parts AS (
    SELECT %(oid)s::oid AS oid
    UNION
    SELECT i.inhrelid FROM pg_inherits AS i JOIN parts AS p ON i.inhparent = p.oid
), watched AS (
    SELECT oid FROM parts
    UNION
    SELECT d.objid
    FROM pg_depend AS d
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.refobjid IN (SELECT oid FROM parts) AND d.deptype IN ('a', 'i')
    UNION
    SELECT d.refobjid
    FROM pg_attrdef AS a
    JOIN pg_depend AS d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid
    JOIN pg_class AS s ON d.refclassid = 'pg_class'::regclass AND s.oid = d.refobjid AND s.relkind = 'S'
    WHERE a.adrelid IN (SELECT oid FROM parts)
)
SELECT DISTINCT ON (l.virtualtransaction)
       l.virtualtransaction AS id, l.pid, p.gid, coalesce(a.usename, p.owner)::text AS role,
       a.application_name AS application, a.state, nullif(a.query, '') AS query,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared))::double precision AS seconds,
       coalesce(age(coalesce(a.backend_xid, p.transaction)) >= age(%(since)s::text::xid), true) AS older
FROM pg_locks AS l
LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
LEFT JOIN pg_locks AS own ON l.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid'
    AND own.virtualtransaction = l.virtualtransaction
LEFT JOIN pg_prepared_xacts AS p ON p.transaction = own.transactionid
WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted
  AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
  AND l.relation IN (SELECT oid FROM watched) AND l.pid IS DISTINCT FROM pg_backend_pid()
ORDER BY l.virtualtransaction;

-- name: sync_trigger
-- A table's trigger: whether it is enabled, whether it fires for INSERT, and the transaction that created it.
SELECT t.tgenabled::text AS enabled, t.tgtype & 4 <> 0 AS on_insert, t.xmin::text AS created
FROM pg_trigger AS t
WHERE t.tgrelid = %(oid)s AND t.tgname = %(trigger)s AND NOT t.tgisinternal;

-- name: sight_list
-- The sights of a backfill's table, from the first.
SELECT seq, bound, writers FROM sluicegate.sight WHERE backfill = %(name)s ORDER BY seq;

-- name: sight_forget
-- Forget the sights of a backfill.
DELETE FROM sluicegate.sight WHERE backfill = %(name)s;

-- name: sight_add
-- Remember how far the table was looked at, and who was writing.
INSERT INTO sluicegate.sight (backfill, seq, bound, writers, seen_at)
VALUES (%(name)s, %(seq)s, %(bound)s, %(writers)s, clock_timestamp());

-- name: proof_add
-- Keep a proof with what it proved.
INSERT INTO sluicegate.proof
    (backfill, fingerprint, upper_bound, rows_owed, rows_done, started_at, proved_at)
VALUES
    (%(name)s, %(fingerprint)s, %(upper)s, %(owed)s, %(done)s, %(started)s, clock_timestamp());

-- name: server_clock
-- What time it is there.
SELECT clock_timestamp() AS now;

-- name: proof_latest
-- The latest proof of a backfill.
SELECT fingerprint, upper_bound, rows_owed, rows_done, started_at, proved_at
FROM sluicegate.proof
WHERE backfill = %(name)s
ORDER BY id DESC
LIMIT 1;
