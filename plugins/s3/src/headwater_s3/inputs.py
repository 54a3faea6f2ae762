"""Inputs: the named places of a source, as its author declared them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator

from headwater.diagnostics import hint_for
from headwater.errors import ConfigError
from headwater.tables.table import Column
from headwater.types.text import TypeTextError, parse_type
from headwater_s3.location import Location

Format = Literal["parquet", "csv", "json", "orc", "avro", "delta", "iceberg"]
LAKES: Final = ("delta", "iceberg")
"""Formats whose own log says which files and columns a table has."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a source.

    Args:
        name: Its name in the query.
        location: Where its files lie.
        format: Format of its files.
        columns: Declared columns; empty to infer them.
        options: Reader options in Spark's words.
    """

    name: str
    location: Location
    format: Format
    columns: tuple[Column, ...]
    options: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ConfigError(
                f"{self.name!r} can't name an input",
                hint="letters, digits and _, as in SELECT * FROM {predictions}",
            )
        guessed = {k for k, v in self.options.items() if k.lower() == "inferschema" and v == "true"}
        if guessed:
            raise ConfigError(
                f"input {self.name!r}: option {guessed.pop()} guesses types from the rows",
                hint='declare them: columns={"score": "double"}; or cast in the query',
            )
        if self.format not in LAKES:
            return
        varies = self.location.pattern.groupindex or self.location.globbed
        refused = {"columns": self.columns, "options": self.options, "a pattern in path": varies}
        for option in (w for w, is_set in refused.items() if is_set):
            raise ConfigError(
                f"input {self.name!r}: {self.format} tables take no {option.replace('a ', '', 1)}",
                hint="its own log says which files and columns it has; path is its directory",
            )

    def reader_options(self, declared: bool) -> Mapping[str, str]:
        """Return the options, and a header where the column names were taken from it.

        Args:
            declared: Whether the data columns were declared.
        """
        if self.format == "csv" and not declared:
            return {"header": "true", **self.options}
        return self.options


def declared_columns(name: str, types: object) -> tuple[Column, ...]:
    """Return an input's declared columns.

    Args:
        name: The input.
        types: Column to Spark type.

    Raises:
        ConfigError: If that is not what was given, or a type can't be read.
    """
    if not isinstance(types, Mapping):
        raise ConfigError(
            f"columns of input {name!r}: expected a mapping of columns to types",
            hint='with `paths`: columns={"input": {"column": "type"}}',
        )
    columns = []
    for column, type_ in types.items():
        if not isinstance(type_, str):
            raise ConfigError(
                f"column {column!r} of input {name!r} needs a Spark type as text",
                hint='e.g. {"score": "double"}; with `path`, columns are given directly',
            )
        try:
            columns.append(Column(column, parse_type(type_)))
        except TypeTextError as error:
            raise ConfigError(f"column {column!r} of input {name!r}: {error}") from error
    return tuple(columns)


def check_names(what: str, names: Mapping[str, object], inputs: Mapping[str, str]) -> None:
    """Refuse what is declared for an input that there is not.

    Args:
        what: The declaration, e.g. `partitions`.
        names: By input.
        inputs: The inputs.

    Raises:
        ConfigError: Naming it, and the input that was perhaps meant.
    """
    for name in names:
        if name not in inputs:
            raise ConfigError(
                f"{what}: the source has no input {name!r}",
                hint=hint_for(name, inputs, what="inputs"),
            )


def _words(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    # YAML reads `header: true` as a boolean; Spark's options are words.
    return {
        k: str(v).lower() if isinstance(v, bool) else str(v) if isinstance(v, int) else v
        for k, v in value.items()
    }


ReaderOptions = Annotated[Mapping[str, str], BeforeValidator(_words)]
"""Type of a field of reader options."""
