-- The schema as a server's own catalogs hold it. Columns that a version lacks are read through to_jsonb, which gives
-- NULL for them. System schemas and what lives in them are left out.

-- name: schemas
SELECT nspname FROM pg_catalog.pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
ORDER BY nspname;

-- name: relations
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
       c.relreplident, c.reloptions, s.spcname, a.amname, pg_catalog.pg_get_expr(c.relpartbound, c.oid),
       pg_catalog.pg_get_partkeydef(c.oid), tn.nspname, t.typname, c.relispopulated
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_am AS a ON a.oid = c.relam AND a.amname <> 'heap'
LEFT JOIN pg_catalog.pg_type AS t ON t.oid = c.reloftype
LEFT JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'c', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY c.oid;

-- name: columns
SELECT a.attrelid, a.attname, tn.nspname, t.typname, a.atttypmod, e.typname IS NOT NULL, a.attnotnull,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid), a.attgenerated::text, a.attidentity::text,
       cn.nspname, co.collname, a.attstorage::text, t.typstorage::text, a.attcompression::text,
       (pg_catalog.to_jsonb(a) ->> 'attstattarget')::int, a.attislocal, a.attinhcount, en.nspname, e.typname
FROM pg_catalog.pg_attribute AS a
JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_type AS t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace AS tn ON tn.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND e.typarray = t.oid
LEFT JOIN pg_catalog.pg_namespace AS en ON en.oid = e.typnamespace
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = a.attcollation AND a.attcollation <> t.typcollation
LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'c', 'f')
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY a.attrelid, a.attnum;

-- name: parents
SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits AS i ORDER BY i.inhrelid, i.inhseqno;

-- name: constraints
SELECT c.conrelid, c.contypid, c.conname, c.contype::text,
       ARRAY(SELECT a.attname FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY AS k (num, place)
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.num ORDER BY k.place),
       pg_catalog.pg_get_expr(c.conbin, c.conrelid), c.confrelid,
       ARRAY(SELECT a.attname FROM pg_catalog.unnest(c.confkey) WITH ORDINALITY AS k (num, place)
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.num ORDER BY k.place),
       c.confdeltype::text, c.confupdtype::text, c.convalidated,
       coalesce((pg_catalog.to_jsonb(c) ->> 'conenforced')::bool, true), c.condeferrable, c.connoinherit, c.conindid,
       coalesce((pg_catalog.to_jsonb(c) ->> 'conperiod')::bool, false), c.conislocal, c.coninhcount
FROM pg_catalog.pg_constraint AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.connamespace
LEFT JOIN pg_catalog.pg_constraint AS p ON p.oid = c.conparentid
WHERE c.contype IN ('c', 'f', 'p', 'u', 'x', 'n') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT (c.conparentid <> 0 AND p.conrelid = c.conrelid)
ORDER BY c.oid;

-- name: indexes
SELECT i.indexrelid, n.nspname, c.relname, i.indrelid, m.amname, i.indisunique,
       pg_catalog.pg_get_expr(i.indpred, i.indrelid), i.indisvalid, c.reloptions, s.spcname, i.indisreplident,
       i.indisclustered, coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false), i.indnkeyatts
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
LEFT JOIN pg_catalog.pg_tablespace AS s ON s.oid = c.reltablespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY i.indexrelid;

-- name: index_keys
SELECT i.indexrelid, k.place, a.attname,
       CASE WHEN k.num = 0 THEN pg_catalog.pg_get_indexdef(i.indexrelid, k.place::int, false) END,
       o.opcname, o.opcdefault, cn.nspname, co.collname, coalesce(i.indoption[k.place - 1], 0)
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (num, place)
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num <> 0
LEFT JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[k.place - 1] AND k.place <= i.indnkeyatts
LEFT JOIN pg_catalog.pg_attribute AS own ON own.attrelid = i.indexrelid AND own.attnum = k.place
LEFT JOIN pg_catalog.pg_type AS t ON t.oid = own.atttypid
LEFT JOIN pg_catalog.pg_collation AS co ON co.oid = i.indcollation[k.place - 1]
      AND co.oid <> coalesce(nullif(a.attcollation, 0), t.typcollation)
LEFT JOIN pg_catalog.pg_namespace AS cn ON cn.oid = co.collnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY i.indexrelid, k.place;

-- name: triggers
SELECT t.tgrelid, t.tgname, fn.nspname, f.proname, t.tgtype, t.tgenabled::text, t.tgconstraint <> 0,
       t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL,
       ARRAY(SELECT a.attname FROM pg_catalog.unnest(t.tgattr::int2[]) WITH ORDINALITY AS k (num, place)
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.tgrelid AND a.attnum = k.num ORDER BY k.place),
       CASE WHEN t.tgqual IS NOT NULL THEN pg_catalog.pg_get_triggerdef(t.oid) END
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
JOIN pg_catalog.pg_namespace AS fn ON fn.oid = f.pronamespace
WHERE NOT t.tgisinternal
ORDER BY t.tgrelid, t.tgname;

-- name: policies
SELECT p.polrelid, p.polname, p.polcmd::text, p.polpermissive, pg_catalog.pg_get_expr(p.polqual, p.polrelid),
       pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)
FROM pg_catalog.pg_policy AS p ORDER BY p.polrelid, p.polname;

-- name: rules
SELECT r.ev_class, r.rulename,
       ARRAY(SELECT DISTINCT a.attname FROM pg_catalog.pg_depend AS d
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
                   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = r.ev_class
                   AND d.refobjsubid > 0),
       ARRAY(SELECT DISTINCT d.refobjid FROM pg_catalog.pg_depend AS d
             WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
                   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class)
FROM pg_catalog.pg_rewrite AS r WHERE r.rulename <> '_RETURN' ORDER BY 1, 2;

-- name: views
SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid) FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY c.oid;

-- name: reads
SELECT DISTINCT r.ev_class, d.refobjid, a.attname
FROM pg_catalog.pg_rewrite AS r
JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND d.refobjsubid > 0
WHERE r.rulename = '_RETURN' AND d.refobjid <> r.ev_class
ORDER BY 1, 2, 3;

-- name: sequences
SELECT s.seqrelid, t.typname, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle,
       d.refobjid, a.attname
FROM pg_catalog.pg_sequence AS s
JOIN pg_catalog.pg_type AS t ON t.oid = s.seqtypid
LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND d.objid = s.seqrelid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
      AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
ORDER BY s.seqrelid;

-- name: types
SELECT t.oid, n.nspname, t.typname, t.typtype::text, bn.nspname, coalesce(be.typname, b.typname), t.typtypmod,
       be.typname IS NOT NULL, t.typnotnull, t.typdefault,
       ARRAY(SELECT l.enumlabel FROM pg_catalog.pg_enum AS l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder),
       (SELECT sn.nspname FROM pg_catalog.pg_range AS r JOIN pg_catalog.pg_type AS st ON st.oid = r.rngsubtype
        JOIN pg_catalog.pg_namespace AS sn ON sn.oid = st.typnamespace WHERE t.oid IN (r.rngtypid, r.rngmultitypid)),
       (SELECT st.typname FROM pg_catalog.pg_range AS r JOIN pg_catalog.pg_type AS st ON st.oid = r.rngsubtype
        WHERE t.oid IN (r.rngtypid, r.rngmultitypid)),
       (SELECT mn.nspname FROM pg_catalog.pg_range AS r JOIN pg_catalog.pg_type AS mt ON mt.oid = r.rngmultitypid
        JOIN pg_catalog.pg_namespace AS mn ON mn.oid = mt.typnamespace WHERE r.rngtypid = t.oid),
       (SELECT mt.typname FROM pg_catalog.pg_range AS r JOIN pg_catalog.pg_type AS mt ON mt.oid = r.rngmultitypid
        WHERE r.rngtypid = t.oid),
       x.extname
FROM pg_catalog.pg_type AS t
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type AS b ON b.oid = t.typbasetype
LEFT JOIN pg_catalog.pg_type AS be ON be.oid = b.typelem AND be.typarray = b.oid
LEFT JOIN pg_catalog.pg_namespace AS bn ON bn.oid = coalesce(be.typnamespace, b.typnamespace)
LEFT JOIN pg_catalog.pg_class AS c ON c.oid = t.typrelid
LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid
      AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS x ON x.oid = d.refobjid
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND (t.typtype IN ('e', 'd', 'r', 'm') OR (t.typtype = 'c' AND c.relkind = 'c')
           OR (t.typtype IN ('b', 'p') AND t.typcategory <> 'A'))
ORDER BY t.oid;

-- name: functions
SELECT n.nspname, p.proname, p.prokind::text, p.provolatile::text, l.lanname,
       coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc), p.proisstrict, p.prosecdef, p.pronargdefaults,
       p.provariadic <> 0, p.proconfig, x.extname, p.proretset, p.proargnames, p.proargmodes::text[],
       pg_catalog.pg_get_expr(p.proargdefaults, 0),
       ARRAY(SELECT pg_catalog.array_to_json(ARRAY[rn.nspname::text, rc.relname::text, ra.attname::text])::text
             FROM pg_catalog.pg_depend AS rd
             JOIN pg_catalog.pg_class AS rc ON rc.oid = rd.refobjid
             JOIN pg_catalog.pg_namespace AS rn ON rn.oid = rc.relnamespace
             LEFT JOIN pg_catalog.pg_attribute AS ra
                  ON ra.attrelid = rc.oid AND ra.attnum = rd.refobjsubid AND rd.refobjsubid > 0
             WHERE rd.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND rd.objid = p.oid
                   AND rd.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass),
       ARRAY(SELECT pg_catalog.array_to_json(ARRAY[tn.nspname::text, coalesce(te.typname, t.typname)::text,
                                                   (te.typname IS NOT NULL)::text, coalesce(o.name, '')])::text
             FROM ROWS FROM (pg_catalog.unnest(p.proallargtypes), pg_catalog.unnest(p.proargmodes),
                             pg_catalog.unnest(p.proargnames)) WITH ORDINALITY AS o (type, mode, name, place)
             JOIN pg_catalog.pg_type AS t ON t.oid = o.type
             LEFT JOIN pg_catalog.pg_type AS te ON te.oid = t.typelem AND te.typarray = t.oid
             JOIN pg_catalog.pg_namespace AS tn ON tn.oid = coalesce(te.typnamespace, t.typnamespace)
             WHERE o.mode IN ('o', 'b', 't') ORDER BY o.place),
       ARRAY(SELECT pg_catalog.array_to_json(ARRAY[tn.nspname::text, coalesce(te.typname, t.typname)::text,
                                                   (te.typname IS NOT NULL)::text])::text
             FROM pg_catalog.unnest(p.proargtypes || p.prorettype) WITH ORDINALITY AS a (type, place)
             JOIN pg_catalog.pg_type AS t ON t.oid = a.type
             LEFT JOIN pg_catalog.pg_type AS te ON te.oid = t.typelem AND te.typarray = t.oid
             JOIN pg_catalog.pg_namespace AS tn ON tn.oid = coalesce(te.typnamespace, t.typnamespace)
             ORDER BY a.place)
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
LEFT JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid
      AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension AS x ON x.oid = d.refobjid
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND coalesce(x.extname, '') <> 'vector'
ORDER BY p.oid;

-- name: extensions
SELECT x.extname, n.nspname, x.extversion FROM pg_catalog.pg_extension AS x
JOIN pg_catalog.pg_namespace AS n ON n.oid = x.extnamespace WHERE x.extname <> 'plpgsql' ORDER BY x.extname;

-- name: publications
SELECT p.pubname, p.puballtables,
       ARRAY(SELECT r.prrelid FROM pg_catalog.pg_publication_rel AS r WHERE r.prpubid = p.oid ORDER BY 1)
FROM pg_catalog.pg_publication AS p ORDER BY p.pubname;

-- name: publication_schemas
SELECT p.pubname, n.nspname FROM pg_catalog.pg_publication_namespace AS s
JOIN pg_catalog.pg_publication AS p ON p.oid = s.pnpubid
JOIN pg_catalog.pg_namespace AS n ON n.oid = s.pnnspid ORDER BY 1, 2;

-- name: statistics
SELECT s.stxrelid, s.stxname, ARRAY(SELECT DISTINCT a.attname FROM pg_catalog.pg_depend AS d
             JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND d.objid = s.oid
                   AND d.refobjid = s.stxrelid AND d.refobjsubid > 0)
FROM pg_catalog.pg_statistic_ext AS s ORDER BY 1, 2;
