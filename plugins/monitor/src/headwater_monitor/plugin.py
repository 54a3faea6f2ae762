"""What headwater-monitor contributes to headwater: hook implementations, nothing else."""

from __future__ import annotations

from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import CommandSpec

HEADWATER_API = 1


@hookimpl
def headwater_commands() -> list[CommandSpec]:
    """Return `headwater monitor`."""
    return [
        CommandSpec(
            "monitor",
            "headwater_monitor.command:monitor",
            "drift and performance of a connection, as a report in one file",
            install="pip install 'headwater-monitor[plots]'",
        )
    ]
