"""Lake layout: how to tell a Delta, Iceberg or Hudi table from a directory of plain files.

Such a table keeps beside its files which of them count. Read as plain files it gives deleted rows,
and old versions of rows, again.

Source: Delta Lake, "Transaction Log Protocol"; Apache Iceberg, "Table Spec", "File System Tables";
Apache Hudi, "Technical Specification", "Storage Layout".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headwater.errors import SourceError

DIRECTORIES: Final = {"_delta_log": "Delta", ".hoodie": "Hudi", "metadata": "Iceberg"}
"""Directories in which such tables keep their own state, and what each is of."""
FORMATS: Final = frozenset({"parquet", "orc", "avro"})
"""What their files may be."""
_METADATA: Final = (".metadata.json", ".metadata.json.gz")


@dataclass(frozen=True, slots=True)
class Lake:
    """A table that knows its own files.

    Args:
        kind: `Delta`, `Iceberg` or `Hudi`.
        root: Where it lies.
        marker: The file or directory below its root that identifies it.
    """

    kind: str
    root: str
    marker: str

    def refused(self, table: object, hint: str) -> SourceError:
        """Return the error for a table that is made of its files.

        Args:
            table: The table that somebody declared, as it is named.
            hint: How it is read rightly there.
        """
        return SourceError(
            f"table {table} is declared as plain files, and these are the files of a {self.kind} "
            f"table ({self.root.rstrip('/')}/{self.marker}): read so, rows that were deleted or "
            "replaced would come back",
            code="lake-as-files",
            hint=hint,
        )


def lake(root: str, names: Collection[str], metadata: Collection[str] = ()) -> Lake | None:
    """Return the table that lies at a place, by the names there.

    Args:
        root: The place.
        names: What lies in it.
        metadata: What lies in its directory `metadata`, if it has one.
    """
    for name, kind in DIRECTORIES.items():
        if name not in names:
            continue
        if name != "metadata":
            return Lake(kind, root, f"{name}/")
        for file in sorted(metadata):
            if file.endswith(_METADATA):
                return Lake(kind, root, f"{name}/{file}")
    return None


def roots(path: str) -> Iterator[str]:
    """Yield the possible roots of a table that has a path or a partition at a path."""
    parts = path.rstrip("/").split("/")
    yield "/".join(parts)
    while parts and "=" in parts[-1]:
        parts.pop()
    yield "/".join(parts)
    if parts and parts[-1] == "data":  # Iceberg's, of its files
        yield "/".join(parts[:-1])


def local_lake(path: Path) -> Lake | None:
    """Return the lake table that a local directory is or lies in; None for plain files."""
    for root in dict.fromkeys(roots(path.as_posix())):
        place = Path(root)
        try:
            names = [n for n in DIRECTORIES if (place / n).is_dir()]
            metadata = (
                [f.name for f in (place / "metadata").iterdir()] if "metadata" in names else []
            )
        except OSError:
            continue
        if (lake_here := lake(root, names, metadata)) is not None:
            return lake_here
    return None
