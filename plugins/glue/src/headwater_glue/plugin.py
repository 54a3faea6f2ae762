"""What headwater-glue contributes to headwater: hook implementations, nothing else."""

from __future__ import annotations

from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import CommandSpec, SourceSpec

HEADWATER_API = 1


@hookimpl
def headwater_sources() -> list[SourceSpec]:
    """Return the Glue source."""
    return [
        SourceSpec(
            "glue",
            "headwater_glue.source:GlueDataSource",
            "tables of an AWS Glue catalog, by a Spark SQL query",
            starting_point="headwater_glue.starting_point:GLUE",
        )
    ]


@hookimpl
def headwater_commands() -> list[CommandSpec]:
    """Return `headwater demo`."""
    return [
        CommandSpec(
            "demo",
            "headwater_glue.demo.command:demo",
            "do the main job on real data, against an emulated account",
            install="pip install 'headwater-glue[demo]'",
        )
    ]
