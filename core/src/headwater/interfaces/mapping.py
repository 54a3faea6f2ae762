"""Mapping: which column feeds which field, and the proof that it can (`bind`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field

from headwater.diagnostics import Diagnostic, hint_for
from headwater.display.language import hint_wording
from headwater.errors import ConfigError
from headwater.interfaces.schema import ACTUAL_PREFIX, ID, TIMESTAMP, Field, Role, Schema
from headwater.tables.table import Column
from headwater.types import DataType, FieldType, feeds

ROLE_KEY = "headwater.role"
TYPE_KEY = "headwater.type"


@dataclass(frozen=True, slots=True)
class Mapping:
    """Field name to column name; what is not named is the column of the field's own name.

    Args:
        id_column: Column that identifies a row (one prediction).
        timestamp_column: Column that says when it happened.
        raw_inputs: Raw input to column.
        features: Feature to column.
        predictions: Prediction to column.
        labels: Prediction to the column of its actual (NULL until known).
        label_timestamp_column: Column that says when these actuals were set.
    """

    id_column: str | None = None
    timestamp_column: str | None = None
    raw_inputs: MappingABC[str, str] = field(default_factory=dict)
    features: MappingABC[str, str] = field(default_factory=dict)
    predictions: MappingABC[str, str] = field(default_factory=dict)
    labels: MappingABC[str, str] = field(default_factory=dict)
    label_timestamp_column: str | None = None

    def check(self, schema: Schema) -> None:
        """Refuse a mapping of fields that the `schema` does not declare.

        Raises:
            ConfigError: Naming the field, with a did-you-mean.
        """
        for group, declared in (
            ("raw_inputs", schema.raw_inputs),
            ("features", schema.features),
            ("predictions", schema.predictions),
            ("labels", schema.predictions),
        ):
            names = [f.name for f in declared]
            for name in getattr(self, group):
                if name not in names:
                    what = "prediction" if group == "labels" else group[:-1].replace("_", " ")
                    raise ConfigError(
                        f"{group}: the model has no {what} {name!r}",
                        hint=hint_for(name, names, what=f"{what}s"),
                    )
        if self.label_timestamp_column is not None and not self.labels:
            raise ConfigError(
                f"label_timestamp_column={self.label_timestamp_column!r} says when labels were "
                "set, and there are no labels",
                hint="name the labels too, or leave it out; "
                "labels in a table of their own have the "
                + hint_wording(
                    "timestamp_column of connect_actuals", "timestamp_column under actuals:"
                ),
            )

    def wants(self, schema: Schema, *, fields: bool = True) -> Iterator[Want]:
        """Yield what each output column of a read needs, in the order of the output.

        Args:
            schema: The model's fields.
            fields: Whether the model's own fields are wanted, or only id, timestamp and actuals.
        """
        if self.id_column is not None:
            yield Want(ID, Role.ID, self.id_column, None)
        if self.timestamp_column is not None:
            yield Want(TIMESTAMP, Role.TIMESTAMP, self.timestamp_column, None)
        chosen = {**self.raw_inputs, **self.features, **self.predictions}
        for item in schema if fields else ():
            yield Want(item.name, item.role, chosen.get(item.name, item.name), item)
        for item in schema.predictions:
            if item.name in self.labels:
                name = f"{ACTUAL_PREFIX}{item.name}"
                yield Want(name, Role.ACTUAL, self.labels[item.name], item)


@dataclass(frozen=True, slots=True)
class Want:
    """One output column before it is bound: its name, role, the column it takes, its field."""

    name: str
    role: Role
    column: str
    field: Field | None

    @property
    def owner(self) -> str:
        """What a person calls it."""
        if self.role is Role.TIMESTAMP and self.name != TIMESTAMP:
            return self.name
        return f"{self.role.replace('_', ' ')} {self.name!r}"


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """One output column of a read, proven to be fed by a source column.

    Args:
        name: Name of the output column.
        role: What it is.
        column: The source column, spelled as the query gives it.
        source_type: What the source column holds (`unknown` where it can't be told).
        field: The model's field, or None for id and timestamp.
    """

    name: str
    role: Role
    column: str
    source_type: DataType
    field: Field | None

    @property
    def field_type(self) -> FieldType | None:
        """The declared type; datetime for the timestamp; None for the id (it keeps its own)."""
        if self.role is Role.TIMESTAMP:
            return FieldType.DATETIME
        return self.field.type if self.field else None

    @property
    def metadata(self) -> dict[str, str]:
        """The column's Arrow metadata: its role, and its declared type if it has one."""
        entries = {ROLE_KEY: str(self.role)}
        if self.field_type is not None:
            entries[TYPE_KEY] = str(self.field_type)
        return entries


@dataclass(frozen=True, slots=True)
class BoundMapping:
    """All output columns of a read, in order, each proven to be fed.

    Args:
        columns: The output columns.
        label_timestamp: The column that says when the actuals were set; it is no output column.
    """

    columns: tuple[BoundColumn, ...]
    label_timestamp: BoundColumn | None = None

    def __iter__(self) -> Iterator[BoundColumn]:
        return iter(self.columns)

    def role(self, role: Role) -> BoundColumn | None:
        """Return the first column whose role is `role`, or None."""
        return next((c for c in self.columns if c.role is role), None)

    @property
    def actuals(self) -> tuple[BoundColumn, ...]:
        """The columns that hold actuals."""
        return tuple(c for c in self.columns if c.role is Role.ACTUAL)

    def actual_of(self, prediction: str) -> BoundColumn | None:
        """Return the column that holds the actual of a prediction, or None.

        Args:
            prediction: The prediction's name.
        """
        return next((c for c in self.actuals if c.field and c.field.name == prediction), None)


def map_fields(
    mapping: Mapping, schema: Schema, columns: Sequence[Column], *, fields: bool = True
) -> tuple[BoundMapping, tuple[Diagnostic, ...]]:
    """Bind a mapping to the columns that a query gives.

    Args:
        mapping: Field to column.
        schema: The model's fields.
        columns: Output columns of the query, in order. Names are matched without case.
        fields: Whether the model's own fields are wanted, or only id, timestamp and actuals.

    Returns:
        The columns that could be bound, and a diagnostic for each that could not: unknown
        columns with a did-you-mean, ambiguous ones, types that would lose something with the
        cast to write.
    """
    diagnostics: list[Diagnostic] = []
    wants = list(mapping.wants(schema, fields=fields))
    bound = [_bound(want, columns, diagnostics) for want in wants]
    label_time = None
    if mapping.label_timestamp_column is not None:
        want = Want("label timestamp", Role.TIMESTAMP, mapping.label_timestamp_column, None)
        label_time = _bound(want, columns, diagnostics)
    return BoundMapping(tuple(c for c in bound if c is not None), label_time), tuple(diagnostics)


def _bound(
    want: Want, columns: Sequence[Column], diagnostics: list[Diagnostic]
) -> BoundColumn | None:
    matches = [c for c in columns if c.name.casefold() == want.column.casefold()]
    owner = want.owner
    if len(matches) != 1:
        diagnostics.append(_unbound(owner, want.column, matches, columns))
        return None
    match = matches[0]
    type_ = FieldType.DATETIME if want.role is Role.TIMESTAMP else want.field and want.field.type
    problem = feeds(match.type, type_) if type_ else _identifies(match.type)
    if not problem and want.field is not None:
        problem = _depth(match.type, want.field)
    if problem:
        diagnostics.append(
            Diagnostic(
                "type-mismatch",
                f"{owner}: column {match.name!r}: {problem.replace('{column}', match.name)}",
                hint="cast it in the query; nothing is converted behind your back",
            )
        )
    return BoundColumn(want.name, want.role, match.name, match.type, want.field)


def _unbound(
    owner: str, column: str, matches: Sequence[Column], columns: Sequence[Column]
) -> Diagnostic:
    if matches:
        return Diagnostic(
            "ambiguous-column",
            f"{owner}: the query gives {len(matches)} columns named {column!r}",
            hint="give each output column of the query its own name with AS",
        )
    return Diagnostic(
        "unmapped-field",
        f"{owner} needs a column {column!r}, which the query does not give",
        hint=hint_for(column, [c.name for c in columns], what="columns"),
    )


def _depth(type_: DataType, field: Field) -> str | None:
    """Return why an array is nested too deep or too flat for a tensor's or vector's dimensions."""
    expected = {FieldType.TENSOR: len(field.dimensions or ()), FieldType.VECTOR: 1}.get(field.type)
    if expected is None or type_.name != "array":
        return None
    depth, inner = 0, type_
    while inner.name == "array":
        depth, inner = depth + 1, inner.element
    if depth == expected:
        return None
    return f"{type_} is nested {depth} deep, {field.type} {field.name!r} declares {expected}"


def _identifies(type_: DataType) -> str | None:
    if type_.name == "unknown" or type_.is_text or type_.is_integer:
        return None
    if type_.name == "unreadable":
        return f"the column can't be read: {type_.reason}"
    return f"{type_} can't be an id; write CAST({{column}} AS STRING)"
