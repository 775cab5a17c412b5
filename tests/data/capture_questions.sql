-- What migrations ask a database about itself, and a few expressions; each is asked of a server and of the catalog.

SELECT 1;
SELECT 1 AS one, 'x' AS two, NULL AS three, true AND NULL AS four;
SELECT to_regclass('events') IS NOT NULL, to_regclass('app.recent') IS NOT NULL, to_regclass('nothing');
SELECT to_regclass('public.events')::text, 'events_kind_idx'::regclass::text;
SELECT current_schema(), current_database() IS NOT NULL, current_setting('server_version_num')::int / 10000;
SELECT EXISTS (SELECT 1 FROM information_schema.tables WHERE table_name = 'events');
SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND tablename = 'nothing') AS found;
SELECT column_name, data_type, is_nullable, character_maximum_length, numeric_precision, numeric_scale, udt_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'events' ORDER BY ordinal_position;
SELECT column_name FROM information_schema.columns WHERE table_name IN ('events', 'organizations') AND is_nullable = 'NO' ORDER BY table_name, column_name;
SELECT data_type FROM information_schema.columns WHERE table_name = 'event_embeddings' ORDER BY 1;
SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2;
SELECT conname, contype, convalidated, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'event_embeddings'::regclass AND contype <> 'n' ORDER BY conname;
SELECT c.conname FROM pg_constraint c JOIN pg_class t ON c.conrelid = t.oid JOIN pg_namespace n ON n.oid = t.relnamespace WHERE t.relname = 'events' AND n.nspname = 'public' AND c.contype = 'f';
SELECT tc.constraint_name, kcu.column_name, ccu.table_name FROM information_schema.table_constraints AS tc JOIN information_schema.key_column_usage AS kcu ON tc.constraint_name = kcu.constraint_name JOIN information_schema.constraint_column_usage AS ccu ON ccu.constraint_name = tc.constraint_name WHERE tc.constraint_type = 'FOREIGN KEY' AND tc.table_name = 'events';
SELECT constraint_type, count(*) FROM information_schema.table_constraints WHERE table_name = 'organizations' AND constraint_type <> 'CHECK' GROUP BY constraint_type ORDER BY constraint_type;
SELECT rc.delete_rule FROM information_schema.referential_constraints rc WHERE rc.constraint_name = 'events_organization_id_fkey';
SELECT indexname FROM pg_indexes WHERE tablename = 'events' ORDER BY indexname;
SELECT count(*) FROM pg_indexes WHERE indexname = 'events_kind_idx' AND schemaname = current_schema();
SELECT indexname FROM pg_indexes WHERE indexdef ILIKE '%using hnsw%vector_cosine_ops%';
SELECT i.indisvalid, i.indisunique, i.indisprimary, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'events'::regclass ORDER BY c.relname;
SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a WHERE a.attrelid = 'events'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum;
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) WHERE i.indrelid = 'events'::regclass AND i.indisprimary;
SELECT e.enumlabel FROM pg_enum e JOIN pg_type t ON e.enumtypid = t.oid WHERE t.typname = 'mood' ORDER BY e.enumsortorder;
SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = 'mood'::regtype;
SELECT 1 FROM pg_type WHERE typname = 'mood';
SELECT typname, typtype FROM pg_type WHERE typname IN ('mood', 'positive') ORDER BY typname DESC;
SELECT extname FROM pg_extension ORDER BY 1;
SELECT EXISTS(SELECT 1 FROM pg_extension WHERE extname = 'vector');
SELECT nspname FROM pg_namespace WHERE nspname = ANY(ARRAY['app', 'gone']);
SELECT schema_name FROM information_schema.schemata WHERE schema_name = 'app';
SELECT relname, relkind FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm') ORDER BY relname;
SELECT c.relname FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'parts'::regclass;
SELECT relrowsecurity FROM pg_class WHERE oid = 'events'::regclass;
SELECT policyname FROM pg_policies WHERE tablename = 'events';
SELECT tgname FROM pg_trigger WHERE tgrelid = 'events'::regclass AND NOT tgisinternal;
SELECT DISTINCT trigger_name FROM information_schema.triggers WHERE event_object_table = 'events';
SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'public' AND proname = 'touch';
SELECT 1 FROM pg_proc WHERE proname = 'gen_random_uuid';
SELECT routine_name FROM information_schema.routines WHERE routine_name = 'touch';
SELECT matviewname FROM pg_matviews;
SELECT viewname FROM pg_views WHERE schemaname = 'app';
SELECT sequence_name FROM information_schema.sequences ORDER BY 1;
SELECT pg_get_serial_sequence('events', 'id');
SELECT coalesce((SELECT atttypmod FROM pg_attribute WHERE attrelid = 'event_embeddings'::regclass AND attname = 'gone'), -2);
WITH wanted AS (SELECT unnest(ARRAY['events', 'gone']) AS name) SELECT name FROM wanted WHERE to_regclass(name) IS NULL;
SELECT CASE WHEN count(*) > 0 THEN 'yes' ELSE 'no' END FROM pg_tables WHERE tablename = 'events';
SELECT count(*) = 2 AS both FROM information_schema.tables WHERE table_name IN ('events', 'organizations');
SELECT array_agg(relname ORDER BY relname) FROM pg_class WHERE relname LIKE 'event\_%' AND relkind = 'r';
SELECT table_name FROM information_schema.tables WHERE table_schema = 'app' UNION ALL SELECT 'x' WHERE false;
SHOW search_path;
VALUES (1, 'a'), (2, 'b');
SELECT lower('ABC') || '-' || upper('x'), 7 / 2, -7 % 3, 5 BETWEEN 1 AND 5, 'abc' LIKE 'a_c', NULL = NULL;
SELECT 'a' IN ('b', NULL), 1 NOT IN (2, 3), 'x' ~ '^X$', 'x' ~* '^X$', nullif(1, 1), 3 IS DISTINCT FROM NULL;
SELECT conname FROM pg_constraint c WHERE c.conrelid = 'organizations'::regclass AND c.contype = 'u'
    AND array_length(c.conkey, 1) = 1 AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.conrelid
    AND a.attnum = c.conkey[1] AND a.attname = 'name');
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indexrelid = 'events_pkey'::regclass;
SELECT a.attname FROM pg_constraint c, unnest(c.conkey) WITH ORDINALITY AS k(attnum, place)
    JOIN pg_attribute a ON a.attnum = k.attnum WHERE a.attrelid = c.conrelid AND c.conname = 'events_pkey'
    ORDER BY k.place;
