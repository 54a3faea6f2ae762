"""Maturity: how ripe the labels of a connection are, window by window."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from numbers import Real
from statistics import mean, stdev
from typing import Any, Final, NamedTuple

from headwater.display import html
from headwater.display.printable import printable
from headwater.errors import ConfigError
from headwater.maturity import feed
from headwater.maturity.counts import Cell, Counts, Tally
from headwater.maturity.curve import Curve, Risks, Z, log_rank
from headwater.maturity.feed import Batches, Stopped
from headwater.maturity.states import CLOSED, RIPE, RIPENING, UNKNOWN, Terms, state_by_time
from headwater.tables.durations import duration
from headwater.tables.window import Window, instant

FEWEST: Final = 200
"""Labels from which on a curve is drawn, and predictions from which on a part of it counts."""
RECENT: Final = timedelta(days=30)
"""Which predictions are compared with those before them: labels may come otherwise by now."""
_SHIFT_ERRORS: Final = 4.0
_SHIFT: Final = 0.05
_SHIFT_OF_BATCHES: Final = 0.15
_RISING: Final = 0.05
_DAY: Final = timedelta(days=1)


class Coverage(NamedTuple):
    """How many of a window's predictions have a label, as shares.

    Args:
        known: Those that have one; None of a window without predictions.
        expected: Those that should have one at their age; None where nothing says it.
        low: The least that is usual, once in 40 windows there are fewer; None likewise.
        high: The most, likewise.
        rows: The predictions.
    """

    known: float | None
    expected: float | None
    low: float | None
    high: float | None
    rows: int


class Settled(NamedTuple):
    """Labels of closed windows that are alike.

    Args:
        window: The window of their predictions.
        age: After how long they came, in whole units.
        predicted: What was predicted; None where nothing was.
        actual: What came true.
        rows: How many they are.
    """

    window: Window
    age: timedelta
    predicted: Any
    actual: Any
    rows: int


class Settling(NamedTuple):
    """How far the share of right predictions at an age was from what it was in the end.

    Args:
        age: The age.
        windows: How many closed windows say it.
        difference: Share at that age less the final one, on average: above 0 it was too high.
        spread: Standard deviation of the difference; None of a single window.
    """

    age: timedelta
    windows: int
    difference: float
    spread: float | None


class Landing(NamedTuple):
    """How much later labels landed than they say they were set, as runs over a ledger saw it.

    A file of labels landed after the last run that did not see it. So a label that is dated before
    that run landed late, by the time between them or more; when exactly, nobody saw.

    Args:
        share: The share of the labels that landed late.
        labels: The labels of files of which it is known.
        late: Those of them that landed late.
        within: By how much 19 of 20 labels were late at most, in whole hours that are over; the
            labels may have been later by the time between two runs.
    """

    share: float
    labels: int
    late: int
    within: timedelta


class Shift(NamedTuple):
    """A change in how quickly labels come.

    Args:
        since: Predictions from then on are compared with those before.
        errors: How many standard errors they come quicker (above 0) or slower (log-rank test).
        largest: The largest difference between the two curves.
    """

    since: datetime
    errors: float
    largest: float


class Maturity:
    """How ripe the labels of a connection are: what `Connection.maturity` returns.

    Args:
        connection: Its name.
        label: The prediction whose actuals these are.
        counts: What an engine counted.
        terms: What the connection says of its windows.
        by: The same of each predicted class alone, where that was asked for.
        landing: How much later labels landed than they say they were set.
        remarks: Further notes.
    """

    def __init__(
        self,
        connection: str,
        label: str,
        counts: Counts,
        terms: Terms,
        *,
        by: Mapping[Any, Maturity] | None = None,
        landing: Landing | None = None,
        remarks: Sequence[str] = (),
    ) -> None:
        self.connection = connection
        self.label = label
        self.counts = counts
        self.terms = terms
        self.by = dict(by or {})
        """Maturity of each predicted class, where it was asked for."""
        self.landing = landing
        """How much later labels landed than they say they were set; None where no ledger was given
        that saw their files land."""
        self._remarks = tuple(remarks)
        self.batches: Batches | None = feed.batches(counts.stretches)
        """The batches that labels come in; None if they come as they please."""
        self.stopped: Stopped | None = None
        """Since when no label was set though some should have been; None of a feed that runs."""
        self.shifted: Shift | None = None
        """How labels of the last 30 days' predictions come otherwise than before; None if not."""
        self._curve: Curve | None = None
        self._before: Curve | None = None
        if counts.labelled >= FEWEST:
            self._learn()

    def _learn(self) -> None:
        counts = self.counts
        silence = feed.silent_since(counts.stretches, counts.as_of, counts.unit / 4)
        if silence is not None:
            # What did not come because nothing came says nothing of how long labels take.
            self._fit(math.ceil(counts.units(counts.as_of - silence[0])))
            self.stopped = feed.stopped(silence, self._expected_since)
        if self.stopped is None:
            self._fit(0)

    def _fit(self, lag: int) -> None:
        self.shifted = self._before = None
        cells, seconds = self.counts.cells, self.counts.unit.total_seconds()
        self._curve = Curve(Risks.of(cells.items(), lag), seconds)
        edge = self.counts.units(RECENT) + lag
        recent, before = (
            Risks.of([(c, t) for c, t in cells.items() if (c.age < edge) is young], lag)
            for young in (True, False)
        )
        rare = self.batches is not None and self.batches.every > RECENT / 3
        if rare or min(sum(recent.events), sum(before.events)) < FEWEST:
            return
        until = sum(1 for n in recent.at_risk if n >= FEWEST)
        now, then = Curve(recent, seconds), Curve(before, seconds)
        errors = log_rank(recent, before)
        differences = [now.share_at(a) - then.share_at(a) for a in range(1, until + 1)]
        largest = max(differences, key=abs, default=0.0)
        least = _SHIFT if self.batches is None else _SHIFT_OF_BATCHES
        if abs(errors) >= _SHIFT_ERRORS and abs(largest) >= least:
            since = self.counts.as_of - lag * self.counts.unit - RECENT
            self.shifted = Shift(since, errors, largest)
            self._curve, self._before = Curve(recent, seconds, before, until), then

    def _expected_since(self, since: datetime) -> float:
        """Return how many labels should have been set since a moment, of those not set yet."""
        gap = self.counts.units(self.as_of - since)
        total = 0.0
        for cell, (rows, _) in self.counts.cells.items():
            if cell.delay is not None:
                continue
            curve, age = self._curve_of(cell), cell.age + 0.5
            still = 1 - curve.share_at(age - gap)
            total += rows * (1 - (1 - curve.share_at(age)) / still) if still > 0 else 0.0
        return total

    def _curve_of(self, cell: Cell) -> Curve:
        assert self._curve is not None, "asked for where there is a curve"
        if self._before is not None and self.shifted is not None:
            edge = self.counts.units(self.as_of - self.shifted.since)
            if cell.age >= edge:
                return self._before
        return self._curve

    @property
    def as_of(self) -> datetime:
        """Until when labels are known."""
        return self.counts.as_of

    @property
    def unit(self) -> timedelta:
        """What ages are counted in: a day, or a window that is shorter."""
        return self.counts.unit

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows, in order."""
        return self.counts.windows

    @property
    def rows(self) -> int:
        """Predictions made until `as_of`."""
        return self.counts.rows

    @property
    def labelled(self) -> int:
        """Those of them that have a label by then."""
        return self.counts.labelled

    @property
    def before(self) -> int:
        """Predictions with a label dated before them: it is none of theirs, and not counted."""
        return self.counts.before

    @property
    def duplicates(self) -> int:
        """Ids that several predictions have: each of their rows is counted, as a read gives it."""
        return self.counts.duplicates

    @property
    def corrected(self) -> int:
        """Predictions that got a later label of another value."""
        return self.counts.corrected

    @property
    def repeated(self) -> int:
        """Predictions that got a later label, and each of the same value."""
        return self.counts.repeated

    @property
    def untimed(self) -> int:
        """Predictions with a label of which nothing says when it was set: it is not counted."""
        return self.counts.untimed

    @property
    def beyond_horizon(self) -> float | None:
        """Share of the labels that the windows' horizon loses; None where there is no horizon."""
        if self.terms.horizon is None or not self.labelled:
            return None
        lost_rows = sum(t.rows for c, t in self.counts.cells.items() if c.lost)
        return lost_rows / self.labelled

    def expected(self, age: float | str | timedelta) -> float | None:
        """Return the share of predictions that are labelled within an age.

        Args:
            age: A time span, a text such as `7 d`, or a number of days.

        Returns:
            The share; None where fewer than 200 labels are known, or no prediction was watched for
            so long.
        """
        units = self._units(age)
        return None if self._curve is None else self._curve.at(units)

    def band(self, age: float | str | timedelta) -> tuple[float, float] | None:
        """Return where the share within an age lies with 95 % confidence; None as `expected`."""
        units = self._units(age)
        return None if self._curve is None else self._curve.band(units)

    @property
    def eventual(self) -> float | None:
        """Share of predictions that ever get a label, as far as they were watched."""
        return None if self._curve is None else _plateau(self._curve)

    def ripe_after(self, share: float | None = None) -> timedelta | None:
        """Return the age by which a part of the labels that ever come are there.

        Where labels come in batches, it is as many of their distances as it takes.

        Args:
            share: Which part, in (0, 1]; default: what the connection says, or else 0.95.

        Raises:
            ConfigError: If it is none.
        """
        share = self.terms.ripe if share is None else share
        number: object = share
        if not isinstance(number, int | float) or not 0 < number <= 1:
            raise ConfigError(f"ripe_after({share!r}): it is no share", hint="write e.g. 0.95")
        eventual = self.eventual
        if self._curve is None or eventual is None:
            return None
        units = self._curve.age_of(share * eventual)
        if units is None:
            return None
        age = units * self.unit
        if self.batches is not None:
            age = math.ceil(age / self.batches.every) * self.batches.every
        return age

    def coverage(self, window: Window | str | date | datetime) -> Coverage:
        """Return how many of a window's predictions have a label, and how many should have.

        Args:
            window: One of the windows, several that follow each other as one, or a moment in one.

        Raises:
            ConfigError: If it is none of them.
        """
        numbers = self._numbers(window)
        if len(numbers) == 1:
            return self._coverages[numbers[0]]
        return self._covered(self._cells(numbers))

    def state(self, window: Window | str | date | datetime) -> str:
        """Return what a window is: `open`, `landing`, `ripening`, `ripe`, `closed`, `unknown`.

        Args:
            window: As for `coverage`.

        Raises:
            ConfigError: If it is none of them.
        """
        numbers = self._numbers(window)
        if len(numbers) == 1:
            return self._states[numbers[0]]
        cells = self._cells(numbers)
        whole = Window(self.windows[numbers[0]].start, self.windows[numbers[-1]].end)
        return self._state(whole, cells, self._covered(cells))

    @property
    def states(self) -> dict[Window, str]:
        """What each window is: see `state`."""
        return dict(zip(self.windows, self._states, strict=True))

    @property
    def below(self) -> tuple[Window, ...]:
        """Windows with far fewer labels than is usual at their age: twice as far as `low` is."""
        return tuple(
            window
            for window, c in zip(self.windows, self._coverages, strict=True)
            if c.known is not None
            and c.expected is not None
            and c.low is not None
            and c.known < 2 * c.low - c.expected
        )

    @cached_property
    def settling(self) -> tuple[Settled, ...]:
        """Labels of closed windows, by how long they took, what was predicted, what came true.

        From these counts any metric of classes follows at any age. Of a connection without a
        horizon, which closes no window, they are those of its ripe windows. Empty where predictions
        are no classes.
        """
        if not self.counts.classes:
            return ()
        final = CLOSED if self.terms.horizon is not None else RIPE
        rows_of: dict[tuple[int, int, Any, Any], int] = {}
        for cell, tally in self.counts.cells.items():
            if cell.delay is None or cell.lost or self._states[cell.window] != final:
                continue
            key = cell.window, cell.delay, cell.predicted, cell.actual
            rows_of[key] = rows_of.get(key, 0) + tally.rows
        return tuple(
            Settled(self.windows[number], delay * self.unit, predicted, actual, rows)
            for (number, delay, predicted, actual), rows in sorted(
                rows_of.items(), key=lambda item: (*item[0][:2], *map(str, item[0][2:]))
            )
        )

    def settled(self, age: float | str | timedelta) -> Settling | None:
        """Return how far the share of right predictions at an age was from the final one.

        Early labels are no random sample, which coverage does not show.

        Args:
            age: As for `expected`.

        Returns:
            The difference over closed windows (`settling`); None where none of them has a label of
            that age.
        """
        units = self._units(age)
        parts: dict[Window, list[Settled]] = {}
        for row in self.settling:
            if row.predicted is not None:
                parts.setdefault(row.window, []).append(row)
        differences = []
        for rows in parts.values():
            early = [row for row in rows if row.age + self.unit <= units * self.unit]
            if early:
                differences.append(_accuracy(early) - _accuracy(rows))
        if not differences:
            return None
        spread = stdev(differences) if len(differences) > 1 else None
        return Settling(units * self.unit, len(differences), mean(differences), spread)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What should be known of these numbers before they are used."""
        notes = []
        curve = self._curve
        if curve is None:
            notes.append(f"{self.labelled:,} labels are too few to say how long labels take")
        else:
            end = len(curve)
            if _plateau(curve) > 0 and curve.share_at(end) - curve.share_at(
                0.75 * end
            ) > _RISING * curve.share_at(end):
                notes.append(
                    "labels were still coming at the greatest age: more come in the end than "
                    "'eventually' says; look further back"
                )
        if (shift := self.shifted) is not None:
            notes.append(
                f"labels of predictions since {_moment_text(shift.since)} come "
                f"{'quicker' if shift.largest > 0 else 'slower'} than before (up to "
                f"{abs(shift.largest):.2f} of them): expected is by these"
            )
        if self.batches is not None:
            notes.append(
                f"labels come in batches, {_length(self.batches.every)} apart: a window waits for "
                "the next one, and the curve may be off by some hundredths"
            )
        for count, what in (
            (self.before, "predictions have a label dated before them: it is not taken"),
            (self.untimed, "predictions have a label without a time: it is not taken"),
            (self.duplicates, "ids are of several predictions each: all their rows count"),
        ):
            if count:
                notes.append(f"{count:,} {what}")
        return (*notes, *self._remarks)

    def about(self, window: Window) -> dict[str, Any] | None:
        """Return the maturity of a window's labels, JSON-ready; None if it is not known.

        Args:
            window: One of the windows, or several that follow each other.
        """
        try:
            self._numbers(window)
        except ConfigError:
            return None
        covered, eventual = self.coverage(window), self.eventual
        return {
            "as_of": self.as_of.isoformat(),
            "state": self.state(window),
            "label": self.label,
            **{name: _rounded(value) for name, value in covered._asdict().items()},
            "eventual": _rounded(eventual),
            "stopped": self.stopped and self.stopped.since.isoformat(),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as a JSON-ready dict; lengths of time are in days."""
        curve = self._curve
        ages = [] if curve is None else [n * (self.unit / _DAY) for n in range(1, len(curve) + 1)]
        ripe = self.ripe_after()
        return {
            "connection": self.connection,
            "label": self.label,
            "as_of": self.as_of.isoformat(),
            "rows": self.rows,
            "labelled": self.labelled,
            "eventual": self.eventual,
            "ripe": self.terms.ripe,
            "ripe_after": ripe and ripe / _DAY,
            "stopped": self.stopped
            and {
                "since": self.stopped.since.isoformat(),
                "expected": self.stopped.expected,
                "longest": self.stopped.longest / _DAY,
            },
            "shifted": self.shifted
            and {**self.shifted._asdict(), "since": self.shifted.since.isoformat()},
            "batches": self.batches
            and {
                "every": self.batches.every / _DAY,
                "last": self.batches.last.isoformat(),
            },
            "landing": self.landing
            and {**self.landing._asdict(), "within": self.landing.within / _DAY},
            "before": self.before,
            "duplicates": self.duplicates,
            "corrected": self.corrected,
            "repeated": self.repeated,
            "untimed": self.untimed,
            "beyond_horizon": self.beyond_horizon,
            "curve": [
                {"age": age, "share": self.expected(age), "band": list(self.band(age) or ())}
                for age in ages
            ],
            "windows": [
                {
                    "start": window.start.isoformat(),
                    "end": window.end.isoformat(),
                    "state": state,
                    **covered._asdict(),
                }
                for window, state, covered in zip(
                    self.windows, self._states, self._coverages, strict=True
                )
            ],
            "settling": [
                {
                    "window": row.window.start.isoformat(),
                    "age": row.age / _DAY,
                    "predicted": row.predicted,
                    "actual": row.actual,
                    "rows": row.rows,
                }
                for row in self.settling
            ],
            "by": {str(name): part.to_dict() for name, part in self.by.items()},
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        whose = f"labels of {self.connection} ({self.label})"
        lines = [f"{whose}, {self.rows:,} predictions, as of {_moment_text(self.as_of)}"]
        eventual, half, most = self.eventual, self.ripe_after(0.5), self.ripe_after()
        if self._curve is None or eventual is None or half is None or most is None:
            lines.append(f"  {self.labelled:,} are labelled")
        else:
            reach = _well_watched_age(self._curve)
            lines.append(
                f"  half of those that ever come are known after {_length(half)}, "
                f"{self.terms.ripe:.0%} after {_length(most)}; eventually {eventual:.0%} (at "
                f"{_length(reach * self.unit)}: {eventual:.3f} +- {self._curve.error(reach):.3f})"
            )
        lines += [f"  {line}" for line in self._window_lines()]
        if (stop := self.stopped) is not None:
            lines.append(
                f"  STOPPED: no label set since {_moment_text(stop.since)}, and "
                f"{stop.expected:,.0f} should have been "
                f"({len(self.below)} windows below their curve)"
            )
        if (lost_share := self.beyond_horizon) is not None and self.terms.horizon is not None:
            lines.append(
                f"  horizon of {_length(self.terms.horizon)}: "
                f"it loses {lost_share:.1%} of the labels"
            )
        if (landing := self.landing) is not None:
            lines.append(
                f"  landing: {landing.share:.1%} of {landing.labels:,} labels landed later than a "
                f"run that they are dated before; 19 of 20 within {_length(landing.within)}"
            )
        if self.corrected or self.repeated:
            lines.append(
                f"  corrected: {self.corrected:,} predictions got another label later, "
                f"{self.repeated:,} the same again"
            )
        lines += [f"  {line}" for line in self._settling_lines()]
        lines += [f"  note: {note}" for note in self.notes]
        for name, part in self.by.items():
            lines += ["", f"predicted {name}", *str(part).splitlines()]
        return printable("\n".join(lines))

    def _window_lines(self) -> list[str]:
        """Return a line for each unfinished window, and one for each run of finished ones."""
        below = set(self.below)
        rows: list[tuple[str, str]] = []
        folded: list[int] = []

        def fold() -> None:
            if len(folded) == 1:
                rows.append(self._line(folded[0], below))
            elif folded:
                first, last = self.windows[folded[0]], self.windows[folded[-1]]
                text = f"{len(folded)} windows {self._states[folded[0]]}"
                rows.append((f"{_moment_text(first.start)} to {_moment_text(last.start)}", text))
            folded.clear()

        for number, window in enumerate(self.windows):
            state = self._states[number]
            if state in (RIPE, CLOSED) and window not in below:
                if folded and self._states[folded[0]] != state:
                    fold()
                folded.append(number)
            else:
                fold()
                rows.append(self._line(number, below))
        fold()
        width = max(len(name) for name, _ in rows)
        return [f"{name:<{width}}  {text}" for name, text in rows]

    def _line(self, number: int, below: set[Window]) -> tuple[str, str]:
        window, covered = self.windows[number], self._coverages[number]
        if covered.known is None:
            text = "no predictions"
        elif covered.expected is None:
            text = f"coverage {covered.known:.2f}"
        else:
            text = f"coverage {covered.known:.2f} of {covered.expected:.2f} expected"
        mark = "  BELOW its curve" if window in below else ""
        return _moment_text(window.start), f"{text}   {self._states[number]}{mark}"

    def _settling_lines(self) -> list[str]:
        ages = [age for age in (self.ripe_after(0.5), self.ripe_after(0.8)) if age is not None]
        days = dict.fromkeys(max(1, round(age / self.unit)) for age in ages)
        settlings = [s for n in days if (s := self.settled(n * self.unit)) is not None]
        if not settlings:
            return []
        parts = []
        for one in settlings:
            way = "high" if one.difference >= 0 else "low"
            spread = "" if one.spread is None else f" (sd {one.spread:.3f})"
            parts.append(
                f"at {_length(one.age)} it was {abs(one.difference):.3f} too {way}{spread}"
            )
        state = "closed" if self.terms.horizon is not None else "ripe"
        count = max(one.windows for one in settlings)
        windows = f"{count} {state} window{'' if count == 1 else 's'}"
        return [f"settling (accuracy, {windows}): {', '.join(parts)}"]

    def _repr_html_(self) -> str:
        rows = [
            (window, state, c.rows, *(None if v is None else f"{v:.3f}" for v in c[:4]))
            for window, state, c in zip(self.windows, self._states, self._coverages, strict=True)
        ]
        lines = [line for line in str(self).splitlines()[1:2] if line]
        if self.stopped is not None:
            lines.append(f"STOPPED: no label set since {_moment_text(self.stopped.since)}")
        head = ("window", "state", "predictions", "known", "expected", "low", "high")
        return html.card(
            str(self).splitlines()[0],
            *(html.line(text) for text in (*lines, *self.notes)),
            html.table(head, rows),
        )

    def __repr__(self) -> str:
        return f"<Maturity of {self.connection}, {len(self.windows)} windows, {self.rows} rows>"

    def _units(self, age: float | str | timedelta) -> float:
        """Return an age in units; a number is of days."""
        number: Any = None if isinstance(age, bool) else age
        if isinstance(number, Real) and math.isfinite(number):
            return float(number) * (_DAY / self.unit)
        if isinstance(age, str | timedelta):
            return duration(age, "age") / self.unit
        raise ConfigError(f"age {age!r} is no age", hint="write days, '7 d', or a timedelta")

    def _numbers(self, window: Window | str | date | datetime) -> range:
        """Return the numbers of the windows that a window covers: one, or neighbours."""
        if isinstance(window, Window):
            first = bisect_left(self.windows, window.start, key=lambda w: w.start)
            last = bisect_left(self.windows, window.end, key=lambda w: w.end)
            if first <= last < len(self.windows):
                whole = self.windows[first].start, self.windows[last].end
                if whole == (window.start, window.end):
                    return range(first, last + 1)
        elif isinstance(window, str | date):
            moment = instant(window)
            for number, one in enumerate(self.windows):
                if moment in one:
                    return range(number, number + 1)
        begin, end = self.windows[0].start, self.windows[-1].end
        raise ConfigError(
            f"{window} is none of the {len(self.windows)} windows",
            hint=f"they reach from {_moment_text(begin)} to {_moment_text(end)}: maturity.windows",
        )

    def _cells(self, numbers: range) -> dict[Cell, Tally]:
        return {c: t for c, t in self.counts.cells.items() if c.window in numbers}

    @cached_property
    def _coverages(self) -> tuple[Coverage, ...]:
        return tuple(self._covered(cells) for _, cells in self.counts.by_window())

    def _covered(self, cells: Mapping[Cell, Tally]) -> Coverage:
        rows = sum(t.rows for t in cells.values())
        if not rows:
            return Coverage(None, None, None, None, 0)
        labelled_share = sum(t.rows for c, t in cells.items() if c.delay is not None) / rows
        if self._curve is None:
            return Coverage(labelled_share, None, None, None, rows)
        expected = low = high = error = 0.0
        wait = 0.0 if self.batches is None else self.counts.units(self.batches.every)
        for cell, tally in cells.items():
            curve, weight = self._curve_of(cell), tally.rows / rows
            share = curve.within(cell.age)
            expected += weight * share
            # Up to a whole batch may be waited for, or just have come.
            low += weight * (curve.share_at(cell.age - wait) if wait else share)
            high += weight * (curve.share_at(cell.age + 1 + wait) if wait else share)
            error += weight * curve.error(cell.age + 1)
        slack = 0.5 / rows

        def reach(share: float) -> float:
            return Z * math.sqrt(max(share * (1 - share), 0.0) / rows + error**2) + slack

        expected = min(expected, 1.0)  # weights add up to 1, but for the last digit
        low, high = max(0.0, low - reach(low)), min(1.0, high + reach(high))
        return Coverage(labelled_share, expected, low, high, rows)

    @cached_property
    def _states(self) -> tuple[str, ...]:
        return tuple(
            self._state(self.windows[number], cells, self._coverages[number])
            for number, cells in self.counts.by_window()
        )

    def _state(self, window: Window, cells: Mapping[Cell, Tally], covered: Coverage) -> str:
        by_time = state_by_time(window, self.as_of, self.terms)
        if by_time != UNKNOWN or self._curve is None:
            return by_time
        if covered.expected is None:
            middle = window.start + window.duration / 2
            age = self.counts.units(self.as_of - middle)
            share, most = self._curve.share_at(age), _plateau(self._curve)
        else:
            share = covered.expected
            most = sum(_plateau(self._curve_of(c)) * t.rows for c, t in cells.items())
            most /= covered.rows
        return RIPE if share >= self.terms.ripe * most else RIPENING


def _well_watched_age(curve: Curve) -> int:
    """Return the greatest age for which enough predictions were watched."""
    return sum(1 for n in curve.watched if n >= FEWEST) or len(curve)


def _plateau(curve: Curve) -> float:
    return curve.share_at(_well_watched_age(curve))


def _accuracy(rows: Sequence[Settled]) -> float:
    return sum(r.rows for r in rows if r.predicted == r.actual) / sum(r.rows for r in rows)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _moment_text(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    if moment.time() == moment.time().min:
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%d %H:%M}"


def _length(length: timedelta) -> str:
    if length < _DAY:
        return f"{length / timedelta(hours=1):.3g} h"
    return f"{length / _DAY:.3g} d"
