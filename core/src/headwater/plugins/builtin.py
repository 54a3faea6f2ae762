"""What core itself provides, registered by the same hooks that every plugin uses."""

from __future__ import annotations

from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import CommandSpec, EngineSpec, LedgerSpec, SourceSpec

HEADWATER_API = 1


@hookimpl
def headwater_sources() -> list[SourceSpec]:
    """Return the sources that need no cloud."""
    return [
        SourceSpec(
            "files",
            "headwater.sources.files:FileDataSource",
            "files in local folders, hive partitions understood",
            install="pip install 'headwater[embedded]'",
            starting_point="headwater.cli.starting_point:FILES",
        ),
        SourceSpec(
            "memory",
            "headwater.sources.memory:MemoryDataSource",
            "tables that are already in this process",
            install="pip install 'headwater[embedded]'",
        ),
    ]


@hookimpl
def headwater_engines() -> list[EngineSpec]:
    """Return the two engines."""
    return [
        EngineSpec(
            "embedded",
            "headwater.engines.embedded:EmbeddedEngine",
            "DuckDB in this process, for the portable subset of Spark SQL",
            install="pip install 'headwater[embedded]'",
        ),
        EngineSpec(
            "spark",
            "headwater.engines.spark:SparkEngine",
            "Spark: the reference, runs every query that is admitted",
            install="pip install 'headwater[spark]' (and Java 17)",
        ),
    ]


@hookimpl
def headwater_ledgers() -> list[LedgerSpec]:
    """Return the store that needs no cloud."""
    return [
        LedgerSpec(
            "file",
            "headwater.ledger.file_store:FileLedgerStore",
            "a file of this machine, whole after a crash",
        )
    ]


@hookimpl
def headwater_commands() -> list[CommandSpec]:
    """Return the commands of the `headwater` program."""
    rooms = "headwater.cli.commands"
    return [
        CommandSpec("init", f"{rooms}.init:init", "write a commented headwater.yaml"),
        CommandSpec("discover", f"{rooms}.discover:discover", "list databases, tables and columns"),
        CommandSpec("check", f"{rooms}.check:check", "prove that connections can be read"),
        CommandSpec("plan", f"{rooms}.plan:plan", "show what a read would do; reads no data"),
        CommandSpec("read", f"{rooms}.read:read", "write a window's rows to a file"),
        CommandSpec(
            "changes", f"{rooms}.changes:changes", "which windows are no longer what was given"
        ),
        CommandSpec(
            "maturity", f"{rooms}.maturity:maturity", "how many labels are known, and should be"
        ),
        CommandSpec("profile", f"{rooms}.profile:profile", "count rows in a way that adds up"),
        CommandSpec("replay", f"{rooms}.replay:replay", "whether a read gives the same again"),
        CommandSpec("validate", f"{rooms}.validate:validate", "check a query against a catalog"),
        CommandSpec(
            "plugins", f"{rooms}.plugins:plugins", "explain what is installed, and why not"
        ),
        CommandSpec(
            "new-plugin",
            f"{rooms}.new_plugin:new_plugin",
            "write a plugin's project, whose tests pass at once",
        ),
        CommandSpec(
            "config-schema",
            f"{rooms}.config_schema:config_schema",
            "print the JSON Schema of headwater.yaml",
        ),
    ]
