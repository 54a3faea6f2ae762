"""Profiles: a connection's rows counted where they are, by queries around its plan."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import prod
from typing import TYPE_CHECKING, Final

from headwater.diagnostics import Diagnostic, hint_for
from headwater.errors import ConfigError, PlanError, ProfileError
from headwater.interfaces.mapping import BoundColumn, BoundMapping
from headwater.interfaces.read_stats import ReadStats
from headwater.interfaces.schema import ModelType, Role
from headwater.planning import planner
from headwater.plugins import hooks
from headwater.profiling import measuring, queries
from headwater.profiling import sql_pieces as sql
from headwater.profiling.cells import About, Key, Place, cleaned
from headwater.profiling.counting import SKETCHED, bins, counts
from headwater.profiling.edges import Edges, FieldEdges
from headwater.profiling.profile import Profile
from headwater.profiling.queries import Counted, Rows
from headwater.profiling.statistics import Value
from headwater.reading.dataset import NOTED, EmptyReadWarning
from headwater.reading.empty_reads import verdict
from headwater.tables.window import Window
from headwater.types import FieldType
from headwater.windows import labels

if TYPE_CHECKING:
    from headwater.interfaces.plan import Plan, Scan
    from headwater.planning.plans import Plans
    from headwater.windows.calendar import Calendar
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace

MAX_CELLS: Final = 5_000_000
"""Cells that a profile may have: more is almost surely segments of a field with too many values."""
_TOGETHER: Final = 128
"""Windows that are counted by one query."""
_SEGMENTS: Final = frozenset({FieldType.STRING, FieldType.CATEGORICAL, FieldType.BOOLEAN})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """The arguments of a profile; see `Connection.profile`.

    Args:
        by: Fields of its segments.
        edges: What its histograms are of; None measures them.
        as_of: Until when actuals are taken.
        engine: Name of the engine that counts.
        sample: Share of the ids.
        max_cells: Cells that it may have.
    """

    by: tuple[str, ...] = ()
    edges: Edges | None = None
    as_of: datetime | None = None
    engine: str | None = None
    sample: float | None = None
    max_cells: int = MAX_CELLS


def profile(
    workspace: Workspace,
    connection: Connection,
    window: Window | None,
    calendar: Calendar | None,
    options: ProfileOptions,
) -> Profile:
    """Count a connection's rows; see `Connection.profile`."""
    if calendar is not None and window is not None:
        plans = workspace.plans(
            connection,
            window,
            calendar,
            as_of=options.as_of,
            engine=options.engine,
            sample=options.sample,
            nearby=True,
        )
        return profile_of(workspace, connection, plans, options)
    request = workspace.request(connection, window, options.as_of, options.sample)
    with workspace.opened(connection) as access:
        mapped = workspace.map_queries(connection, access)
        plan = planner.plan_query(request, mapped[0], access, actuals=mapped[1], nearby=True)
    counting = _Counting(workspace, connection, plan, options)
    windows = () if window is None else (window,)
    return counting.profile(counting.edges(), [(windows, plan)], lambda _: plan)


def profile_of(
    workspace: Workspace, connection: Connection, plans: Plans, options: ProfileOptions
) -> Profile:
    """Count the rows of each window of plans.

    Args:
        workspace: Who counts.
        connection: Whose rows.
        plans: Their plans.
        options: The arguments.
    """
    whole = plans[0] if len(plans) == 1 else plans.whole
    counting = _Counting(workspace, connection, whole, options)
    parts = [(plans.windows[r.start : r.stop], plans.together(r)) for r in _parts(plans)]
    places = {window: number for number, window in enumerate(plans.windows)}
    return counting.profile(
        counting.edges(), parts, lambda w: whole if w is None else plans[places[w]]
    )


def _parts(plans: Plans) -> Iterator[range]:
    """Yield which windows are counted by one query: no row of theirs is kept."""
    if plans.draft.request.max_bytes is not None:
        yield from plans.groups()
        return
    for first in range(0, len(plans), _TOGETHER):
        yield range(first, min(first + _TOGETHER, len(plans)))


class _Counting:
    """Queries around the plans of one connection.

    Args:
        workspace: Who asks.
        connection: Whose rows.
        whole: The plan of all that is asked for.
        options: The arguments.
    """

    def __init__(
        self, workspace: Workspace, connection: Connection, whole: Plan, options: ProfileOptions
    ) -> None:
        if whole.mapping is None or not any(_profiled_columns(whole.mapping)):
            raise ConfigError(
                f"{connection.name} has no fields that could be profiled",
                hint="profile the serving, training or testing connection: actuals are joined "
                "to serving",
            )
        uncertain = [w for w in whole.warnings if w.code == "non-reproducible"]
        if uncertain:
            raise PlanError(
                f"{connection.name}: its query may answer differently each time, and its rows are "
                f"read several times to count them: {uncertain[0].message}",
                code="non-reproducible",
                hint="take the moment from a column, give samples a hash of the id, and let an "
                "ORDER BY name columns that tell all rows apart",
            )
        self._workspace, self._connection = workspace, connection
        self._whole, self._options = whole, options
        self._mapping: BoundMapping = whole.mapping
        self._by = tuple(self._segment_column(name) for name in sorted(set(options.by)))
        self._notes: list[Diagnostic] = []
        self._engine = ""

    def _segment_column(self, name: str) -> BoundColumn:
        fields = {c.name: c for c in _profiled_columns(self._mapping) if c.role is not Role.ACTUAL}
        if name not in fields:
            raise ConfigError(
                f"{self._connection.name} has no field {name!r} to make segments of",
                hint=hint_for(name, fields, what="fields"),
            )
        kind = fields[name].field_type
        if kind not in _SEGMENTS:
            raise ConfigError(
                f"segments can't be made of {name!r}, which is {kind}",
                hint="make them of fields that are string, categorical or boolean",
            )
        return fields[name]

    # -- Edges -------------------------------------------------------------------------------------

    def edges(self) -> Edges:
        """Return the edges that were given, held to the columns; or measured ones."""
        edges = self._options.edges
        if edges is None:
            return self._measured()
        if not isinstance(edges, Edges):
            raise ConfigError(
                f"{self._connection.name}: edges are a {type(edges).__name__}",
                hint="give what training.profile().edges(), or Edges.load(path), returns",
            )
        schema = self._connection.schema
        other = [
            f"{c.name} is {c.field_type}, and {edges[name].type} in the edges"
            if (name := c.field.name) in edges
            else f"{c.name} is not in the edges"
            for c in _profiled_columns(self._mapping)
            if c.field is not None
            and (c.field.name not in edges or edges[c.field.name].type is not c.field_type)
        ]
        if schema.model_type is not edges.model_type:
            other.append(f"the model is {schema.model_type}, and {edges.model_type} in the edges")
        if other:
            raise ProfileError(
                f"{self._connection.name} can't be counted by these edges: {'; '.join(other[:5])}",
                code="edges-differ",
                hint="take those of this version's own training set: training.profile().edges()",
            )
        return edges

    def _measured(self) -> Edges:
        model_type = self._connection.schema.model_type
        columns = list(measuring.measured(self._mapping))
        numbers = {c.name: n for c in columns if (n := measuring.numbers_of(c)) is not None}
        for column in columns:
            if column.role is Role.PREDICTION and column.field_type is FieldType.NUMERIC:
                errors = measuring.errors_of(self._mapping, column, model_type)
                if errors is not None:
                    numbers[f"{column.name} error"] = errors
        sizes: dict[str, measuring.Size] = {}
        if numbers:
            answer = self._ask(
                self._whole, measuring.size_query(self._whole.sql, [*numbers.values()])
            )
            sizes = dict(zip(numbers, measuring.sizes_of(answer), strict=True))
        cuts = {n: self._quantiles(numbers[n], size) for n, size in sizes.items()}
        return Edges(
            model_type,
            {c.name: self._edges_of(c, cuts, sizes, model_type) for c in columns},
        )

    def _quantiles(self, numbers: measuring.Numbers, size: measuring.Size) -> tuple[float, ...]:
        if not size.count:
            return ()
        query = measuring.quantile_query(self._whole.sql, numbers, size.count)
        return measuring.quantile_edges(numbers, self._ask(self._whole, query))

    def _edges_of(
        self,
        column: BoundColumn,
        cuts: dict[str, tuple[float, ...]],
        sizes: dict[str, measuring.Size],
        model_type: ModelType,
    ) -> FieldEdges:
        assert column.field is not None, "only columns of fields are measured"
        query = measuring.word_query(self._whole.sql, self._mapping, column, model_type)
        words = () if query is None else measuring.vocabulary_of(self._ask(self._whole, query))
        edges = FieldEdges(
            column.field.type, column.role, edges=cuts.get(column.name, ()), vocabulary=words
        )
        if column.field_type is FieldType.NUMERIC:
            largest = _usual(cuts[column.name], sizes[column.name])
            edges = replace(
                edges, scale=sql.scale_of(largest), square_scale=sql.square_scale_of(largest)
            )
        if (name := f"{column.name} error") in sizes:
            largest = _usual(cuts[name], sizes[name])
            edges = replace(
                edges,
                errors=cuts[name],
                error_scale=sql.scale_of(largest),
                error_square_scale=sql.square_scale_of(largest),
            )
        return edges

    # -- Counts ------------------------------------------------------------------------------------

    def profile(
        self,
        edges: Edges,
        parts: Sequence[tuple[tuple[Window, ...], Plan]],
        alone: Callable[[Window | None], Plan],
    ) -> Profile:
        """Return the profile of some windows.

        Args:
            edges: What they are counted by.
            parts: Windows that are counted together, none for all rows, each with their plan.
            alone: Gives the plan of one window; of None, that of all.
        """
        self._check_size(edges, sum(max(1, len(windows)) for windows, _ in parts))
        registry = self._workspace.registry
        hooks.plan_created(registry, self._whole)
        self._notes += (w for w in self._whole.warnings if w.code in NOTED)
        stats, error = ReadStats(started_at=datetime.now(UTC)), None
        cells: dict[Place, dict[Key, Value]] = {}
        try:
            for windows, plan in parts:
                counted = self._counted(edges, windows, plan, self._options.max_cells - len(cells))
                cells |= counted.cells
                stats.rows += sum(counted.rows_of.values())
            stats.finished = True
        except BaseException as caught:
            error = caught
            raise
        finally:
            hooks.read_finished(registry, self._whole, stats, error)
        cells_ = {place: cleaned(inside) for place, inside in cells.items()}
        everywhere = [w for windows, _ in parts for w in windows or (None,)]
        self._explain_empty(everywhere if cells_ or len(everywhere) == 1 else [None], cells_, alone)
        moments = [m for windows, plan in parts for m in self._moments(windows, plan)]
        about = About(
            (self._connection.name,),
            min(moments, default=None),
            max(moments, default=None),
            tuple(dict.fromkeys(self._notes)),
        )
        return Profile(edges, cells_, [c.name for c in self._by], about)

    @staticmethod
    def _moments(windows: tuple[Window, ...], plan: Plan) -> Iterator[datetime]:
        """Yield until when actuals were taken, in each window."""
        if plan.as_of is not None and not windows:
            yield plan.as_of
        elif plan.as_of is not None:
            yield from (labels.until(w, plan.as_of, plan.horizon) for w in windows)

    def _check_size(self, edges: Edges, windows: int) -> None:
        """Raise if there may be more cells than are allowed: before a row is read."""
        segments = prod(len(edges.of(c.name).vocabulary) + 3 for c in self._by)
        each = sum(bins(c, edges.of(c.name)) for c in _profiled_columns(self._mapping))
        cells = windows * segments * each
        if cells > self._options.max_cells:
            raise self._too_many(
                f"{windows:,} windows of {segments:,} segments of {each:,} bins and values may be "
                f"{cells:,} cells"
            )

    def _too_many(self, what: str) -> PlanError:
        return PlanError(
            f"{self._connection.name}: {what}, more than max_cells={self._options.max_cells:,}",
            code="too-many-cells",
            hint="ask for fewer windows, or segments of fields with few values; or raise max_cells",
        )

    def _counted(self, edges: Edges, windows: tuple[Window, ...], plan: Plan, most: int) -> Counted:
        time = self._mapping.role(Role.TIMESTAMP)
        rows = Rows(plan.sql, windows, by=self._by)
        if time is not None:
            rows = replace(rows, time=time.source_type)
        counted = Counted(rows)
        for batch in queries.batches(counts(self._mapping, edges)):
            answer = self._ask(plan, queries.total_query(rows, batch), most)
            queries.add_totals(counted, batch, answer)
            answer = self._ask(plan, queries.count_query(rows, batch), most)
            queries.add_counts(counted, batch, answer)
            for count in batch:
                for item in count.sets:
                    if item.sums:
                        answer = self._ask(plan, queries.sum_query(rows, count, item), most)
                        queries.add_sums(counted, item, answer)
            if counted.size > most:
                raise self._too_many(f"there are more than {counted.size:,} cells")
        for column in _profiled_columns(self._mapping):
            self._count_words(counted, edges.of(column.name), column, plan)
        names = [c.name for c in _profiled_columns(self._mapping)]
        for place, count_of in counted.rows_of.items():
            inside = counted.cells[place]
            inside |= {Key(name, "rows"): count_of for name in (None, *names)}
        return counted

    def _count_words(
        self, counted: Counted, edges: FieldEdges, column: BoundColumn, plan: Plan
    ) -> None:
        if column.field_type is FieldType.DICT:
            query = queries.keys_query(counted.rows, column, edges.vocabulary)
            queries.add_keys(counted, column, edges.vocabulary, self._ask(plan, query))
        if column.field_type not in SKETCHED:
            return
        sketches = {
            place: queries.sketched(cells, column.name, edges.vocabulary)
            for place, cells in counted.cells.items()
        }
        if column.field_type is FieldType.TEXT or None in sketches.values():
            answer = self._ask(plan, queries.sketch_query(counted.rows, column))
            queries.add_sketch(counted, column, answer)
            return
        for place, sketch in sketches.items():
            if sketch:
                counted.cells[place][Key(column.name, "distinct")] = sketch

    def _ask(self, plan: Plan, text: str, most: int | None = None) -> queries.Answer:
        """Return the answer of a query around a plan.

        Args:
            plan: The plan.
            text: The query.
            most: Rows that it may have.
        """
        counting_plan = replace(plan, sql=text, mapping=None, warnings=())
        data = self._workspace.answer(self._connection, counting_plan, self._options.engine)
        self._engine = data.plan.engine
        rows: list[tuple[object, ...]] = []
        for batch in data:
            rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
            if most is not None and len(rows) > most:
                raise self._too_many(f"there are more than {len(rows):,} cells")
        self._notes += data.stats.notes
        return rows

    def _explain_empty(
        self,
        windows: Sequence[Window | None],
        places: Collection[Place],
        alone: Callable[[Window | None], Plan],
    ) -> None:
        """Warn of windows without rows, and say why they have none: no cell is of them."""
        windows_with_rows = {place.window for place in places}
        for window in (
            [w for w in windows if w not in windows_with_rows] if windows_with_rows else windows[:1]
        ):
            plan = alone(window)
            # Only where there is nothing at all, the data itself is asked: that reads it.
            why = (
                verdict(plan, ask=self._why_no_files(plan))
                if windows_with_rows
                else self._workspace.why_empty(self._connection, plan, self._engine)
            )
            self._notes.append(why)
            _log.warning("%s: no rows: %s", self._connection.name, why.message)
            warnings.warn(why.render(), EmptyReadWarning, stacklevel=5)

    def _why_no_files(self, plan: Plan) -> Callable[[Scan], Diagnostic | None]:
        def why(scan: Scan) -> Diagnostic | None:
            with self._workspace.opened(self._connection) as access:
                return self._connection.source.why_no_files(scan, plan.window, access)

        return why


def _profiled_columns(mapping: BoundMapping) -> Iterator[BoundColumn]:
    """Yield the columns that a profile tells of: fields, and actuals."""
    yield from (c for c in mapping if c.field is not None)


def _usual(quantiles: Sequence[float], size: measuring.Size) -> float:
    """Return how large numbers usually are: one that is a thousand times larger decides nothing."""
    return max(map(abs, measuring.values_of(quantiles)), default=0.0) or size.largest
