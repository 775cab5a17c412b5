"""The entry point `alembic.plugins`: Alembic 1.18 and later learns our operations and `alembic lint` through it.

Nothing of Alembic is imported here at the top: Alembic loads this module while it is itself being imported.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from alembic.config import Config
    from alembic.runtime.plugins import Plugin

_COMMAND_LINE = "alembic.config"


def setup(plugin: Plugin) -> None:  # noqa: ARG001 - the signature that Alembic calls
    """Register the operations now, and the command when Alembic's command line is imported."""
    import sluicegate.rollout.operations  # noqa: F401 - importing it registers them

    if _COMMAND_LINE in sys.modules:
        return  # whoever runs the command line imported it before any plugin could be known
    sys.meta_path.insert(0, _CommandLineImport())


class _CommandLineImport:
    """Waits for the import of Alembic's command line, which cannot be imported while plugins are being loaded."""

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the signature of a finder
        target: ModuleType | None = None,  # noqa: ARG002 - as above
    ) -> ModuleSpec | None:
        if name != _COMMAND_LINE:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                _register()

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _register() -> None:
    import alembic.command

    if not hasattr(alembic.command, lint.__name__):
        # The command line registers the functions that belong to this module, and nothing else.
        lint.__module__ = alembic.command.__name__
        setattr(alembic.command, lint.__name__, lint)


def lint(config: Config, rev_range: str | None = None) -> None:
    """Judge revisions with sluicegate: what they lock, rewrite and destroy.

    Args:
        config: Alembic's configuration.
        rev_range: revisions to judge, ``a:b`` or one; all of them otherwise.

    Raises:
        SystemExit: always, with the exit code of ``sluicegate lint``.
        CommandError: the configuration is not in Alembic's own section.
    """
    from alembic.util import CommandError

    if config.config_ini_section != "alembic":
        raise CommandError(
            f"sluicegate reads the section [alembic], not [{config.config_ini_section}]. "
            "Name the folder of revisions instead: sluicegate lint --migrations DIR"
        )
    [program] = entry_points(group="console_scripts", name="sluicegate")
    files = [file for file in (config.config_file_name, config.toml_file_name) if file and Path(file).is_file()]
    arguments = ["--config", str(files[0])] if files else []
    arguments += ["--rev", rev_range] if rev_range else []
    program.load()(["lint", *arguments])
