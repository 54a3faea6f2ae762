"""File groups: the files of a relation that one reader reads, with one format and one schema."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from headwater.tables.relation import DataFile, FilePartition, FileRelation
from headwater.tables.table import Column

_Key: TypeAlias = "tuple[str, tuple[tuple[str, str], ...], tuple[Column, ...] | None]"


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Files that are read alike.

    Args:
        relation: Whose they are.
        format: `parquet`, `csv`, ...
        options: Reader options in Spark's words.
        columns: The columns that the files are declared to have.
        files: The files.
    """

    relation: FileRelation
    format: str
    options: Mapping[str, str]
    columns: tuple[Column, ...]
    files: tuple[DataFile, ...]

    @property
    def keys(self) -> tuple[Column, ...]:
        """The partition columns, in key order."""
        by_name = {c.name.casefold(): c for c in self.relation.columns}
        return tuple(by_name[k.casefold()] for k in self.relation.partition_columns)

    @property
    def unreadable(self) -> Mapping[str, Column]:
        """The columns that the files are declared to have in a type that nobody reads, by name.

        The table may declare them in one that is read: what a partition declares is its own.
        """
        own = self.relation.partitions[self.files[0].partition].columns if self.files else None
        declared = own or self.relation.data_columns
        return {c.name.casefold(): c for c in declared if not c.type.is_known}

    def values(self, file: DataFile) -> tuple[str | None, ...]:
        """Return the partition values of a file, as text, in key order."""
        return self.relation.partitions[file.partition].values


def groups(relation: FileRelation) -> tuple[FileGroup, ...]:
    """Return a relation's files, grouped by how they are read; empty if it has none."""
    by_key: dict[_Key, list[DataFile]] = defaultdict(list)
    for file in relation.files:
        by_key[_key(relation, relation.partitions[file.partition])].append(file)
    return tuple(
        FileGroup(
            relation,
            kind,
            dict(options),
            own or relation.data_columns,
            tuple(files),
        )
        for (kind, options, own), files in by_key.items()
    )


def _key(relation: FileRelation, part: FilePartition) -> _Key:
    options = part.options if part.options is not None else relation.options
    return part.format or relation.format, tuple(sorted(options.items())), part.columns
