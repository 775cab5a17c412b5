"""Fixtures of the rules' tests."""

from __future__ import annotations

import pytest

from .examples import Examples, capture_examples, rule_bodies


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Every rule's examples, captured in one run."""
    return capture_examples(tmp_path_factory.mktemp("examples"), rule_bodies())
