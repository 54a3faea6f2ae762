"""What a model seems to answer, and how columns become its predictions and actuals. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from headwater.interfaces.schema import PREDICTION_TYPES, ModelType
from headwater.proposing import names
from headwater.proposing.sample import Sample
from headwater.sql.rewriting import quoted, text_literal
from headwater.tables.table import Column
from headwater.types import BOOLEAN, DataType, FieldType, feeds

_GROUPED: Final = re.compile(r"(?:pred|predicted|prediction|pred_label|y_pred)_(.+)", re.IGNORECASE)
_TRUTHS: Final = re.compile(
    r"(?:true|actual|label|target|gt|y_true|truth|did|observed)_(.+)", re.IGNORECASE
)
GROUPED: Final = "predicted_labels"
"""Name of the prediction that is made of one column for each label, and of its actual."""
GROUPED_TRUTH: Final = "true_labels"


@dataclass(frozen=True, slots=True)
class Fed:
    """A column of the query that a field or an actual takes.

    Args:
        name: Its name.
        type_text: Its type in the table, for a person.
        sql: Spark SQL that gives it; None where the table's column is taken as it is.
    """

    name: str
    type_text: str
    sql: str | None = None


def conversion(type_: DataType, field: FieldType, sample: Sample, name: str) -> str | None:
    """Return Spark SQL that converts a `{column}` to what a `field` holds; None if none does.

    What it can't tell ends a read, and is never taken for something else: a 2 is no boolean.
    """
    if field is FieldType.BOOLEAN and type_.is_integer and sample.only_zero_one(name):
        return "CAST(CAST({column} AS STRING) AS BOOLEAN)"
    if field is FieldType.NUMERIC and type_ == BOOLEAN:
        return "CAST({column} AS INT)"
    if field is not FieldType.DICT:
        return None
    if type_.name == "struct" and all(_scalar(t) for _, t in type_.fields):
        pairs = ", ".join(
            f"{_braced(text_literal(n))}, " + _double(f"{{column}}.{_braced(quoted(n))}", t)
            for n, t in type_.fields
        )
        return f"CASE WHEN {{column}} IS NOT NULL THEN map({pairs}) END" if pairs else None
    if type_.name == "map" and type_.key.is_text and type_.value == BOOLEAN:
        return "transform_values({column}, (k, v) -> CAST(v AS INT))"
    if type_.name == "array" and type_.element.is_text:
        return "map_from_arrays({column}, transform({column}, x -> 1))"
    return None


def fed(column: Column, field: FieldType, sample: Sample) -> Fed | None:
    """Return the conversion of a column to a field; None if there is none."""
    if feeds(column.type, field) is None:
        return Fed(column.name, str(column.type))
    sql = conversion(column.type, field, sample, column.name)
    if sql is None:
        return None
    return Fed(column.name, str(column.type), sql.format(column=quoted(column.name)))


def field_of(column: Column, model: ModelType, sample: Sample) -> FieldType | None:
    """Return the field type of a prediction column in a model; None if it can't be a prediction."""
    type_, allowed = column.type, PREDICTION_TYPES[model]
    if FieldType.BOOLEAN in allowed and is_flag(column, sample):
        return FieldType.BOOLEAN
    if model is ModelType.MULTICLASS and type_.is_integer:
        return FieldType.CATEGORICAL
    order = (
        FieldType.STRING,
        FieldType.NUMERIC,
        FieldType.DICT,
        FieldType.ARRAY,
    )
    for field in order:
        if field in allowed and fed(column, field, sample) is not None:
            boolean = field is FieldType.NUMERIC and type_ == BOOLEAN
            lists = model is ModelType.MULTICLASS and type_.name == "array"
            if not boolean and not lists:
                return field
    return None


def is_flag(column: Column, sample: Sample) -> bool:
    """Return whether a column says yes or no: a boolean, or 0 and 1 that are no score."""
    if column.type == BOOLEAN:
        return True
    whole = column.type.is_integer and not names.is_rank(column.name)
    return whole and sample.only_zero_one(column.name)


def model_type(
    predictions: Sequence[Column],
    labels: Sequence[Column],
    others: Iterable[Column],
    sample: Sample,
) -> ModelType:
    """Return what a model seems to answer.

    Args:
        predictions: Columns of its answers.
        labels: Columns of actuals.
        others: The rest of the table.
        sample: Values of the columns.
    """
    if not predictions:
        flags = [c for c in labels if is_flag(c, sample)]
        return ModelType.BINARY if flags else ModelType.REGRESSION
    texts = [c for c in predictions if c.type.is_text]
    dicts = [c for c in predictions if fed_by_names(c)]
    numbers = [c for c in predictions if c.type.is_numeric]
    listed = [c for c in predictions if c.type.name == "array"]
    if _ranks(predictions, listed, labels, list(others)):
        return ModelType.RANKING
    classes = texts or [
        c
        for c in predictions
        if c.type.is_integer
        and not sample.only_zero_one(c.name)
        and (names.is_class(c.name) or any(_tells_class(label, c) for label in labels))
    ]
    if classes:
        return ModelType.MULTICLASS
    if dicts:
        if any(sample.sums_to_one(c.name) for c in dicts):
            return ModelType.MULTICLASS
        likely = any(names.is_probability(c.name) for c in dicts) and sample.rows is None
        return ModelType.MULTICLASS if likely else ModelType.MULTI_LABEL
    if grouped(predictions, labels, sample) or any(c.type.element.is_text for c in listed):
        return ModelType.MULTI_LABEL
    if listed and any(names.is_probability(c.name) for c in listed):
        return ModelType.MULTICLASS
    if any(is_flag(c, sample) for c in predictions):
        return ModelType.BINARY
    if len([c for c in numbers if _of_a_class(c.name)]) > 2 or any(c.type.is_text for c in labels):
        return ModelType.MULTICLASS
    if any(is_flag(c, sample) for c in labels):
        return ModelType.BINARY
    has_probability = any(re.search("prob|confidence", c.name, re.IGNORECASE) for c in numbers)
    return ModelType.BINARY if has_probability else ModelType.REGRESSION


def grouped(
    predictions: Sequence[Column], labels: Sequence[Column], sample: Sample
) -> tuple[tuple[str, Column, Column | None], ...]:
    """Return the label's name, prediction and actual of a model with one column for each label.

    >>> # pred_sports, pred_politics beside true_sports, true_politics
    """
    truths = {
        match[1].casefold(): c for c in labels if (match := _TRUTHS.fullmatch(c.name)) is not None
    }
    parts = []
    for column in predictions:
        match = _GROUPED.fullmatch(column.name)
        if match is not None and is_flag(column, sample):
            parts.append((match[1], column, truths.get(match[1].casefold())))
    matched = [p for p in parts if p[2] is not None and is_flag(p[2], sample)]
    if len(matched) > 1 and len(matched) == len(parts):
        return tuple(matched)
    return tuple((n, c, None) for n, c, _ in parts) if len(parts) > 2 and not matched else ()


def together(parts: Iterable[tuple[str, Column]]) -> str:
    """Return Spark SQL of a map of one column for each label."""
    pairs = (f"{text_literal(n)}, CAST({quoted(c.name)} AS INT)" for n, c in parts)
    return f"map({', '.join(pairs)})"


def fed_by_names(column: Column) -> bool:
    """Return whether a column holds a number for each of some names: a map, or a struct."""
    type_ = column.type
    if type_.name == "map":
        return type_.key.is_text and _scalar(type_.value)
    return type_.name == "struct" and all(_scalar(t) for _, t in type_.fields)


def _ranks(
    predictions: Sequence[Column],
    listed: Sequence[Column],
    labels: Sequence[Column],
    others: Sequence[Column],
) -> bool:
    if any(names.is_rank(c.name) and not c.type.is_text for c in predictions):
        return True
    if any(re.search("item|doc|product|result", c.name, re.IGNORECASE) for c in listed):
        return True
    scored = all(c.type.is_numeric for c in predictions)
    pair = any(names.is_group(c.name) for c in others) and any(
        names.is_item(c.name) for c in others
    )
    relevance = any("relevance" in c.name.casefold() for c in labels)
    return scored and (pair or relevance)


def _tells_class(label: Column, prediction: Column) -> bool:
    same = names.stem(label.name) == names.stem(prediction.name)
    return same and label.type.is_integer and names.is_class(label.name)


def _of_a_class(name: str) -> bool:
    return (
        re.fullmatch(r"(prob(a|ability)?|score|p|pred_proba)_.+", name, re.IGNORECASE) is not None
    )


def _scalar(type_: DataType) -> bool:
    return type_.is_numeric or type_ == BOOLEAN


def _double(sql: str, type_: DataType) -> str:
    if type_ == BOOLEAN:
        return f"CAST(CAST({sql} AS INT) AS DOUBLE)"
    return sql if type_.name == "double" else f"CAST({sql} AS DOUBLE)"


def _braced(text: str) -> str:
    """Return a text that `str.format` leaves as it is."""
    return text.replace("{", "{{").replace("}", "}}")
