"""What column names mean in one SELECT: the columns that its FROM makes visible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from headwater.sql.analysis import Binding, Scope, TableReference
from headwater.sql.typing.rules import wider
from headwater.types import DataType


@dataclass(frozen=True, slots=True, eq=False)
class Visible:
    """One column that a name may mean.

    Args:
        name: As its source spells it.
        type: What it holds.
        source: Key into the scope's sources.
        binding: What it is; None for a column that a FULL JOIN ... USING merges of two.
        hidden: Whether only its qualified name means it (the other side of a USING column).
        twin: Whether it is the same column as one before it, selected twice below.
    """

    name: str
    type: DataType
    source: str
    binding: Binding | None
    hidden: bool = False
    twin: bool = False


@dataclass(slots=True, eq=False)
class Frame:
    """The visible columns of a FROM clause, in the order in which `SELECT *` gives them.

    Args:
        columns: What is visible.
        vague: Keys of sources whose columns are not all known, as their table is not, or as a
            column's name could not be told: a name that is not found may be one of theirs.
        qualifiers: For each source key, the names that may qualify its columns, casefolded, e.g.
            `("t",)` and `("db", "t")`.
    """

    columns: list[Visible] = field(default_factory=list)
    vague: set[str] = field(default_factory=set)
    qualifiers: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    _index: dict[str, list[Visible]] | None = field(default=None, init=False, repr=False)

    def named(self, name: str) -> list[Visible]:
        """Return the columns that a bare name means; more than one is ambiguous."""
        return [c for c in self._called(name) if not c.hidden and not c.twin]

    def _called(self, name: str) -> list[Visible]:
        """Return the columns of a name, hidden ones too; by an index, for tables may be wide."""
        if self._index is None:
            self._index = {}
            for column in self.columns:
                self._index.setdefault(column.name.casefold(), []).append(column)
        return self._index.get(name.casefold(), [])

    def sources(self, qualifier: Sequence[str]) -> list[str]:
        """Return the keys of the sources that a qualifier means, e.g. `("db", "t")`."""
        folded = tuple(q.casefold() for q in qualifier)
        return [key for key, qualifiers in self.qualifiers.items() if folded in qualifiers]

    def of(self, source: str) -> list[Visible]:
        """Return all columns of one source, as `source.*` gives them: hidden ones first."""
        own = [c for c in self.columns if c.source == source]
        return sorted(own, key=lambda c: not c.hidden)

    def qualified(self, source: str, name: str) -> list[Visible]:
        """Return the columns of one source with that name."""
        own = [c for c in self._called(name) if c.source == source and not c.twin]
        return sorted(own, key=lambda c: not c.hidden)

    @property
    def starred(self) -> list[Visible]:
        """Return the columns that `*` means."""
        return [c for c in self.columns if not c.hidden]

    def spelled(self) -> Iterator[str]:
        """Yield the names that may be written, for did-you-mean."""
        yield from dict.fromkeys(c.name for c in self.starred)

    def joined(self, other: Frame) -> Frame:
        """Return both frames side by side, as a join without USING shows them."""
        return Frame(
            [*self.columns, *other.columns],
            self.vague | other.vague,
            {**self.qualifiers, **other.qualifiers},
        )

    def merged(self, other: Frame, names: Iterable[str], side: str) -> Frame:
        """Return both frames as a join USING these names shows them.

        The merged columns come first. They are the left ones, for a RIGHT JOIN the right ones;
        a FULL JOIN gives whichever is not NULL, which is neither.

        Args:
            other: The right side.
            names: The columns that are compared.
            side: `LEFT`, `RIGHT`, `FULL`, or empty for an inner join.
        """
        leading = other if side == "RIGHT" else self
        first = [c for n in names for c in leading.named(n)]
        merged_names = {c.name.casefold() for c in first}
        moved = set() if side == "FULL" else {id(c) for c in first}
        rest = [
            replace(c, hidden=True) if c.name.casefold() in merged_names and not c.hidden else c
            for c in (*self.columns, *other.columns)
            if id(c) not in moved
        ]
        if side == "FULL":
            theirs = {c.name.casefold(): c.type for c in other.columns}
            first = [  # a name that the right side lacks is reported, and keeps its type
                replace(
                    c,
                    type=wider([c.type, theirs.get(c.name.casefold(), c.type)]),
                    binding=None,
                    source="",
                )
                for c in first
            ]
        both = self.joined(other)
        both.columns = [*first, *rest]
        return both


def qualifiers_of(name: str, source: object) -> tuple[tuple[str, ...], ...]:
    """Return the names that may qualify the columns of a source that is visible as `name`."""
    folded = name.casefold()
    if isinstance(source, TableReference) and source.alias is None:
        database = source.name.database.casefold()
        return ((folded,), (database, folded), ("spark_catalog", database, folded))
    return ((folded,),)


def key_for(name: str, source: object, taken: Iterable[str]) -> str:
    """Return a key for a source; two tables of one name in two databases get two keys."""
    folded, keys = name.casefold(), set(taken)
    if folded in keys and isinstance(source, TableReference):
        folded = f"{source.name.database.casefold()}.{folded}"
    key, number = folded, 2
    while key in keys:
        key, number = f"{folded}#{number}", number + 1
    return key


def visible(scope: Scope, key: str, columns: Iterable[tuple[str, DataType]]) -> list[Visible]:
    """Return the columns of one source of a scope, as they are visible."""
    return [Visible(n, type_, key, Binding(scope, key, n, type_)) for n, type_ in columns]
