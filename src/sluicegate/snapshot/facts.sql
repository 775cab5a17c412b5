-- What `sluicegate snapshot take` reads beside the schema: sizes and estimates, never a value of a row.

-- name: relations
SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples::float8, c.relpages,
       pg_catalog.pg_stat_get_live_tuples(c.oid),
       CASE WHEN c.relkind = 'p' THEN 0 ELSE pg_catalog.pg_relation_size(c.oid) END,
       CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE pg_catalog.pg_total_relation_size(c.reltoastrelid) END,
       pg_catalog.current_setting('block_size')::bigint
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY c.oid;

-- name: indexes
SELECT i.indrelid, c.relname, a.amname,
       CASE WHEN c.relkind = 'I' THEN 0 ELSE pg_catalog.pg_relation_size(c.oid) END, i.indisvalid
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_am AS a ON a.oid = c.relam
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE t.relkind IN ('r', 'p', 'm') AND t.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY i.indexrelid;

-- name: partitions
SELECT i.inhrelid, i.inhparent
FROM pg_catalog.pg_inherits AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
WHERE c.relispartition AND c.relkind IN ('r', 'p')
ORDER BY i.inhrelid;

-- name: settings
SELECT name, pg_catalog.concat(reset_val, unit)
FROM pg_catalog.pg_settings
WHERE name = ANY (%s)
ORDER BY name;

-- name: extensions
SELECT extname, extversion FROM pg_catalog.pg_extension ORDER BY extname;
