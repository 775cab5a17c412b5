"""Proof that nothing is missing, counted in the database."""
