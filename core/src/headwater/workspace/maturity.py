"""Maturity: what an engine counts of a connection's predictions and their labels, in one plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from headwater.changes import label_touch
from headwater.diagnostics import hint_for
from headwater.display.language import hint_wording
from headwater.errors import ConfigError
from headwater.interfaces.plan import Plan
from headwater.interfaces.schema import ACTUAL_PREFIX, Role
from headwater.maturity.counts import EPOCH, Cell, Counts, Stretch, Tally
from headwater.maturity.maturity import Landing, Maturity
from headwater.planning import label_delays, planner
from headwater.planning.label_delays import DelaySettings
from headwater.planning.label_touch import lateness
from headwater.planning.planner import Draft
from headwater.planning.windowed_query import Wrapped
from headwater.tables.file_facts import Landing as Seen
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.window import Window
from headwater.windows import labels
from headwater.windows.calendar import Calendar
from headwater.workspace.ripeness import terms_of

if TYPE_CHECKING:
    from headwater.ledger.ledger import Ledger
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace

MOST_CELLS: Final = 1_000_000
"""Rows that the aggregate may give, at most."""
_DAY: Final = timedelta(days=1)
_TICK: Final = timedelta(microseconds=1)
_RUNS: Final = 100
"""Runs of which the files are asked that landed before them, the last ones."""


@dataclass(frozen=True, slots=True)
class MaturityOptions:
    """The arguments of a maturity; see `Connection.maturity`.

    Args:
        window: The stretch of time.
        calendar: Where it is cut.
        as_of: Until when labels are known; None is now.
        label: Which prediction's; None is the only one's.
        by: `prediction` for each predicted class alone, too.
        engine: Name of the engine that counts.
        timeout: Seconds that planning, and then counting, may take; None for as long as it takes.
        ledger: Of runs that saw when files landed; None where there is none.
    """

    window: Window
    calendar: Calendar
    as_of: datetime | None = None
    label: str | None = None
    by: str | None = None
    engine: str | None = None
    timeout: float | None = None
    ledger: Ledger | None = None


def maturity(workspace: Workspace, connection: Connection, options: MaturityOptions) -> Maturity:
    """Return how ripe a connection's labels are: one aggregate, pushed down to the engine."""
    if options.by not in (None, "prediction"):
        raise ConfigError(f"by={options.by!r} is not known", hint="by='prediction', or nothing")
    label = _label(connection, options.label)
    windows = options.calendar.cut(options.window)
    as_of = options.as_of or datetime.now(UTC)
    watched = label_delays.until(options.window, as_of)
    if watched is None:
        raise ConfigError(
            f"{connection.name}: as of {as_of.isoformat()} nothing of {options.window} has "
            "happened",
            hint="as_of is until when labels are known: name a moment after the window's start",
        )
    unit = min(_DAY, *(w.duration for w in windows[1:-1] or windows))
    terms = terms_of(connection)
    settings = DelaySettings(windows, as_of, unit, unit / 4, label, terms.horizon)
    # The horizon decides nothing here: how long labels take shows beyond it, too.
    request = replace(workspace.request(connection, watched), horizon=None)

    def planned() -> Draft:
        with workspace.opened(connection) as access:
            own, theirs = workspace.map_queries(connection, access)
            _check_timed(connection.name, label, own, theirs)
            if own.mapping.actual_of(label) is not None:
                theirs = None
            return planner.draft(request, own, access, actuals=theirs, now=as_of, nearby=True)

    draft = workspace.in_time(planned, connection, options.timeout)
    remarks: list[str] = []
    counts = _counted(workspace, connection, draft, settings, options)
    if counts is None:
        remarks.append(
            "what was predicted has too many values to be counted by: there is no settling"
        )
        settings = replace(settings, classes=False)
        counts = _counted(workspace, connection, draft, settings, options)
    if counts is None:
        raise ConfigError(
            f"{connection.name}: {options.window} by {options.calendar.step} gives more than "
            f"{MOST_CELLS:,} counts",
            hint="name a shorter time, or longer steps",
        )
    name = connection.name
    by: dict[Any, Maturity] = {}
    if options.by == "prediction":
        if not counts.classes:
            raise ConfigError(
                f"{name}: {label} can't be told apart by='prediction'",
                hint="that is for booleans and categories of few values; leave it out",
            )
        by = {
            value: Maturity(name, label, counts.of(_predicts(value)), terms)
            for value in sorted({c.predicted for c in counts.cells}, key=str)
        }
    landing = _landing(workspace, connection, draft, replace(options, label=label))
    return Maturity(name, label, counts, terms, by=by, landing=landing, remarks=remarks)


def _landing(
    workspace: Workspace, connection: Connection, draft: Draft, options: MaturityOptions
) -> Landing | None:
    """Return how late labels landed, of the files that runs over a ledger saw land.

    None where there is no such file, or a label is not decided by the rows of its file alone.
    """
    label, actuals, text = options.label, draft.actuals, draft.actuals_text
    if options.ledger is None or label is None:
        return None
    slots = label_touch.slots_of(draft)
    scan = next((s for s in draft.scans if s.slot in slots), None)
    if scan is None or actuals is None or text is None or draft.as_of is None:
        return None
    column = actuals.mapping.actual_of(label)
    if column is None or not isinstance(relation := scan.relation, FileRelation):
        return None
    groups: dict[Seen, list[DataFile]] = {}
    for file in relation.files:
        landing = options.ledger.facts.landing(file.path, file.etag)
        if landing is not None and landing.after <= draft.as_of:
            groups.setdefault(landing, []).append(file)
    stretch = labels.stretch(draft.request.window, draft.as_of)
    hours: Counter[int] = Counter()
    for landing in sorted(groups, key=lambda s: s.after)[-_RUNS:]:
        sql = lateness(
            column, Wrapped(text, actuals.mapping, stretch), landing.after, landing.since
        )
        part = replace(scan, relation=replace(relation, files=tuple(groups[landing])))
        scans = tuple(part if s is scan else s for s in draft.scans if s.gives_actuals)
        plan = replace(draft.plan(), sql=sql, mapping=None, scans=scans, window=None)
        data = workspace.answer(connection, plan, options.engine, timeout=options.timeout)
        for row in data.to_arrow().to_pylist():
            if row["hours"] is not None:
                hours[row["hours"]] += row["n"]
    count = hours.total()
    if not count:
        return None
    late = sum(n for hour, n in hours.items() if hour >= 0)
    within = next(h for h, n in _summed(hours) if n >= 0.95 * count)
    return Landing(late / count, count, late, timedelta(hours=max(0, within)))


def _summed(counts: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """Yield values in order, each with how many are it or less."""
    order = sorted(counts)
    yield from zip(order, accumulate(counts[value] for value in order), strict=True)


def _predicts(value: Any) -> Any:
    return lambda cell: cell.predicted == value and (cell.predicted is None) is (value is None)


def _label(connection: Connection, label: str | None) -> str:
    """Return the prediction whose labels are meant.

    Raises:
        ConfigError: If there is none, or several and none was named.
    """
    actuals = connection.actuals
    named: list[str] = [
        *connection.mapping.labels,
        *(actuals.mapping.labels if actuals is not None else ()),
    ]
    if not named:
        raise ConfigError(
            f"{connection.name} has no labels, so nothing can be said of how they ripen",
            hint=hint_wording(
                "connect_actuals, or name its labels",
                "add actuals: {...}, or name its labels: {...}",
            ),
        )
    if label is None:
        if len(named) > 1:
            raise ConfigError(
                f"{connection.name} has {len(named)} labels: {', '.join(named)}",
                hint=f"say which: label={named[0]!r}",
            )
        return named[0]
    name = label if label in named else label.removeprefix(ACTUAL_PREFIX)
    if name not in named:
        raise ConfigError(
            f"{connection.name} has no label {label!r}",
            hint=hint_for(name, named, what="labels"),
        )
    return name


def _check_timed(
    name: str, label: str, own: planner.MappedQuery, actuals: planner.MappedQuery | None
) -> None:
    """Refuse labels of which nothing says when they were set.

    Raises:
        ConfigError: With code `as-of-unknown`.
    """
    if own.mapping.role(Role.TIMESTAMP) is None:
        raise ConfigError(
            f"{name} has no timestamp_column, so nothing says how old its predictions are",
            hint="name its timestamp_column",
        )
    mine = own.mapping.actual_of(label) is not None
    if mine and own.mapping.label_timestamp is None:
        hint = hint_wording(
            "name the column that says it: label_timestamp_column=...",
            "name the column that says it: label_timestamp_column: ...",
        )
    elif not mine and actuals is not None and actuals.mapping.role(Role.TIMESTAMP) is None:
        hint = hint_wording(
            "name the column that says it: timestamp_column=... of connect_actuals",
            "name the column that says it: timestamp_column: ... under actuals:",
        )
    else:
        return
    raise ConfigError(
        f"{name}: nothing says when the labels of {label} were set, so nothing says how long "
        "they take",
        code="as-of-unknown",
        hint=hint,
    )


def _counted(
    workspace: Workspace,
    connection: Connection,
    draft: Draft,
    settings: DelaySettings,
    options: MaturityOptions,
) -> Counts | None:
    """Let an engine count; None if that gives more cells than can be kept."""
    plan = _plan(draft, settings)
    data = workspace.answer(connection, plan, options.engine, timeout=options.timeout)
    cells: dict[Cell, tuple[int, int]] = {}
    stretches: dict[int, tuple[int, int, int]] = {}
    sums = dict.fromkeys(label_delays.COLUMNS[12:], 0)
    repeating: dict[int, int] = {}
    for batch in data:
        columns = [column.to_pylist() for column in batch.columns]
        for row in zip(*columns, strict=True):
            window, age, delay, lost, stretch, predicted, came, again = row[:8]
            rows, first, last, rest, *more = row[8:]
            if again is not None:
                repeating[again] = repeating.get(again, 0) + rows
            cell = Cell(window, age, delay, bool(lost), predicted, came)
            before = cells.get(cell, (0, 0))
            cells[cell] = before[0] + rows, before[1] + (rest or 0)
            if stretch is not None:
                old = stretches.get(stretch, (first, last, 0))
                stretches[stretch] = min(old[0], first), max(old[1], last), old[2] + rows
            for name, value in zip(sums, more, strict=True):
                sums[name] += value
        if len(cells) > MOST_CELLS:
            return None
    return Counts(
        settings.as_of,
        settings.unit,
        tuple(settings.windows),
        # In one order, whatever the engine's was: sums of what is made of them are the same then.
        {cell: Tally(*cells[cell]) for cell in sorted(cells, key=_order)},
        _stretches(stretches),
        **sums,
        duplicates=sum(rows // again for again, rows in repeating.items()),
        classes=settings.classes and any(c.actual is not None for c in cells),
    )


def _order(cell: Cell) -> tuple[Any, ...]:
    delay = -1 if cell.delay is None else cell.delay
    return cell.window, cell.age, delay, cell.lost, str(cell.predicted), str(cell.actual)


def _stretches(labels_of: Mapping[int, tuple[int, int, int]]) -> tuple[Stretch, ...]:
    return tuple(
        Stretch(EPOCH + first * _TICK, EPOCH + last * _TICK, labels)
        for _, (first, last, labels) in sorted(labels_of.items())
    )


def _plan(draft: Draft, settings: DelaySettings) -> Plan:
    """Return the plan of the aggregate over what a read of the draft's window reads."""
    window = draft.request.window
    own = Wrapped(draft.text, draft.serving.mapping, window, draft.request.sample, settings.as_of)
    theirs: Wrapped | None = None
    if draft.actuals is not None and draft.actuals_text is not None:
        stretch = labels.stretch(window, settings.as_of)
        theirs = Wrapped(draft.actuals_text, draft.actuals.mapping, stretch, untimed=True)
    sql = label_delays.count_delays(settings, own, theirs)
    return replace(draft.plan(), sql=sql, mapping=None)
