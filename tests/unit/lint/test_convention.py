"""The naming convention of an application is found without importing the application."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluicegate.lint.convention import naming_convention
from sluicegate.lint.run import LintRequest, run_lint

CONVENTION = {"uq": "uq_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
AS_CODE = "{'uq': 'uq_%(table_name)s_%(column_0_N_name)s', 'pk': 'pk_%(table_name)s', 'fk': callable_of_ours}"


def written(folder: Path, **files: str) -> Path:
    """Write a package ``shop`` beside ``migrations/env.py`` and return env.py."""
    (folder / "shop").mkdir()
    (folder / "migrations" / "versions").mkdir(parents=True)
    for name, text in files.items():
        (folder / "shop" / f"{name}.py").write_text(text)
    env = folder / "migrations" / "env.py"
    env.write_text("from shop.models import Base\ntarget_metadata = Base.metadata\n")
    return env


@pytest.mark.parametrize(
    "files",
    [
        {"models": f"class Base:\n    metadata = MetaData(naming_convention={AS_CODE})"},
        {"models": f"names = {AS_CODE}\nmetadata = sa.MetaData(schema=None, naming_convention=names)"},
        {"models": "from .base import Base", "base": f"SQLModel.metadata.naming_convention = {AS_CODE}"},
        {
            "models": "from shop.names import NAMES\nmetadata = MetaData(naming_convention=NAMES)",
            "names": f"NAMES: dict[str, object] = {AS_CODE}",
        },
        {"models": "import shop.models, shop.other", "other": f"MetaData(naming_convention={AS_CODE})"},
    ],
    ids=["written out", "a name", "relative import", "imported name", "imports in a circle"],
)
def test_it_is_found_however_it_is_written(tmp_path: Path, files: dict[str, str]) -> None:
    assert naming_convention(written(tmp_path, **files)) == CONVENTION


@pytest.mark.parametrize("text", ["metadata = MetaData()", "def broken(", "MetaData(naming_convention=made())"])
def test_without_one_nothing_is_said(tmp_path: Path, text: str) -> None:
    assert naming_convention(written(tmp_path, models=text)) == {}


def test_a_constraint_without_a_name_can_be_dropped_by_the_name_that_it_got(tmp_path: Path) -> None:
    written(tmp_path, models=f"metadata = MetaData(naming_convention={AS_CODE})")
    (tmp_path / "migrations" / "versions" / "one.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\nrevision = 'one'\ndown_revision = None\n\n\n"
        "def upgrade():\n"
        "    op.create_table('t', sa.Column('id', sa.BigInteger, primary_key=True), sa.UniqueConstraint('id'))\n"
        "    op.drop_constraint('uq_t_id', 't')\n"
    )
    report = run_lint(LintRequest(migrations=tmp_path / "migrations"))
    assert "server-rejects" not in {finding.rule for finding in report.findings}
