"""Phases of a change and the gates between them."""
