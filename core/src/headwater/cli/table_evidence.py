"""What `init --from` looks at: a table, some partitions, a few files, and the tables beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.cli.table_sample import FILES, sample, spread
from headwater.config import source_of
from headwater.errors import ConfigError, HeadwaterError, SourceError, UnsupportedError
from headwater.partitions.rule_evidence import TimeRange, rule_of
from headwater.proposing.actuals import JoinedTable, is_of_actuals, joined, likeness
from headwater.proposing.columns import Roles, roles
from headwater.proposing.partition_rule import RuleProposal, proposal
from headwater.proposing.sample import Sample
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
_ALONE: Final = (
    "It looks like the actuals of predictions that lie elsewhere: name their table too, in a "
    "second --from."
)
_NEIGHBOURS: Final = 12
"""Tables beside one that are looked at, to find its actuals."""
_FORMATS: Final = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".orc": "orc"}


@dataclass(frozen=True, slots=True)
class _Described:
    """A table, with what its rows, columns and partitions look like.

    Args:
        kind: Its source's kind.
        written: The source's options, as the file has them.
        table: The table.
        sample: A few of its rows.
        roles: What its columns seem to be.
        rule: How its partitions follow from time, if that is likely.
        remarks: What a reader should know.
    """

    kind: str
    written: Mapping[str, Any]
    table: Table
    sample: Sample
    roles: Roles
    rule: RuleProposal | None
    remarks: tuple[str, ...]

    @property
    def source(self) -> dict[str, Any]:
        """What stands under `source`."""
        return {"type": self.kind, **self.written}


def proposed(
    references: Sequence[tuple[str, str]],
    settings: Mapping[str, Any],
    path: Path,
    registry: PluginRegistry,
) -> str:
    """Return the text of a configuration that is proposed for one table, and that of its actuals.

    Args:
        references: Kind of source, and `DATABASE.TABLE`; a path for `files`; a URL for sources of
            files elsewhere. One or two of them: predictions, and their actuals, in any order.
        settings: The sources' other options; None leaves one out.
        path: Where the file will be, as relative paths start from there.
        registry: Where the source's class comes from.

    Raises:
        ConfigError: If a reference or an option is wrong, or no table joins the other one.
        UnsupportedError: If a table can't be queried.
        HeadwaterError: As the catalog answers.
    """
    described = [_described(kind, place, settings, path, registry) for kind, place in references]
    first = described[0]
    truth: JoinedTable | None = None
    if len(described) > 1:
        first, truth = _serving_and_actuals(described[0], described[1])
    else:
        pairs = (
            (other, first) if not first.roles.predictions else (first, other)
            for other in _neighbours(first, references[0][1], settings, path, registry)
        )
        for serving, other in pairs:
            truth = _joins(serving, other, named=False)
            if truth is not None:
                first = serving
                break
    remarks = first.remarks
    if truth is not None:
        remarks += truth.remarks
    elif is_of_actuals(first.roles):
        remarks += (_ALONE,)
    return propose(first.table, first.source, first.roles, first.rule, remarks, truth)


def _serving_and_actuals(one: _Described, other: _Described) -> tuple[_Described, JoinedTable]:
    """Return which of two tables has the predictions, and how to join the other one's actuals."""
    for serving, truth in ((one, other), (other, one)):
        joined = _joins(serving, truth, named=True)
        if joined is not None:
            return serving, joined
    raise ConfigError(
        f"{other.table.name} does not look like the actuals of {one.table.name}, "
        f"nor the other way: {_join_columns(one)}; {_join_columns(other)}",
        hint="one of them has an id and predictions, the other that id and actuals of their types",
    )


def _join_columns(described: _Described) -> str:
    """Return the columns of a table that a join of actuals would use, for a message."""
    roles = described.roles
    predictions = ", ".join(p.name for p in roles.predictions) or "none"
    labels = ", ".join(a.column.name for a in roles.labels) or "none"
    return (
        f"in {described.table.name} the id is {roles.id or 'none'}, predictions {predictions}, "
        f"actuals {labels}"
    )


def _joins(serving: _Described, truth: _Described, *, named: bool) -> JoinedTable | None:
    return joined(
        serving.roles,
        (serving.table, serving.sample),
        truth.roles,
        (truth.table, truth.sample),
        truth.source,
        truth.remarks,
        named=named,
    )


def _neighbours(
    described: _Described,
    reference: str,
    settings: Mapping[str, Any],
    path: Path,
    registry: PluginRegistry,
) -> Iterator[_Described]:
    """Yield tables beside one: of its database, or of its folder; likely names first, and few."""
    if described.roles.predictions and described.roles.id is None:
        return  # nothing can be joined
    beside: list[str]
    if described.kind == "files":
        file = Path(reference).expanduser()
        with suppress(OSError):
            folder = file.resolve().parent
            there = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
            beside = [str(file.parent / p.name) for p in there if p.name != file.name]
    elif "://" in reference:
        return
    else:
        database = described.table.name.database
        try:
            source = source_of(described.kind, dict(described.written), registry)
            with source.access() as access:
                tables = list(islice(source.catalog(access).tables(database), _PARTITIONS))
        except HeadwaterError:
            return
        beside = [f"{database}.{name}" for name in tables if name != described.table.name.name]
    has_predictions = bool(described.roles.predictions)  # then actuals are looked for
    beside.sort(key=lambda place: likeness(Path(place).name) is not has_predictions)
    for place in beside[:_NEIGHBOURS]:
        try:
            yield _described(described.kind, place, settings, path, registry)
        except HeadwaterError:
            continue  # it was not asked for: what is wrong with it is not told


def _described(
    kind: str, reference: str, settings: Mapping[str, Any], path: Path, registry: PluginRegistry
) -> _Described:
    """Describe one table."""
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
        written = {**options, "tables": {name.name: _relative_path(file, path)}}
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
        sample_, trouble = sample(source, catalog, access, table, _PARTITIONS)
        table_roles = roles(table, sample_)
        rule, remarks = _rule(source, catalog, access, table, table_roles)
        remarks += tuple(_nanoseconds(source, catalog, access, table))
    if trouble and not remarks:
        remarks = (trouble,)
    return _Described(kind, written, table, sample_, table_roles, rule, remarks)


def _rule(
    source: DataSource, catalog: Catalog, access: Access, table: Table, table_roles: Roles
) -> tuple[RuleProposal | None, tuple[str, ...]]:
    """Return how partitions follow from time, or None; and why that could not be checked."""
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
        ranges = list(_ranges(source, access, table, column, spread(partitions)))
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
        some = list(islice(catalog.partitions(table), FILES)) if table.partition_keys else None
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


def _relative_path(file: Path, config: Path) -> str:
    """Return a path as the configuration file means it."""
    folder = config.parent.resolve()
    whole = file.resolve()
    return str(whole.relative_to(folder)) if whole.is_relative_to(folder) else str(whole)
