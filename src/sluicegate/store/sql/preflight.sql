-- Questions to the catalog before a backfill starts.

-- name: server_facts
-- Is this a primary, and where are we?
SELECT pg_is_in_recovery() AS standby, current_database() AS database, current_user AS role;

-- name: table_facts
-- What the catalog says about the table. reltuples is -1 where neither VACUUM nor ANALYZE has been (PostgreSQL 14+).
SELECT c.oid, c.relkind::text AS kind, c.reltuples::bigint AS estimate, row_security_active(c.oid) AS hidden,
       EXISTS (SELECT 1 FROM pg_stats AS s WHERE s.schemaname = n.nspname AND s.tablename = c.relname) AS analysed
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s;

-- name: column_facts
-- Type and nullability of columns, in the order asked for. Without -1, format_type calls char(8) "character", which a
-- cast takes for char(1).
SELECT w.name, format_type(a.atttypid, -1) AS type, a.attnotnull AS not_null, a.attcollation <> 0 AS collatable,
       coalesce(pg_collation_actual_version(nullif(a.attcollation, 0)), '') AS collation_version
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
