"""Proposing a model for a table: which column is what, by its name, its type and its values. Pure.

Names are a convention and no proof: what is chosen here is written down to be edited
(`proposing.text`), and how partitions follow from time is checked (`proposing.partition_rule`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from headwater.interfaces.schema import ACTUAL_PREFIX, ID, TIMESTAMP, ModelType
from headwater.proposing import answers, names
from headwater.proposing.answers import Fed, fed
from headwater.proposing.sample import Sample
from headwater.sql.rewriting import quoted
from headwater.tables.table import Column, Table
from headwater.types import INT, STRING, DataType, FieldType, datetime_cast, feeds, map_of

_ROW_ID: Final = "row_id"
_NANOSECONDS: Final = "in nanoseconds: whole microseconds are read, others end a read"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is not part of the model, and why."""

    column: Column
    reason: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """A field that is proposed.

    Args:
        name: Its name, that of the query's column.
        type: What it is.
        note: What to know of it, if anything.
        sql: Spark SQL that gives it; None where it is the table's column as it is.
    """

    name: str
    type: FieldType
    note: str | None = None
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class Actual:
    """A column that may hold the actual of a prediction.

    Args:
        column: The column.
        prediction: Whose actual it may be; None where no prediction is of its type.
        sql: Spark SQL that gives it as that prediction is; None where it is so.
    """

    column: Column
    prediction: str | None
    sql: str | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    """What each column of a table seems to be.

    Args:
        model_type: What the model seems to answer.
        id: Name of the column that identifies a row, or None.
        id_note: What to know of it, if anything.
        other_ids: Columns that might as well.
        timestamp: The column that says when, or None.
        timestamp_cast: Spark SQL that makes a timestamp of it, if it is none.
        other_times: Columns that might as well.
        raw_inputs: What a model that ranks was asked about: its items' query.
        features: Features.
        predictions: Predictions, with types that the model type allows.
        labels: Columns that may hold actuals; they are no features.
        label_times: Columns that may say when these were set; they are no features either.
        left_out: The rest.
        added: Columns that the query has to add, each with its SQL.
    """

    model_type: ModelType
    id: str | None
    id_note: str | None
    other_ids: tuple[Column, ...]
    timestamp: Column | None
    timestamp_cast: str | None
    other_times: tuple[Column, ...]
    raw_inputs: tuple[Proposed, ...]
    features: tuple[Proposed, ...]
    predictions: tuple[Proposed, ...]
    labels: tuple[Actual, ...]
    label_times: tuple[Column, ...]
    left_out: tuple[LeftOut, ...]
    added: tuple[Fed, ...] = ()

    def query(self, table: Table) -> str | None:
        """Return the query that casts and adds columns; None if the table itself will do."""
        changed = {f.name: f.sql for f in (*self.features, *self.predictions) if f.sql is not None}
        changed |= {a.column.name: a.sql for a in self.labels if a.sql is not None}
        if self.timestamp is not None and self.timestamp_cast is not None:
            time = quoted(self.timestamp.name)
            changed[self.timestamp.name] = self.timestamp_cast.format(column=time)
        return select(table, changed, self.added)


def select(table: Table, changed: Mapping[str, str], added: Iterable[Fed] = ()) -> str | None:
    """Return a query that gives a table's columns, some by SQL; None where the table does.

    Args:
        table: The table.
        changed: Spark SQL of columns by name; names that the table has not are added to it.
        added: Further columns.
    """
    names = [c.name for c in table.columns]
    more = {n: sql for n, sql in changed.items() if n not in names}
    more |= {f.name: f.sql for f in added if f.sql is not None}
    if not changed and not more:
        return None
    parts = [
        f"{changed[name]} AS {quoted(name)}" if name in changed else quoted(name) for name in names
    ]
    parts += [f"{sql} AS {quoted(name)}" for name, sql in more.items()]
    return f"SELECT {', '.join(parts)} FROM {quoted(table.name.name)}"


@dataclass(slots=True)
class _Candidates:
    """Columns of a table by what they seem to be, before a model is made of them."""

    ids: list[Column] = field(default_factory=list)
    pair: tuple[Column, Column] | None = None
    times: list[Column] = field(default_factory=list)
    late: list[Column] = field(default_factory=list)
    predictions: list[Column] = field(default_factory=list)
    labels: list[Column] = field(default_factory=list)
    rest: list[Column] = field(default_factory=list)


def roles(table: Table, sample: Sample | None = None) -> Roles:
    """Return what each column of a table seems to be.

    Args:
        table: The table.
        sample: What was seen of its rows.
    """
    sample = sample or Sample()
    candidates = _candidates(table, sample)
    model = answers.model_type(candidates.predictions, candidates.labels, candidates.rest, sample)
    time = candidates.times[0] if candidates.times else None
    predictions, fed_columns, left_out = _predictions(candidates, model, sample)
    predictions = [_typed_as_label(p, candidates) for p in predictions]
    labels, added = _actuals(candidates, model, predictions, sample)
    left_out = [LeftOut(c, "a partition key") for c in table.partition_columns] + left_out
    query = _query(candidates, model)
    features: list[Proposed] = []
    for column in candidates.rest:
        type_ = field_type(column.type)
        if query is not None and column.name == query.name:
            continue
        if reason := _reason_left_out(column, type_, candidates):
            left_out.append(LeftOut(column, reason))
        elif type_ is not None and column not in fed_columns:
            features.append(Proposed(column.name, type_, _note(column, type_, sample)))
    id_, id_note = _id(candidates, sample)
    if candidates.pair is not None:
        parts = ", '/', ".join(quoted(c.name) for c in candidates.pair)
        added.append(Fed(_ROW_ID, "string", f"concat({parts})"))
    dated = [c for c in candidates.late if feeds(c.type, FieldType.DATETIME) is None]
    label_times = dated if labels else []
    left_out += [
        LeftOut(c, f"{c.type}: later than the prediction, so that no model saw it")
        for c in candidates.late
        if c not in label_times
    ]
    return Roles(
        model,
        id_,
        id_note,
        tuple(c for c in candidates.ids if c.name != id_),
        time,
        None if time is None else _cast(time.type),
        tuple(candidates.times[1:]),
        () if query is None else (query,),
        tuple(features),
        tuple(predictions),
        tuple(labels),
        tuple(label_times),
        tuple(left_out),
        tuple(added),
    )


def field_type(type_: DataType) -> FieldType | None:
    """Return the field type that a column's values are, or None where a query must say."""
    if not type_.is_known:
        return None
    preferred = (
        FieldType.NUMERIC,
        FieldType.BOOLEAN,
        FieldType.STRING,
        FieldType.DATETIME,
        FieldType.DICT,
    )
    if fitting := next((f for f in preferred if feeds(type_, f) is None), None):
        return fitting
    if type_.name != "array" or type_.element.name == "array":
        return None  # nested arrays are tensors, whose dimensions no catalog knows
    return FieldType.VECTOR if feeds(type_, FieldType.VECTOR) is None else FieldType.ARRAY


def matched(
    labels: Sequence[Column], predictions: Sequence[Proposed], sample: Sample
) -> list[Actual]:
    """Return each label with the prediction whose actual it may be: of its name, or of its type."""
    actuals = []
    for label in labels:
        fitting = [(p, own) for p in predictions if (own := fed(label, p.type, sample)) is not None]
        fitting.sort(key=lambda pair: _match_order(label, pair[0], pair[1]))
        best = fitting[0] if fitting else None
        actuals.append(
            Actual(label, best and best[0].name, best[1].sql if best is not None else None)
        )
    return actuals


def _match_order(label: Column, prediction: Proposed, own: Fed) -> tuple[bool, bool, bool, bool]:
    """Return the sort key of a label's possible predictions; the likeliest sorts first."""
    other = not names.alike(prediction.name, label.name)
    order = names.is_rank(prediction.name) is not names.is_rank(label.name)
    return other, order, names.is_probability(prediction.name), own.sql is not None


def _candidates(table: Table, sample: Sample) -> _Candidates:
    keys = {k.casefold() for k in table.partition_keys}
    data = [c for c in table.columns if c.name.casefold() not in keys]
    candidates = _Candidates(times=_times(data))
    time = candidates.times[0] if candidates.times else None
    is_prediction_time = time is not None and names.time_rank(time.name) is not None
    later = [
        c
        for c in candidates.times[1:]
        if time and is_prediction_time and sample.after(c.name, time.name)
    ]
    candidates.late = [c for c in candidates.times[1:] if c in later or _is_known_time(c)]
    candidates.times = [c for c in candidates.times if c not in candidates.late]
    rest = [c for c in data if c not in (*candidates.times[:1], *candidates.late)]
    candidates.predictions = [c for c in rest if names.is_prediction(c.name)]
    candidates.labels = [
        c
        for c in rest
        if c not in candidates.predictions
        and (
            names.is_label(c.name)
            or any(sample.comes_with(c.name, t.name) for t in candidates.late)
        )
    ]
    if not candidates.predictions:
        _answer_of_labels(rest, candidates)
    if not candidates.labels:  # then a name alone says nothing
        named = [c for c in candidates.late if c not in later]
        candidates.late = [c for c in candidates.late if c in later]
        candidates.times += named
        rest += named
    answers = (*candidates.predictions, *candidates.labels)
    candidates.ids = [c for c in _ids(rest, sample) if c not in answers]
    candidates.pair = _pair(candidates, sample)
    main = candidates.ids[:1] if candidates.pair is None else []
    candidates.rest = [c for c in rest if c not in (*answers, *main)]
    return candidates


def _answer_of_labels(rest: Sequence[Column], candidates: _Candidates) -> None:
    """Take the columns that labels are named after for predictions: `price` of `price_actual`."""
    for label in list(candidates.labels):
        about = names.stem(label.name)
        for column in rest:
            same = "_".join(about) == column.name.casefold() if about else False
            plain = column.name.casefold() in ("label", "class", "target", "y")
            pairs = {"true_label": "label", "y_true": "y", "true_class": "class"}
            named = plain and pairs.get(label.name.casefold()) == column.name.casefold()
            if column != label and (same or named) and column.type == label.type:
                candidates.predictions.append(column)
                if column in candidates.labels:
                    candidates.labels.remove(column)


def _ids(rest: Sequence[Column], sample: Sample) -> list[Column]:
    """Return the columns that may identify a row: first those without repeats, then by name."""
    ranked = [
        (sample.repeats(c.name), rank, number, c)
        for number, c in enumerate(rest)
        if (c.type.is_text or c.type.is_integer) and (rank := names.id_rank(c.name)) is not None
    ]
    return [entry[-1] for entry in sorted(ranked, key=lambda entry: entry[:3])]


def _pair(candidates: _Candidates, sample: Sample) -> tuple[Column, Column] | None:
    """Return two columns that identify a row together, where none does alone."""
    if not candidates.ids or not sample.repeats(candidates.ids[0].name):
        return None
    pairs = combinations(candidates.ids, 2)
    likely = sorted(pairs, key=lambda pair: not (_groups(pair) or _groups(pair[::-1])))
    for one, other in likely:
        if not sample.repeats(one.name, other.name):
            return (other, one) if _groups((other, one)) else (one, other)
    return None


def _query(candidates: _Candidates, model: ModelType) -> Proposed | None:
    """Return the column whose value items that were ranked together have in common."""
    if model is not ModelType.RANKING or candidates.pair is None or not _groups(candidates.pair):
        return None
    column = candidates.pair[0]
    type_ = field_type(column.type)
    if type_ is None or _reserved(column):
        return None
    return Proposed(column.name, type_, "its items were ranked together")


def _groups(pair: tuple[Column, ...]) -> bool:
    return names.is_group(pair[0].name) and names.is_item(pair[1].name)


def _id(candidates: _Candidates, sample: Sample) -> tuple[str | None, str | None]:
    if candidates.pair is not None:
        return _ROW_ID, "neither of them identifies a row alone"
    if not candidates.ids:
        return None, None
    name = candidates.ids[0].name
    return name, "repeats in the rows that were looked at" if sample.repeats(name) else None


def _predictions(
    candidates: _Candidates, model: ModelType, sample: Sample
) -> tuple[list[Proposed], list[Column], list[LeftOut]]:
    """Return the predictions, the columns that they take, and those that can be none."""
    if model is ModelType.MULTI_LABEL and (
        parts := answers.grouped(candidates.predictions, candidates.labels, sample)
    ):
        sql = answers.together((name, column) for name, column, _ in parts)
        prediction = Proposed(answers.GROUPED, FieldType.DICT, None, sql)
        return [prediction], [c for _, c, _ in parts], []
    proposed, left_out = [], []
    for column in candidates.predictions:
        type_ = None if _reserved(column) else answers.field_of(column, model, sample)
        own = None if type_ is None else fed(column, type_, sample)
        if type_ is None or own is None:
            reason = _reserved(column) or (
                f"{column.type}: not what a {model} model answers; convert it in the query"
            )
            left_out.append(LeftOut(column, reason))
        else:
            note = column.comment
            if own.sql is not None:
                note = note or f"{_shortened(own.type_text)} in the table; the query converts it"
            proposed.append(Proposed(column.name, type_, note, own.sql))
    return proposed, list(candidates.predictions), left_out


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _actuals(
    candidates: _Candidates, model: ModelType, predictions: Sequence[Proposed], sample: Sample
) -> tuple[list[Actual], list[Fed]]:
    """Return the columns that may hold actuals, and what the query has to add for them."""
    if model is ModelType.MULTI_LABEL and any(p.name == answers.GROUPED for p in predictions):
        parts = answers.grouped(candidates.predictions, candidates.labels, sample)
        truths = [(name, truth) for name, _, truth in parts if truth is not None]
        if truths:
            sql = answers.together(truths)
            column = Column(answers.GROUPED_TRUTH, map_of(STRING, INT))
            rest = [c for c in candidates.labels if c not in [truth for _, truth in truths]]
            own = Actual(column, answers.GROUPED)
            truth_column = Fed(answers.GROUPED_TRUTH, "map<string,int>", sql)
            return [own, *matched(rest, predictions, sample)], [truth_column]
    return matched(candidates.labels, predictions, sample), []


def _typed_as_label(prediction: Proposed, candidates: _Candidates) -> Proposed:
    """Return a prediction of 0 and 1 as a number where its actual is one that no boolean holds."""
    if prediction.type is not FieldType.BOOLEAN or prediction.sql is None:
        return prediction
    about = names.stem(prediction.name)
    for label in candidates.labels:
        if label.type.is_floating and names.stem(label.name) in (about, ()):
            return Proposed(prediction.name, FieldType.NUMERIC, "0 and 1, as its actuals are")
    return prediction


def _times(columns: Iterable[Column]) -> list[Column]:
    """Return the columns that may be a row's time: instants, then local times, dates, texts."""
    order = {"timestamp": 0, "timestamp_ntz": 1, "date": 2, "string": 3}
    times = [
        c for c in columns if c.type.name in order and (not c.type.is_text or names.is_time(c.name))
    ]
    times.sort(key=lambda c: (order[c.type.name], not names.is_time(c.name)))
    times.sort(key=lambda c: (_is_known_time(c), _rank_of_time(c)))
    return times


def _rank_of_time(column: Column) -> float:
    rank = names.time_rank(column.name)
    return math.inf if rank is None else rank


def _is_known_time(column: Column) -> bool:
    return names.is_label_time(column.name)


def _cast(type_: DataType) -> str | None:
    return datetime_cast(type_).partition(" if ")[0] if feeds(type_, FieldType.DATETIME) else None


def _note(column: Column, type_: FieldType, sample: Sample) -> str | None:
    """Return the note on a feature: its comment, and a caution about its type."""
    notes = [column.comment] if column.comment else []
    if column.name.casefold() in sample.nanoseconds:
        notes.append(_NANOSECONDS)
    if column.type.name == "char":
        notes.append(f"{column.type}: filled with spaces")
    if column.type.is_integer and sample.only_zero_one(column.name):
        notes.append("only 0 and 1 were seen: boolean?")
    return "; ".join(notes) or None


def _reserved(column: Column) -> str | None:
    folded = column.name.casefold()
    if folded in (ID, TIMESTAMP) or folded.startswith(ACTUAL_PREFIX):
        return f"{column.type}: the name is that of an output column; map a field of another name"
    if "${" in column.name:
        return f"{column.type}: a field of a file can't have this name; map one of another name"
    return None


def _reason_left_out(
    column: Column, type_: FieldType | None, candidates: _Candidates
) -> str | None:
    if reason := _reserved(column):
        return reason
    if column in candidates.ids:
        return f"{column.type}: looks like an identifier"
    if type_ is not None:
        return None
    if column.type.name == "timestamp_ntz":
        return f"{column.type}: no zone is known of it; in the query: {datetime_cast(column.type)}"
    return f"{_shortened(str(column.type))}: no field holds it as it is; convert it in the query"
