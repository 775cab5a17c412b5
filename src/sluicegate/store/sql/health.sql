-- What the throttle asks about the server, its replicas and its users. Each is one statement, asked at most once a second.

-- name: server_identity
-- Which cluster this is, whether it takes writes, and on which timeline: each promotion begins a higher one.
SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       (SELECT system_identifier FROM pg_control_system()) AS cluster,
       CASE WHEN NOT pg_is_in_recovery() THEN
           ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END AS timeline;

-- name: health_privileges
-- Whether we may read what other roles do. Membership in pg_monitor brings both.
SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS may_read_others,
       has_function_privilege('pg_ls_archive_statusdir()', 'EXECUTE') AS may_read_archive,
       quote_ident(current_user) AS role;

-- name: health_targets
-- The tables that a backfill writes, as the search path finds them, with their partitions and their TOAST tables.
SELECT DISTINCT t.oid::bigint AS oid
FROM unnest(%(names)s::text[]) AS w (name)
CROSS JOIN LATERAL (
    SELECT to_regclass(w.name)::oid AS oid
    UNION ALL
    SELECT p.relid FROM pg_partition_tree(to_regclass(w.name)) AS p
) AS found
JOIN pg_class AS c ON c.oid = found.oid
CROSS JOIN LATERAL (VALUES (c.oid), (c.reltoastrelid)) AS t (oid)
WHERE t.oid <> 0;

-- name: health_replicas
-- Everybody who receives WAL and applies it, and how far they are: all NULL for a role that may not know. A base backup
-- takes WAL too, and applies none.
SELECT r.pid, r.application_name AS name, r.state, pg_current_wal_lsn() - '0/0'::pg_lsn AS written,
       coalesce(r.replay_lsn, r.flush_lsn, r.write_lsn, r.sent_lsn) - '0/0'::pg_lsn AS replayed,
       extract(epoch FROM r.replay_lag)::double precision AS seconds
FROM pg_stat_replication AS r
WHERE r.state IS DISTINCT FROM 'backup'
ORDER BY r.application_name, r.pid;

-- name: health_xmin
-- Who keeps vacuum from removing dead rows, oldest first. A session of another database matters once it has a
-- transaction id; vacuums hold nobody up; catalog_xmin of a slot concerns catalogs only.
SELECT h.holder, h.pid, h.name, h.role, h.state, h.xids, h.seconds, h.query
FROM (
    SELECT CASE WHEN a.backend_type = 'walsender' THEN 'standby' ELSE 'session' END AS holder, a.pid,
           a.application_name AS name, a.usename AS role, a.state,
           greatest(age(a.backend_xid), age(a.backend_xmin))::bigint AS xids,
           CASE WHEN a.backend_type IS DISTINCT FROM 'walsender'
               THEN extract(epoch FROM clock_timestamp() - a.xact_start)::double precision END AS seconds,
           a.query
    FROM pg_stat_activity AS a
    WHERE (a.backend_xid IS NOT NULL
           OR a.backend_xmin IS NOT NULL
              AND (a.datname = current_database() OR a.datname IS NULL OR a.backend_type = 'walsender'))
      AND a.pid <> pg_backend_pid()
      AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_vacuum AS v WHERE v.pid IN (a.pid, a.leader_pid))
    UNION ALL
    SELECT 'prepared transaction', NULL, p.gid, p.owner, 'prepared', age(p.transaction)::bigint,
           extract(epoch FROM clock_timestamp() - p.prepared)::double precision, NULL
    FROM pg_prepared_xacts AS p
    UNION ALL
    SELECT 'slot', s.active_pid, s.slot_name, NULL, CASE WHEN s.active THEN 'active' ELSE 'inactive' END,
           age(s.xmin)::bigint, NULL, NULL
    FROM pg_replication_slots AS s
    WHERE s.xmin IS NOT NULL
) AS h
ORDER BY h.xids DESC NULLS FIRST, h.seconds DESC NULLS LAST
LIMIT 50;

-- name: health_waiters
-- Sessions that wait for a lock behind this backfill's workers, longest first.
SELECT l.pid, a.application_name AS name, a.usename AS role, l.mode, coalesce(l.relation::regclass::text, l.locktype) AS locked,
       extract(epoch FROM clock_timestamp() - l.waitstart)::double precision AS seconds, a.query
FROM pg_locks AS l
LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE NOT l.granted
  AND a.application_name IS DISTINCT FROM %(workers)s::name::text
  AND EXISTS (
      SELECT 1
      FROM unnest(pg_blocking_pids(l.pid)) AS b (pid)
      JOIN pg_stat_activity AS w ON w.pid = b.pid
      WHERE w.datname = current_database() AND w.application_name = %(workers)s::name::text
  )
ORDER BY l.waitstart
LIMIT 20;

-- name: health_dead_tuples
-- Dead rows of the written tables against the number at which autovacuum starts (PostgreSQL 18 manual, 24.1.6, with the
-- table's storage parameters). NULL where nothing is counted.
SELECT t.name, CASE WHEN current_setting('track_counts')::boolean THEN t.dead END AS dead, t.threshold, t.enabled
FROM (
    SELECT c.oid::regclass::text AS name, pg_stat_get_dead_tuples(c.oid) AS dead,
           least(
               coalesce(o.threshold, current_setting('autovacuum_vacuum_threshold')::double precision)
               + coalesce(o.scale, current_setting('autovacuum_vacuum_scale_factor')::double precision)
                 * greatest(c.reltuples, 0)::double precision,
               nullif(coalesce(
                   o.most, current_setting('autovacuum_vacuum_max_threshold', true)::double precision, -1
               ), -1)
           ) AS threshold,
           current_setting('autovacuum')::boolean AND coalesce(o.enabled, true) AS enabled
    FROM pg_class AS c
    CROSS JOIN LATERAL (
        SELECT max(option_value::double precision) FILTER (WHERE option_name = 'autovacuum_vacuum_threshold') AS threshold,
               max(option_value::double precision) FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor') AS scale,
               max(option_value::double precision) FILTER (WHERE option_name = 'autovacuum_vacuum_max_threshold') AS most,
               bool_and(option_value::boolean) FILTER (WHERE option_name = 'autovacuum_enabled') AS enabled
        FROM pg_options_to_table(c.reloptions)
    ) AS o
    WHERE c.oid = ANY (%(targets)s::bigint[]::oid[]) AND c.relkind IN ('r', 'm')
) AS t
ORDER BY t.dead / greatest(t.threshold, 1) DESC;

-- name: health_wraparound
-- How old the written tables' oldest ids are, and whether an autovacuum to prevent wraparound works on them.
SELECT c.oid::regclass::text AS name, age(c.relfrozenxid)::bigint AS xids, mxid_age(c.relminmxid)::bigint AS multixacts,
       v.pid, v.phase, extract(epoch FROM clock_timestamp() - a.xact_start)::double precision AS seconds
FROM pg_class AS c
LEFT JOIN pg_stat_progress_vacuum AS p ON p.relid = c.oid AND p.datid = (
    SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()
)
LEFT JOIN pg_stat_activity AS a ON a.pid = p.pid AND a.query LIKE '%%(to prevent wraparound)'
LEFT JOIN pg_stat_progress_vacuum AS v ON v.pid = a.pid
WHERE c.oid = ANY (%(targets)s::bigint[]::oid[]) AND c.relkind IN ('r', 'm', 't')
ORDER BY v.pid NULLS LAST, greatest(age(c.relfrozenxid), mxid_age(c.relminmxid)) DESC;

-- name: health_archive
-- Whether WAL is archived, how many files wait for it, and whether the last attempt failed. Counting takes pg_monitor.
SELECT current_setting('archive_mode') <> 'off' AS used, s.last_failed_wal AS wal,
       coalesce(s.last_failed_time > coalesce(s.last_archived_time, '-infinity'), false) AS failing,
       extract(epoch FROM clock_timestamp() - coalesce(s.last_archived_time, s.stats_reset))::double precision AS seconds
FROM pg_stat_archiver AS s;

-- name: health_archive_files
-- How many WAL files wait to be archived.
SELECT count(*) AS files FROM pg_ls_archive_statusdir() WHERE name LIKE '%%.ready';

-- name: health_slots
-- How much WAL each replication slot keeps. A lost slot keeps none.
SELECT s.slot_name AS name, s.slot_type AS type, s.active, s.wal_status AS status,
       pg_current_wal_lsn() - s.restart_lsn AS bytes
FROM pg_replication_slots AS s
WHERE s.restart_lsn IS NOT NULL AND s.wal_status IS DISTINCT FROM 'lost'
ORDER BY s.restart_lsn;
