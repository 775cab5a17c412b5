"""Judge, try and roll out PostgreSQL and pgvector schema migrations, and move the data behind them."""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__"]
