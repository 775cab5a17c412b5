-- Questions to the catalog before a backfill starts.

-- name: server_facts
-- Is this a primary, and where are we?
SELECT pg_is_in_recovery() AS standby, current_database() AS database, current_user AS role;

-- name: table_facts
-- What the catalog says about the table. reltuples is -1 where neither VACUUM nor ANALYZE has been (PostgreSQL 14+).
SELECT c.oid, c.relkind::text AS kind, c.reltuples::bigint AS estimate, row_security_active(c.oid) AS hidden,
       pg_relation_filenode(c.oid)::text AS file,
       EXISTS (SELECT 1 FROM pg_stats AS s WHERE s.schemaname = n.nspname AND s.tablename = c.relname) AS analysed
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s;

-- name: column_facts
-- Type and nullability of columns, in the order asked for. Without -1, format_type calls char(8) "character", which a
-- cast takes for char(1). Versions before 15 do not record the version of the database's own collation.
SELECT w.name, format_type(a.atttypid, -1) AS type, a.attnotnull AS not_null, a.attcollation <> 0 AS collatable,
       coalesce(pg_collation_actual_version(nullif(a.attcollation, 0)), '') AS collation_version,
       CASE a.attcollation
           WHEN 'pg_catalog.default'::regcollation THEN (
               SELECT to_jsonb(d) ->> 'datcollversion' FROM pg_database AS d WHERE d.datname = current_database()
           )
           ELSE (SELECT o.collversion FROM pg_collation AS o WHERE o.oid = a.attcollation)
       END AS recorded_version
FROM unnest(%(columns)s::text[]) WITH ORDINALITY AS w (name, position)
LEFT JOIN pg_attribute AS a ON a.attrelid = %(oid)s AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY w.position;

-- name: index_facts
-- Valid, complete B-tree indexes of a table: their key columns in order, and whether they serve a range walk in both
-- directions (one direction for all columns, the columns' own collations, the default operator classes).
SELECT i.indexrelid::regclass::text AS name, i.indisunique AND i.indimmediate AS is_unique,
       ARRAY(
           SELECT coalesce(a.attname::text, '')
           FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
           LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
           WHERE k.position <= i.indnkeyatts
           ORDER BY k.position
       ) AS columns,
       ARRAY(
           SELECT o.opcdefault AND coalesce(a.attcollation, 0) = l.collation_oid AND l.direction IN (0, 3)
                  AND l.direction = i.indoption[0]
           FROM unnest(i.indclass::oid[], i.indcollation::oid[], i.indoption::smallint[], i.indkey::smallint[])
               WITH ORDINALITY AS l (opclass, collation_oid, direction, attnum, position)
           JOIN pg_opclass AS o ON o.oid = l.opclass
           LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = l.attnum
           WHERE l.position <= i.indnkeyatts
           ORDER BY l.position
       ) AS usable
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_am AS m ON m.oid = c.relam
WHERE i.indrelid = %(oid)s AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'
ORDER BY i.indisprimary DESC, 1;

-- name: same_type
-- Whether a column, found as an unqualified name would be, has this type and no collation: only then does its
-- equality with a key imply the key's order.
SELECT 1
FROM pg_attribute AS a
WHERE a.attrelid = to_regclass(%(relation)s) AND a.attname = %(column)s AND NOT a.attisdropped
  AND format_type(a.atttypid, -1) = %(type)s AND a.attcollation = 0;

-- name: by_index
-- For the rest of the transaction, walk keys along their index: without statistics the planner would rather collect
-- and sort the whole range for each chunk.
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
       set_config('enable_sort', 'off', true), set_config('enable_incremental_sort', 'off', true);

-- name: by_any
-- For the rest of the transaction, plan as the session does outside of it.
SELECT set_config(s.name, s.reset_val, true)
FROM pg_settings AS s
WHERE s.name IN ('enable_seqscan', 'enable_bitmapscan', 'enable_sort', 'enable_incremental_sort');

-- name: cluster_facts
-- Which cluster this is: written by initdb, kept by physical copies (PostgreSQL 18 manual, 9.28.9).
SELECT system_identifier AS identifier FROM pg_control_system();

-- name: relation_facts
-- What the SQL's tables are, as the search path finds them, and what we may do with them. A privilege on any column
-- counts; whether it is the right column is found by having a chunk planned.
SELECT w.name, c.oid::bigint AS oid, c.oid::regclass::text AS shown, quote_ident(current_user) AS role,
       coalesce(row_security_active(c.oid), false) AS hidden,
       has_any_column_privilege(c.oid, 'SELECT') AS may_select,
       has_any_column_privilege(c.oid, 'INSERT') AS may_insert,
       has_any_column_privilege(c.oid, 'UPDATE') AS may_update,
       has_table_privilege(c.oid, 'DELETE') AS may_delete,
       coalesce(pg_relation_size(c.oid) / current_setting('block_size')::integer, 0) AS pages,
       pg_size_pretty(pg_relation_size(c.oid)) AS size
FROM unnest(%(names)s::text[]) WITH ORDINALITY AS w (name, position)
LEFT JOIN pg_class AS c ON c.oid = to_regclass(w.name)
ORDER BY w.position;

-- name: trigger_facts
-- Users' triggers that fire for these events in an ordinary session; one for an UPDATE of columns only where those are
-- set. The bits of tgtype: 1 for each row, 4 INSERT, 8 DELETE, 16 UPDATE.
SELECT t.tgname AS name, t.tgfoid::regproc::text AS function, t.tgtype & 1 <> 0 AS each_row
FROM pg_trigger AS t
WHERE t.tgrelid = %(oid)s AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
  AND t.tgtype & %(events)s <> 0
  AND (
      t.tgtype & %(events)s <> 16 OR cardinality(t.tgattr::smallint[]) = 0 OR %(columns)s::text[] IS NULL
      OR EXISTS (
          SELECT 1 FROM pg_attribute AS a
          WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr) AND a.attname = ANY (%(columns)s::text[])
      )
  )
ORDER BY t.tgname;

-- name: foreign_key_facts
-- Foreign keys of a table and those that point to it, and whether an index serves the look-up from the other side.
SELECT k.conname AS name, k.conrelid = %(oid)s AS outgoing, k.confrelid = %(oid)s AS incoming,
       k.conrelid::regclass::text AS referencing, k.confrelid::regclass::text AS other,
       ARRAY(
           SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS c (attnum, position)
           JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = c.attnum
           ORDER BY c.position
       ) AS columns,
       EXISTS (
           SELECT 1 FROM pg_index AS i
           WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = ANY (k.conkey)
       ) AS supported
FROM pg_constraint AS k
WHERE k.contype = 'f' AND k.conparentid = 0 AND %(oid)s IN (k.conrelid, k.confrelid)
ORDER BY k.conname;

-- name: index_costs
-- Every index of a table that is kept up to date, with the columns that it or its condition reads.
SELECT c.oid::regclass::text AS name, m.amname AS method, pg_size_pretty(pg_relation_size(c.oid)) AS size,
       ARRAY(
           SELECT DISTINCT a.attname::text
           FROM pg_attribute AS a
           WHERE a.attrelid = i.indrelid AND a.attnum > 0
             AND (
                 a.attnum = ANY (i.indkey)
                 OR EXISTS (
                     SELECT 1 FROM pg_depend AS d
                     WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                       AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum
                 )
             )
       ) AS columns
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_am AS m ON m.oid = c.relam
WHERE i.indrelid = %(oid)s AND i.indisready
ORDER BY 1;

-- name: publication_facts
-- The publications that a table belongs to, what they send, and whether its rows can be told apart by a subscriber.
SELECT p.pubname AS name, p.pubinsert AS inserts, p.pubupdate AS updates, p.pubdelete AS deletes,
       c.relreplident = 'f' OR EXISTS (
           SELECT 1 FROM pg_index AS i
           WHERE i.indrelid = c.oid AND (c.relreplident = 'd' AND i.indisprimary OR i.indisreplident)
       ) AS identified
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_publication_tables AS t ON t.schemaname = n.nspname AND t.tablename = c.relname
JOIN pg_publication AS p ON p.pubname = t.pubname
WHERE c.oid = %(oid)s
ORDER BY p.pubname;

-- name: statistics_facts
-- How many rows changed since the statistics were collected.
SELECT pg_stat_get_mod_since_analyze(c.oid) AS changed
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s;

-- name: transaction_ids
-- How old this database's oldest transaction ids are, and from which age on the server acts.
SELECT age(d.datfrozenxid) AS xids, mxid_age(d.datminmxid) AS multixacts,
       age(d.datfrozenxid) >= current_setting('autovacuum_freeze_max_age')::bigint
       OR mxid_age(d.datminmxid) >= current_setting('autovacuum_multixact_freeze_max_age')::bigint AS due,
       age(d.datfrozenxid) >= current_setting('vacuum_failsafe_age')::bigint
       OR mxid_age(d.datminmxid) >= current_setting('vacuum_multixact_failsafe_age')::bigint AS failsafe
FROM pg_database AS d
WHERE d.datname = current_database();

-- name: room_facts
-- The table's size with its indexes, and where the server keeps it, if we may know (pg_read_all_settings).
SELECT c.oid::bigint AS oid, pg_total_relation_size(c.oid) AS table_bytes,
       (SELECT s.setting FROM pg_settings AS s WHERE s.name = 'data_directory') AS directory
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s;

-- name: state_privileges
-- Tables of schema sluicegate that we may not read and write.
SELECT c.relname AS name
FROM pg_class AS c
WHERE c.relnamespace = 'sluicegate'::regnamespace AND c.relkind = 'r' AND NOT (
    has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
    AND (c.relname = 'audit' OR has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
)
ORDER BY c.relname;
