"""A pytest plugin: `pytest --sluicegate` has one more test, which fails on findings that are not accepted.

Every pytest loads it where sluicegate is installed, so nothing is imported before the option is given.
"""

from __future__ import annotations

from typing import Any

import pytest

_INI = "sluicegate"
_ARGUMENTS = "sluicegate_arguments"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option and the settings."""
    group = parser.getgroup("sluicegate", "PostgreSQL migrations")
    group.addoption("--sluicegate", action="store_true", help="Judge the Alembic revisions with sluicegate lint.")
    parser.addini(_INI, "Judge the Alembic revisions in every run.", type="bool", default=False)
    parser.addini(
        _ARGUMENTS, 'Arguments of sluicegate lint, such as "--since main --fail-on warn".', type="args", default=[]
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the test."""
    if config.getoption("--sluicegate") or config.getini(_INI):
        items.append(MigrationsItem.from_parent(session, name="sluicegate"))


class FindingsError(Exception):
    """Revisions have findings, or could not be judged."""


class MigrationsItem(pytest.Item):
    """One run of ``sluicegate lint`` in pytest's root folder."""

    def runtest(self) -> None:
        """Judge the revisions.

        Raises:
            FindingsError: with the report as people read it.
        """
        import contextlib
        import io

        from sluicegate.cli import run

        said, complaints = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.config.rootpath),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(complaints),
        ):
            code = run(["lint", "--no-color", *self.config.getini(_ARGUMENTS)])
        if code:
            raise FindingsError(said.getvalue() + complaints.getvalue())

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show the report, and no traceback."""
        if isinstance(excinfo.value, FindingsError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, None, str]:
        """Name the test in pytest's summary."""
        return "sluicegate", None, "sluicegate lint"
