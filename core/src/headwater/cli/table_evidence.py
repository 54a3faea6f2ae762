"""What `init --from` looks at: one table, some of its partitions, the footers of a few files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import ConfigError, HeadwaterError, SourceError, UnsupportedError
from headwater.partitions.rule_evidence import TimeRange, rule_of
from headwater.proposing.columns import Roles, roles
from headwater.proposing.partition_rule import RuleProposal, proposal
from headwater.proposing.text import propose
from headwater.tables.relation import FileRelation
from headwater.tables.table import Partition, Table, TableName

if TYPE_CHECKING:
    from headwater.auth.credentials import Access
    from headwater.interfaces.data_source import DataSource
    from headwater.plugins.registry import PluginRegistry
    from headwater.tables.table import Catalog

_PARTITIONS: Final = 5000
"""Most partitions whose key values are looked at."""
_SAMPLED: Final = 4
"""Partitions of which one file each is looked at: the first, the last, and between."""
_FORMATS: Final = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".orc": "orc"}


def proposed(
    kind: str, reference: str, settings: Mapping[str, Any], path: Path, registry: PluginRegistry
) -> str:
    """Return the text of a configuration that is proposed for one table.

    Args:
        kind: The source's kind.
        reference: `DATABASE.TABLE`; a path for `files`; a URL for sources of files elsewhere.
        settings: The source's other options; None leaves one out.
        path: Where the file will be, as relative paths start from there.
        registry: Where the source's class comes from.

    Raises:
        ConfigError: If the reference or an option is wrong.
        UnsupportedError: If the table can't be queried.
        HeadwaterError: As the catalog answers.
    """
    from headwater.config import source_of

    options = {key: value for key, value in settings.items() if value is not None}
    name: TableName | None
    if kind == "files":
        file = Path(reference).expanduser()
        name = TableName("files", re.sub(r"\W", "_", file.stem) or "log")
        options |= {
            "format": options.get("format", _format(file)),
            "tables": {name.name: str(file)},
        }
        # The file that is written means a path beside itself; this run, one in this folder.
        written = {**options, "tables": {name.name: _beside(file, path)}}
    elif "://" in reference:
        name = None
        options = written = {"path": reference, **options}
    else:
        database, _, short = reference.rpartition(".")
        if not database:
            raise ConfigError(
                f"--from {kind}:{reference}: name the table's database too",
                hint=f"{kind}:DATABASE.{short}",
            )
        name = TableName(database, short)
        options = written = {"database": database, "table": short, **options}
    source = source_of(kind, options, registry)
    with source.access() as access:
        catalog = source.catalog(access)
        if name is None:
            # A source of one place: one database, and one table in it.
            home = source.default_database or next(iter(catalog.databases()))
            (only,) = catalog.tables(home)
            name = TableName(home, only)
        table = catalog.table(name)
        if table.unqueryable:
            raise UnsupportedError(f"table {name} can't be queried: {table.unqueryable}")
        table_roles = roles(table)
        rule, remarks = _rule(source, catalog, access, table, table_roles)
        remarks += tuple(_nanoseconds(source, catalog, access, table))
    return propose(table, {"type": kind, **written}, table_roles, rule, remarks)


def _rule(
    source: DataSource, catalog: Catalog, access: Access, table: Table, table_roles: Roles
) -> tuple[RuleProposal | None, tuple[str, ...]]:
    """Return how partitions follow from time, or None; and what kept it from being checked."""
    if not table.partition_keys or table_roles.timestamp is None:
        return None, ()
    column = table_roles.timestamp.name
    try:
        partitions = list(islice(catalog.partitions(table), _PARTITIONS))
        rule = rule_of(table, column, partitions)
    except HeadwaterError as error:
        return None, (f"The partitions could not be looked at: {error.message}",)
    if rule is None:
        return None, ()
    try:
        ranges = list(_ranges(source, access, table, column, _spread(partitions)))
    except HeadwaterError as error:
        return proposal(rule, table, ()), (f"No footer could be read: {error.message}",)
    return proposal(rule, table, ranges), ()


def _nanoseconds(
    source: DataSource, catalog: Catalog, access: Access, table: Table
) -> Iterator[str]:
    """Yield a remark for each column that the first files hold in nanoseconds."""
    from headwater.engines import nanoseconds
    from headwater.engines.embedded.formats.parquet_statistics import footers_of

    if not any(nanoseconds.is_time(c.type) for c in table.columns):
        return
    try:
        some = list(islice(catalog.partitions(table), _SAMPLED)) if table.partition_keys else None
        relation = source.relation(table, some, access)
        if not isinstance(relation, FileRelation):
            return
        footers = footers_of(relation, relation.files[:1], access)
    except HeadwaterError:
        return  # what can't be looked at is told by what is proposed of it, or by `check`
    declared = {c.name.casefold() for c in table.columns if nanoseconds.is_time(c.type)}
    for file, footer in footers.items():
        for column in footer.columns:
            if column.in_nanoseconds and column.name.casefold() in declared:
                note = nanoseconds.note(
                    table.name, column.name, file.path, truncate=relation.truncates
                )
                yield f"{note.message}. To cut them off instead: nanoseconds: truncate"


def _spread(partitions: Sequence[Partition]) -> list[Partition]:
    ordered = sorted(
        (p for p in partitions if None not in p.values), key=lambda p: tuple(map(str, p.values))
    )
    steps = range(_SAMPLED) if len(ordered) > 1 else range(len(ordered))
    picked = (ordered[i * (len(ordered) - 1) // (_SAMPLED - 1)] for i in steps)
    return list({p.values: p for p in picked}.values())


def _ranges(
    source: DataSource,
    access: Access,
    table: Table,
    column: str,
    partitions: Sequence[Partition],
) -> Iterator[TimeRange]:
    from headwater.engines.embedded.formats.parquet_statistics import ranges

    relation = source.relation(table, partitions, access)
    if not isinstance(relation, FileRelation):
        return
    files = {f.partition: f for f in relation.files}  # one of each partition
    time_ranges = ranges(relation, list(files.values()), column, access).values()
    yield from (r for r in time_ranges if r.whole)


def _format(path: Path) -> str:
    """Return the format of a file, or of the first file of a folder, by its ending."""
    if not path.exists():
        raise SourceError(f"there is nothing at {path}", code="path-not-found")
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*.*") if p.is_file())
    format_ = next((_FORMATS[p.suffix] for p in files if p.suffix in _FORMATS), None)
    if format_ is None:
        raise ConfigError(
            f"{path}: no file ends in {', '.join(_FORMATS)}", hint="say --set format=parquet"
        )
    return format_


def _beside(file: Path, config: Path) -> str:
    """Return a path as the configuration file means it."""
    folder = config.parent.resolve()
    whole = file.resolve()
    return str(whole.relative_to(folder)) if whole.is_relative_to(folder) else str(whole)
