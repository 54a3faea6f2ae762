"""What names mean in one SELECT of Trino's: the sources of its FROM, and their columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from headwater.sql.rewriting import quoted
from headwater.tables.table import Column
from headwater.types import DataType
from headwater.untrusted import limits
from headwater_glue.query.athena.values import Typed, refuse


@dataclass(frozen=True, slots=True)
class Source:
    """What FROM or JOIN brings in.

    Args:
        alias: The name by which its columns are qualified.
        columns: Its columns.
    """

    alias: str
    columns: tuple[Column, ...]
    _named: dict[str, Column] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for column in self.columns:
            self._named.setdefault(column.name.casefold(), column)

    def column(self, name: str) -> Column | None:
        """Return the column of that name, whatever its case."""
        return self._named.get(name.casefold())


@dataclass(slots=True)
class Scope:
    """The sources of one SELECT.

    Args:
        sources: In the order of FROM.
        merged: Columns of `JOIN ... USING`, which belong to no single source.
        parent: The SELECT around it, whose columns a subquery may name.
        ctes: What WITH defines, by folded name.
    """

    sources: list[Source] = field(default_factory=list)
    merged: list[Column] = field(default_factory=list)
    parent: Scope | None = None
    ctes: dict[str, tuple[Column, ...]] = field(default_factory=dict)

    def add(self, source: Source, node: exp.Expr) -> None:
        """Bring in a source; its alias must be new."""
        if any(s.alias.casefold() == source.alias.casefold() for s in self.sources):
            refuse(node, f"two tables called {source.alias!r}")
        if len(self.sources) >= limits.QUERY_TERMS:
            refuse(node, f"more than {limits.QUERY_TERMS} tables side by side")
        self.sources.append(source)

    def column(self, parts: Sequence[str], node: exp.Expr) -> Typed:
        """Return what a dotted name means: a column, qualified or not, or a field inside one."""
        match = self._find(parts, node)
        if match is None:
            if self.parent is not None:
                return self.parent.column(parts, node)
            refuse(node, f"there is no column {'.'.join(parts)!r}")
        text, column, rest = match
        return _nested_field(Typed(text, column.type), rest, node)

    def star(self, alias: str | None, node: exp.Expr) -> list[tuple[str, Typed]]:
        """Return the columns of `*` or `alias.*`, in Trino's order."""
        if alias is not None:
            source = self._source(alias)
            if source is None:
                refuse(node, f"there is no table {alias!r}")
            return [_item(source, c) for c in source.columns]
        merged = {c.name.casefold() for c in self.merged}
        items = [(c.name, Typed(quoted(c.name), c.type)) for c in self.merged]
        for source in self.sources:
            items += [_item(source, c) for c in source.columns if c.name.casefold() not in merged]
        return items

    def _find(
        self, parts: Sequence[str], node: exp.Expr
    ) -> tuple[str, Column, Sequence[str]] | None:
        if len(parts) > 1:
            source = self._source(parts[0])
            column = source.column(parts[1]) if source is not None else None
            if source is not None and column is not None:
                return _item(source, column)[1].text, column, parts[2:]
        merged = next((c for c in self.merged if c.name.casefold() == parts[0].casefold()), None)
        if merged is not None:
            return quoted(merged.name), merged, parts[1:]
        having = [(s, c) for s in self.sources if (c := s.column(parts[0])) is not None]
        if len(having) > 1:
            refuse(node, f"the column {parts[0]!r} is ambiguous")
        if not having:
            return None
        source, column = having[0]
        return _item(source, column)[1].text, column, parts[1:]

    def _source(self, alias: str) -> Source | None:
        folded = alias.casefold()
        return next((s for s in self.sources if s.alias.casefold() == folded), None)


def _item(source: Source, column: Column) -> tuple[str, Typed]:
    return column.name, Typed(f"{quoted(source.alias)}.{quoted(column.name)}", column.type)


def _nested_field(value: Typed, fields: Sequence[str], node: exp.Expr) -> Typed:
    for name in fields:
        inner: DataType | None = value.type.field(name) if value.type.name == "struct" else None
        if inner is None:
            refuse(node, f"{value.type} has no field {name!r}")
        value = Typed(f"{value.text}.{quoted(name)}", inner)
    return value
