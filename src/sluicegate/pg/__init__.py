"""The one door to a PostgreSQL server."""
