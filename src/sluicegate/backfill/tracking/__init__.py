"""How a backfill knows what it has done: by a high watermark over the key, or by a sidecar table."""
