"""Captured values as JSON-ready ones and back: what travels between the reading process and ours."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from sluicegate.capture.location import ScriptLocation
from sluicegate.capture.model import CapturedStatement
from sluicegate.findings import Location


def pack_location(location: Location | None) -> list[Any] | None:
    """Return a place as a list."""
    if location is None:
        return None
    return [location.file, location.line, location.column, location.end_line, location.end_column]


def unpack_location(packed: list[Any] | None) -> Location | None:
    """Return the place that ``pack_location`` packed."""
    return None if packed is None else Location(*packed)


def pack_statement(statement: CapturedStatement) -> dict[str, Any]:
    """Return a statement as a dictionary."""
    packed = asdict(statement)
    packed["location"] = pack_location(statement.location)
    packed["upgrade_location"] = pack_location(statement.upgrade_location)
    packed["local_settings"] = sorted(statement.local_settings)
    return packed


def unpack_statement(packed: dict[str, Any]) -> CapturedStatement:
    """Return the statement that ``pack_statement`` packed."""
    return CapturedStatement(
        **{
            **packed,
            "location": Location(*packed["location"]),
            "upgrade_location": Location(*packed["upgrade_location"]),
            "local_settings": frozenset(packed["local_settings"]),
        }
    )


def pack_script(script: ScriptLocation) -> dict[str, Any]:
    """Return a script location as a dictionary."""
    return {
        "directory": str(script.directory),
        "versions": [str(folder) for folder in script.versions],
        "config_file": str(script.config_file) if script.config_file else None,
        "section": script.section,
        "working_directory": str(script.working_directory),
        "import_paths": [str(path) for path in script.import_paths],
        "recursive": script.recursive,
        "driver": script.driver,
    }


def unpack_script(packed: dict[str, Any]) -> ScriptLocation:
    """Return the script location that ``pack_script`` packed."""
    return ScriptLocation(
        directory=Path(packed["directory"]),
        versions=tuple(Path(folder) for folder in packed["versions"]),
        config_file=Path(packed["config_file"]) if packed["config_file"] else None,
        section=packed["section"],
        working_directory=Path(packed["working_directory"]),
        import_paths=tuple(Path(path) for path in packed["import_paths"]),
        recursive=packed["recursive"],
        driver=packed["driver"],
    )
