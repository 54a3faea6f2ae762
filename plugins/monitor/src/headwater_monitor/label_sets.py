"""Label sets: how right the labels of a multi-label model were, row by row.

No profile tells it: which of a row's labels go together is seen in the row alone. So the rows are
read, on whichever engine reads them, and become counts of each label, which add up exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import ConfigError
from headwater.interfaces.schema import ModelType
from headwater_monitor.read_rows import (
    added_by_window,
    by_window,
    duckdb_connection,
    prediction_field,
    with_actual,
)

if TYPE_CHECKING:
    from headwater.reading.dataset import Dataset
    from headwater.tables.window import Window
    from headwater.workspace.model import Connection


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """The counts of a window's rows, which add up.

    Args:
        rows: Rows.
        labelled: Rows whose actual labels are known.
        scored: Of them, rows with predicted labels.
        exact: Of these, rows whose labels are all right, and none is missing.
        labels: By label and (predicted, actual): how many rows; without those where it is neither.
    """

    rows: int = 0
    labelled: int = 0
    scored: int = 0
    exact: int = 0
    labels: Mapping[tuple[str, bool, bool], int] = field(default_factory=dict)

    def __add__(self, other: LabelCounts) -> LabelCounts:
        keys = dict.fromkeys((*self.labels, *other.labels))
        return LabelCounts(
            self.rows + other.rows,
            self.labelled + other.labelled,
            self.scored + other.scored,
            self.exact + other.exact,
            {key: self.labels.get(key, 0) + other.labels.get(key, 0) for key in keys},
        )


@dataclass(frozen=True, slots=True)
class MultiLabel:
    """How right the labels of rows were, by window: what `multilabel` returns.

    `a + b` adds what both tell. `performance` takes it for a profile.

    Args:
        prediction: The prediction.
        threshold: From which score on a label counts as predicted.
        counts: The counts, by window; of a read without windows, under None.
    """

    prediction: str
    threshold: float
    counts: Mapping[Window | None, LabelCounts]

    @property
    def total(self) -> LabelCounts:
        """The counts of all windows together."""
        return sum(self.counts.values(), start=LabelCounts())

    def parts(self) -> Iterator[tuple[Window | None, MultiLabel]]:
        """Yield each window, with the labels of it alone."""
        for window, counts in self.counts.items():
            yield window, changed(self, counts={window: counts})

    def __add__(self, other: object) -> MultiLabel:
        if not isinstance(other, MultiLabel):
            return NotImplemented
        if (self.prediction, self.threshold) != (other.prediction, other.threshold):
            raise ConfigError(
                f"labels of {self.prediction} from {self.threshold:g} on and of "
                f"{other.prediction} from {other.threshold:g} on can't be added",
                hint="make both with the same prediction and threshold",
            )
        return changed(self, counts=added_by_window(self.counts, other.counts, LabelCounts()))


def multilabel(
    connection: Connection,
    start: Any = None,
    end: Any = None,
    *,
    prediction: str | None = None,
    threshold: float = 0.5,
    every: str | None = None,
    as_of: Any = None,
    engine: str | None = None,
) -> MultiLabel:
    """Return how right the labels of a multi-label model were.

    A prediction is a dict of labels and their scores; a label that is not in it was not predicted.
    Of the actual labels, those of at least 0.5 came true (1 and true among them).

    Args:
        connection: The connection of a multi-label model, with actuals.
        start: Start of the window; as for `Connection.read`.
        end: Its end.
        prediction: The prediction to judge, where the model gives several.
        threshold: From which score on a label counts as predicted.
        every: Cut the window at each such step: the figures of each are kept apart.
        as_of: Until when labels are taken.
        engine: The engine that reads.

    Raises:
        ConfigError: If the model has other answers, no such prediction, or no actuals.
        PluginError: If DuckDB is not installed.
    """
    schema = connection.schema
    if schema.model_type is not ModelType.MULTI_LABEL:
        raise ConfigError(
            f"{connection.name} is of a {schema.model_type} model",
            hint="performance(connection.profile(...)) tells how right it was",
        )
    name = prediction_field(connection, prediction).name

    def count(data: Dataset) -> LabelCounts:
        return _counts(data, name, threshold)

    by_window_ = by_window(connection, start, end, count, every=every, as_of=as_of, engine=engine)
    return MultiLabel(name, threshold, by_window_)


_BOTH: Final = """
WITH numbered AS (
  SELECT row_number() OVER () AS n, prediction, actual FROM given
  WHERE prediction IS NOT NULL AND actual IS NOT NULL
),
said AS (
  SELECT n, unnest(map_keys(prediction)) AS label,
    CAST(unnest(map_values(prediction)) AS DOUBLE) >= ? AS yes
  FROM numbered
),
was AS (
  SELECT n, unnest(map_keys(actual)) AS label,
    CAST(unnest(map_values(actual)) AS DOUBLE) >= 0.5 AS yes
  FROM numbered
),
pairs AS (
  SELECT n, label, coalesce(said.yes, false) AS said, coalesce(was.yes, false) AS was
  FROM said FULL JOIN was USING (n, label)
)
"""
_LABELS: Final = "SELECT label, said, was, count(*) FROM pairs WHERE said OR was GROUP BY ALL"
_WRONG: Final = "SELECT count(DISTINCT n) FROM pairs WHERE said <> was"


def _counts(data: Dataset, name: str, threshold: float) -> LabelCounts:
    with duckdb_connection() as engine:
        rows, actual = with_actual(data, name)
        engine.register(
            "given", rows.select([name, actual]).rename_columns(["prediction", "actual"])
        )
        labelled, scored = engine.execute(
            "SELECT count(actual), count(*) FILTER (prediction IS NOT NULL AND actual IS NOT NULL)"
            " FROM given"
        ).fetchone()
        combinations = engine.execute(_BOTH + _LABELS, [threshold]).fetchall()
        (wrong,) = engine.execute(_BOTH + _WRONG, [threshold]).fetchone()
    labels = {
        (label, predicted, true): count for label, predicted, true, count in sorted(combinations)
    }
    return LabelCounts(len(rows), labelled, scored, scored - wrong, labels)
