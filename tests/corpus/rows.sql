-- Rows for schema.sql: enough that a scan, a rewrite or an index build shows in the server's counters.
INSERT INTO organizations (name, slug, plan) SELECT 'Org ' || g, 'org-' || g, 'pro' FROM generate_series(1, 2000) g;
INSERT INTO users (organization_id, email, name, nickname, bio, age, balance, locale, is_active, created_at,
                   last_seen_at, settings, contact, legacy_id)
SELECT 1 + g % 200, 'u' || g || '@example.com', 'User ' || g, 'nick' || g, repeat('bio ', 20), 20 + g % 50, g, 'en',
       g % 2 = 0, timestamp '2024-01-01' + g * interval '1 minute', timestamptz '2024-01-01 00:00+00', '{"a": 1}',
       'c' || g, g
FROM generate_series(1, 1000) g;
INSERT INTO orders (user_id, status, state, total, currency, note, meta, coupon, quantity, placed_at, external_ref)
SELECT g, 'open', 'paid', g, 'EUR', 'note', '{"k": 1}', 'c', 1, timestamp '2024-01-01' + g * interval '1 minute',
       'ref-' || g
FROM generate_series(1, 1000) g;
INSERT INTO order_items (order_id, sku, price, quantity) SELECT g, 'sku' || g, g, 1 FROM generate_series(1, 1000) g;
INSERT INTO payments (order_id, amount, captured_at) SELECT g, g, now() FROM generate_series(1, 1000) g;
INSERT INTO subscriptions SELECT g, 1 + g % 20, date '2024-01-01' + g, date '2024-01-02' + g, 1, 'token' || g
FROM generate_series(1, 1000) g;
INSERT INTO plans SELECT 'plan' || g, 'Plan ' || g, g FROM generate_series(1, 5) g;
INSERT INTO settings SELECT 'key' || g, 'value' FROM generate_series(1, 20) g;
INSERT INTO feature_flags (name) SELECT 'flag' || g FROM generate_series(1, 20) g;
INSERT INTO events (organization_id, kind, payload_text, payload)
SELECT 1 + g % 200, 'created', 'text ' || g, '{"a": 1}' FROM generate_series(1, 1000) g;
INSERT INTO event_embeddings
SELECT g, array_fill(g::real / 50, ARRAY[1536])::vector, 'small' FROM generate_series(1, 30) g;
INSERT INTO documents (title, body, lang, embedding)
SELECT 'Title ' || g, 'Body ' || g, 'en', array_fill(g::real / 50, ARRAY[768])::vector FROM generate_series(1, 60) g;
INSERT INTO chunks (document_id, position, content, tenant_id, embedding)
SELECT g, 1, 'content ' || g, gen_random_uuid(), array_fill(g::real / 50, ARRAY[1536])::vector
FROM generate_series(1, 30) g;
INSERT INTO images (url, clip, large, thumb, terms, fingerprint, palette, raw, raw_text)
SELECT 'https://img/' || g, array_fill(g::real / 50, ARRAY[512])::vector, array_fill(g::real / 50, ARRAY[3072])::vector,
       array_fill(g::real / 50, ARRAY[256])::halfvec, '{1:1,3:2}/1000', repeat('01', 32)::bit(64), ARRAY[1, 2, 3]::real[],
       '[1,2,3]', '[1,2,3]'
FROM generate_series(1, 30) g;
INSERT INTO memories SELECT g, g % 3, array_fill(g::real / 50, ARRAY[384])::vector FROM generate_series(1, 60) g;
INSERT INTO drafts SELECT g, 'body' FROM generate_series(1, 60) g;
INSERT INTO jobs (state, queue, payload) SELECT 'done', 'default', '{}' FROM generate_series(1, 500) g;
INSERT INTO measurements SELECT g, timestamptz '2024-02-01' + g * interval '1 hour', g FROM generate_series(1, 500) g;
INSERT INTO measurements SELECT g, timestamptz '2025-02-01' + g * interval '1 hour', g FROM generate_series(1, 500) g;
INSERT INTO measurements_2026
SELECT g, timestamptz '2026-02-01' + g * interval '1 hour', g FROM generate_series(1, 500) g;
INSERT INTO measurements_2027
SELECT g, timestamptz '2027-02-01' + g * interval '1 hour', g FROM generate_series(1, 500) g;
INSERT INTO logs SELECT g, date '2025-01-01' + g % 300, 'line' FROM generate_series(1, 500) g;
INSERT INTO logs SELECT g, date '2023-01-01' + g % 300, 'old' FROM generate_series(1, 500) g;
INSERT INTO sessions SELECT 't' || g, g, now() FROM generate_series(1, 500) g;
INSERT INTO audit_log SELECT g, 'me', 'login', now() FROM generate_series(1, 500) g;
REFRESH MATERIALIZED VIEW order_totals;
INSERT INTO billing.invoices (order_id, number, issued_on, total)
SELECT g, 'INV-' || g, date '2024-01-01', g FROM generate_series(1, 500) g;
ANALYZE;
