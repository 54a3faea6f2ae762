"""Read rows: what figures that no profile tells have in common. They are counted of rows, and add.

The rows of each window are read on whichever engine reads them, and counted by DuckDB.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from headwater.diagnostics import hint_for
from headwater.errors import ConfigError, PluginError
from headwater.interfaces.schema import ACTUAL_PREFIX, Field

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.reading.dataset import Dataset
    from headwater.tables.window import Window
    from headwater.workspace.model import Connection


class Adds(Protocol):
    """What is counted of a window's rows, and can be added to that of others."""

    def __add__(self, other: Self) -> Self: ...


Counted = TypeVar("Counted")
Summed = TypeVar("Summed", bound=Adds)


def prediction_field(connection: Connection, name: str | None) -> Field:
    """Return the prediction to judge: the one that is named, or the only one.

    Args:
        connection: The connection of a model.
        name: The prediction's name.

    Raises:
        ConfigError: If there is none of this name, or none was named of several.
    """
    predictions = connection.schema.predictions
    if name is None and len(predictions) == 1:
        return predictions[0]
    field = None if name is None else connection.schema.prediction(name)
    if field is None:
        raise ConfigError(
            f"{connection.name} has no prediction {name!r}"
            if name is not None
            else f"{connection.name} has {len(predictions)} predictions",
            hint=hint_for(name or "", [p.name for p in predictions], what="predictions"),
        )
    return field


def by_window(
    connection: Connection,
    start: Any,
    end: Any,
    count: Callable[[Dataset], Counted],
    *,
    every: str | None,
    as_of: Any,
    engine: str | None,
) -> dict[Window | None, Counted]:
    """Return what is counted of the rows of each window.

    Args:
        connection: The connection that is read.
        start: Start of the window; as for `Connection.read`.
        end: Its end.
        count: Counts the rows of one window.
        every: Cut the window at each such step; None for one window.
        as_of: Until when labels are taken.
        engine: The engine that reads.
    """
    if every is None:
        data = connection.read(start, end, as_of=as_of, engine=engine)
        return {data.plan.window: count(data)}
    read = connection.read(start, end, every=every, as_of=as_of, engine=engine)
    return {data.window: count(data) for data in read}


def with_actual(data: Dataset, name: str) -> tuple[pa.Table, str]:
    """Return the rows of a dataset, and which of their columns is a prediction's actual.

    Args:
        data: The dataset.
        name: The prediction.

    Raises:
        ConfigError: If there are no actuals.
    """
    actual = f"{ACTUAL_PREFIX}{name}"
    rows = data.to_arrow()
    if actual not in rows.column_names:
        raise ConfigError(
            f"{data.plan.connection} has no actuals of {name}",
            hint="connect_actuals(..., labels={...}) says where they are",
        )
    return rows, actual


def added_by_window(
    first: Mapping[Window | None, Summed], second: Mapping[Window | None, Summed], nothing: Summed
) -> dict[Window | None, Summed]:
    """Return what two tell of each window, together.

    Args:
        first: What one of them tells.
        second: What the other one does.
        nothing: What is told of a window without rows.
    """
    windows = dict.fromkeys((*first, *second))
    return {w: first.get(w, nothing) + second.get(w, nothing) for w in windows}


def duckdb_connection() -> Any:
    """Return a connection of DuckDB's that knows nothing, and reaches no file.

    Raises:
        PluginError: If DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError as error:
        raise PluginError(
            f"DuckDB is not here: {error}", hint="pip install 'headwater-monitor[ranking]'"
        ) from error
    return duckdb.connect(":memory:", config={"enable_external_access": False})
