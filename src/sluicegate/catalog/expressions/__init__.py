"""Expressions over a schema: their types, their volatility after planning, and why the server rejects them."""

from sluicegate.catalog.expressions.meaning import Invalid, Meaning, Notes, Place
from sluicegate.catalog.expressions.reader import Reader

__all__ = ["Invalid", "Meaning", "Notes", "Place", "Reader"]
