"""What a user describes: a model, its versions, and the data each is connected to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, overload

from headwater.diagnostics import did_you_mean, hint_for
from headwater.display import html
from headwater.display.language import hint_wording
from headwater.errors import ConfigError
from headwater.interfaces.data_source import DataSource
from headwater.interfaces.definition import Definition
from headwater.interfaces.mapping import Mapping as FieldMapping
from headwater.interfaces.report import DUPLICATES
from headwater.interfaces.schema import Schema
from headwater.reading.running import seconds
from headwater.tables.window import Window
from headwater.windows import moments
from headwater.windows.calendar import Calendar
from headwater.windows.settings import WindowSettings
from headwater.workspace import pickling

if TYPE_CHECKING:
    from headwater.changes.changes import Changes
    from headwater.changes.comparison import Policy
    from headwater.interfaces.ledger_store import LedgerStore
    from headwater.interfaces.plan import Plan
    from headwater.interfaces.report import CheckReport
    from headwater.ledger.ledger import Ledger
    from headwater.maturity.maturity import Maturity
    from headwater.planning.plans import Plans
    from headwater.profiling.edges import Edges
    from headwater.profiling.profile import Profile
    from headwater.reading.dataset import Dataset
    from headwater.reading.datasets import Datasets
    from headwater.workspace.workspace import Workspace

_NEAR: Final = 3
"""Connections that are suggested for a name that is none, at most."""
Moment = str | date | datetime


class Purpose(StrEnum):
    """What a connection's rows are to the model."""

    SERVING = "serving"
    TRAINING = "training"
    TESTING = "testing"
    ACTUALS = "actuals"


@dataclass(frozen=True, slots=True)
class Model:
    """A model in production.

    Args:
        id: Its identifier, unique in the workspace.
        name: What people call it.
    """

    id: str
    name: str

    def _repr_html_(self) -> str:
        return html.card(f"Model {self.id}", html.facts([("name", self.name)]))


class Connection:
    """A model version's schema, bound by a mapping to a data source. Holds no open resource.

    Made by `ModelVersion.connect_serving` and its siblings.

    Args:
        workspace: Who plans and reads.
        version: The model's version.
        purpose: What its rows are: serving, training, testing, actuals.
        definition: The source, the mapping, and the limits.
    """

    def __init__(
        self, workspace: Workspace, version: ModelVersion, purpose: Purpose, definition: Definition
    ) -> None:
        self._workspace = workspace
        self.version = version
        self.purpose = purpose
        self.definition = definition

    @property
    def name(self) -> str:
        """Its name in the workspace: `model/version/purpose`."""
        return f"{self.version.model.id}/{self.version.id}/{self.purpose}"

    @property
    def source(self) -> DataSource:
        """Where its rows come from."""
        return self.definition.source

    @property
    def mapping(self) -> FieldMapping:
        """Which column feeds which field."""
        return self.definition.mapping

    @property
    def schema(self) -> Schema:
        """The model's fields."""
        return self.version.schema

    @property
    def windows(self) -> WindowSettings:
        """What holds of the windows that it is read in."""
        return self.definition.windows

    @property
    def actuals(self) -> Connection | None:
        """The connection whose delayed actuals are joined to this one's rows, if there is one."""
        if self.purpose is not Purpose.SERVING:
            return None
        return self.version.connections.get(Purpose.ACTUALS)

    @property
    def parts(self) -> tuple[Connection, ...]:
        """The connections whose tables a read of this one reads: itself, then its actuals.

        Whoever asks what a read needs (its identities, permissions, limits) asks it of all of them.
        """
        actuals = self.actuals
        return (self,) if actuals is None else (self, actuals)

    def check(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        max_duplicates: float = DUPLICATES,
        timeout: float | str | timedelta | None = None,
        bundle: str | os.PathLike[str] | None = None,
        anonymous: bool = False,
        overwrite: bool = False,
    ) -> CheckReport:
        """Examine the connection stage by stage, explaining everything, stopping nowhere.

        Args:
            start: Start of the window whose rows are looked at; by default all rows, if they
                are few. Moments are written as for `plan`.
            end: Its end, exclusive.
            last: Instead of both: so much time until now.
            since: Instead of both: from then until now.
            max_duplicates: Share of the rows that may repeat an id that another row has; up to it
                they are a warning.
            timeout: How long all of it may take, as for `read`. What was found by then is in the
                report, which fails with a stage `timeout`.
            bundle: A zip file into which all that was asked and answered is written, without
                secrets and without rows, however the check ends: to be sent, looked into, replayed.
            anonymous: Whether placeholders stand for names in the bundle.
            overwrite: Whether a bundle that is there may be replaced.

        Returns:
            The report; `report.ok` is the verdict. What goes wrong is in it, not raised.

        Raises:
            BundleError: If the bundle can't be written.
        """
        if bundle is not None:
            with self._workspace.recorded(bundle, anonymous=anonymous, overwrite=overwrite):
                return self.check(
                    start,
                    end,
                    last=last,
                    since=since,
                    max_duplicates=max_duplicates,
                    timeout=timeout,
                )
        zone = self.windows.timezone
        window = moments.asked_for(start, end, zone, last=last, since=since)
        limit = seconds(timeout)
        return self._workspace.check(self, window, max_duplicates=max_duplicates, timeout=limit)

    @overload
    def plan(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        every: None = None,
        timezone: str | None = None,
        as_of: Moment | None = None,
        engine: str | None = None,
        sample: float | None = None,
        timeout: float | str | timedelta | None = None,
    ) -> Plan: ...

    @overload
    def plan(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        every: str,
        timezone: str | None = None,
        as_of: Moment | None = None,
        engine: str | None = None,
        sample: float | None = None,
        timeout: float | str | timedelta | None = None,
    ) -> Plans: ...

    @overload
    def plan(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        every: str | None,
        timezone: str | None = None,
        as_of: Moment | None = None,
        engine: str | None = None,
        sample: float | None = None,
        timeout: float | str | timedelta | None = None,
    ) -> Plan | Plans: ...

    def plan(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        every: str | None = None,
        timezone: str | None = None,
        as_of: Moment | None = None,
        engine: str | None = None,
        sample: float | None = None,
        timeout: float | str | timedelta | None = None,
    ) -> Plan | Plans:
        """Decide everything about a read; reads no data.

        Args:
            start: Start of the window on the timestamp column: ISO 8601, UTC unless it (or the
                connection's `windows`) says otherwise; or `now`, `today`, `yesterday`, `6h ago`.
            end: Its end, exclusive. Without it, `yesterday` and `today` are whole days.
            last: Instead of both: so much time until now, e.g. `7d`, `6 hours`.
            since: Instead of both: from then until now.
            every: Cut the window at each step of a calendar: `1 hour`, `1 day`, `1 week` (from
                Monday), `1 month`, or some of them. What is returned is then a sequence of plans,
                one for each window, of one look at the tables.
            timezone: Whose clock these steps begin by, and which times without a zone are of;
                default: the connection's (`windows`), or else UTC.
            as_of: Take the actuals that were set until then, this moment included; default: now,
                or the end of the horizon (`connect_actuals`), if that is earlier. It cuts by the
                time that stands beside an actual, not by when its row landed in the table.
            engine: `auto`, `embedded`, `spark` or a plugin's; default: the workspace's.
            sample: Share of the ids to keep, in (0, 1]; default: the connection's.
            timeout: How long it may take, as for `read`.

        Raises:
            HeadwaterError: Any of its kinds, before a byte of data is read.
        """
        zone = self._zone(timezone)
        window = moments.asked_for(start, end, zone, last=last, since=since)
        moment = _moment(as_of, zone)
        cut = None if every is None else (_to_cut(window, every), Calendar.of(every, zone))
        options: dict[str, Any] = {"as_of": moment, "engine": engine, "sample": sample}

        def planned() -> Plan | Plans:
            if cut is None:
                return self._workspace.plan(self, window, **options)
            return self._workspace.plans(self, *cut, **options)

        return self._workspace.in_time(planned, self, seconds(timeout))

    @overload
    def read(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        every: None = None,
        timezone: str | None = None,
        as_of: Moment | None = None,
        engine: str | None = None,
        sample: float | None = None,
        digests: bool = False,
        timeout: float | str | timedelta | None = None,
        maturity: Maturity | None = None,
    ) -> Dataset: ...

    @overload
    def read(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        every: str,
        timezone: str | None = None,
        as_of: Moment | None = None,
        engine: str | None = None,
        sample: float | None = None,
        digests: bool = False,
        timeout: float | str | timedelta | None = None,
        maturity: Maturity | None = None,
    ) -> Datasets: ...

    @overload
    def read(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        every: str | None,
        timezone: str | None = None,
        as_of: Moment | None = None,
        engine: str | None = None,
        sample: float | None = None,
        digests: bool = False,
        timeout: float | str | timedelta | None = None,
        maturity: Maturity | None = None,
    ) -> Dataset | Datasets: ...

    def read(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        every: str | None = None,
        timezone: str | None = None,
        as_of: Moment | None = None,
        engine: str | None = None,
        sample: float | None = None,
        digests: bool = False,
        timeout: float | str | timedelta | None = None,
        maturity: Maturity | None = None,
    ) -> Dataset | Datasets:
        """Return the rows of a window as a lazy dataset; its arguments are those of `plan`.

        The plan is made now, so that what is wrong shows now; no data is read before it is wanted.
        A horizon counts from the end of the window: without `every`, of the one that is asked for.

        With `every`, what is returned is an iterable of datasets, each with its `window`, in order.
        They come of one plan, and each has the rows of a read of its window alone. Windows that
        need the same files are read together as the first of them is; the rows of the others wait
        in memory, or in a scratch folder.

        With `digests`, content digests are made as the rows pass, which evidence needs
        (`Dataset.evidence`): it takes a processor about half a second for a million rows of a dozen
        columns. Without them, asking for evidence reads the same files once more.

        With `timeout` (seconds, a timedelta, or e.g. `90s`, `5 minutes`), planning may take that
        long, and each read of the rows from its first row's being asked for until its end, with
        what its consumer does meanwhile. What takes longer is ended, and raises `ReadTimeoutError`.
        `Dataset.cancel` ends a read from another thread.

        With `maturity`, what that says of the window (`Connection.maturity`, asked before) rides
        with its rows (`Dataset.maturity`, and in Arrow's metadata as `headwater.maturity`). Without
        it only what the calendar says does: nothing is counted that was not asked for.
        """
        limit = seconds(timeout)
        zone = self._zone(timezone)
        window = moments.asked_for(start, end, zone, last=last, since=since)
        moment = _moment(as_of, zone)
        if every is None:
            return self._workspace.read(
                self,
                window,
                as_of=moment,
                engine=engine,
                sample=sample,
                digests=digests,
                timeout=limit,
                maturity=maturity,
            )
        return self._workspace.datasets(
            self,
            _to_cut(window, every),
            Calendar.of(every, zone),
            as_of=moment,
            engine=engine,
            sample=sample,
            digests=digests,
            timeout=limit,
            maturity=maturity,
        )

    def changes(
        self,
        start: Moment,
        end: Moment,
        *,
        every: str | None = None,
        ledger: Ledger | LedgerStore | str | os.PathLike[str],
        now: Moment | None = None,
        timezone: str | None = None,
        partial: bool = False,
        definition: Policy = "restate",
        engine: str | None = None,
        timeout: float | str | timedelta | None = None,
    ) -> Changes:
        """Return the windows that are new, or no longer what was handed over of them.

        All windows of the stretch of time are compared, by listing alone: no data is read. What
        decides is the files that a window is read from, how it is read, and until when its labels
        are taken; whether rows or labels really are others is known once a change was read.

        Args:
            start: Start of the stretch of time; its windows are whole, so the first may begin
                before it.
            end: Its end.
            every: How long each window is: `1 day`, `6 hours`, `1 week`, `1 month`; default: what
                the connection says.
            ledger: What was handed over: a `Ledger`, a store of one, or the path of its file.
            now: The present, where the caller has a clock of its own.
            timezone: Whose clock windows begin by; default: the connection's, else UTC.
            partial: Whether windows that are not over yet are offered, too.
            definition: `restate` offers a window again whose query, mapping or rules changed since;
                `forward` leaves it, and reads by the new ones from here on.
            engine: `auto`, `embedded`, `spark` or a plugin's; default: the workspace's.
            timeout: How long comparing them may take, and then each read of one, as for `read`.

        Raises:
            PlanError: With code `non-reproducible`, if the query answers differently each time.
            UnsupportedError: With code `no-fingerprint`, if nothing tells whether a table changed.
            HeadwaterError: Any of its kinds, as for `plan`.
        """
        zone = self._zone(timezone)
        present = _moment(now, zone)
        window = moments.asked_for(start, end, zone, now=present)
        if window is None:
            raise ConfigError("changes need start and end", hint="name the first and last day")
        step = every if every is not None else self.windows.every
        if step is None:
            raise ConfigError(
                f"{self.name}: nothing says how long each window is",
                hint=hint_wording(
                    "give every='1 day', or say it of the connection: windows={'every': '1 day'}",
                    "give --every '1 day', or say it of the version: windows: {every: 1 day}",
                ),
            )
        return self._workspace.changes(
            self,
            window,
            Calendar.of(step, zone),
            ledger,
            now=present,
            partial=partial,
            definition=definition,
            engine=engine,
            timeout=seconds(timeout),
        )

    def maturity(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        every: str = "1 day",
        timezone: str | None = None,
        as_of: Moment | None = None,
        label: str | None = None,
        by: Literal["prediction"] | None = None,
        engine: str | None = None,
        timeout: float | str | timedelta | None = None,
        ledger: Ledger | LedgerStore | str | os.PathLike[str] | None = None,
    ) -> Maturity:
        """Return how ripe the labels of each window are: how many are known, and should be by now.

        One aggregate over predictions and the first label of each, pushed down to the engine, which
        gives counts alone. What is learnt of them is how long labels take, though many of them are
        still to come; from that follows how many of a window's should be known at its age. The
        horizon cuts nothing here; how many labels it loses is told.

        Args:
            start: Start of the stretch of time; moments are written as for `plan`.
            end: Its end.
            last: Instead of both: so much time until now.
            since: Instead of both: from then until now.
            every: How long each window is: `1 day`, `6 hours`, `1 week`, `1 month`.
            timezone: Whose clock windows begin by; default: the connection's, else UTC.
            as_of: Until when labels are known; default: now.
            label: Which prediction's labels, where the model has several.
            by: `prediction` for each predicted class alone, too (`Maturity.by`).
            engine: `auto`, `embedded`, `spark` or a plugin's; default: the workspace's.
            timeout: How long planning it may take, and then counting, as for `read`.
            ledger: What `changes` keeps: its runs saw between which moments files of labels landed,
                so `Maturity.landing` can say how late that was.

        Raises:
            ConfigError: If there is no label, or several and none was named; with code
                `as-of-unknown`, if nothing says when labels were set.
            HeadwaterError: Any of its kinds, as for a read.
        """
        from headwater.workspace.changes import ledger_of
        from headwater.workspace.maturity import MaturityOptions

        zone = self._zone(timezone)
        moment = _moment(as_of, zone)
        window = moments.asked_for(start, end, zone, last=last, since=since)
        if window is None:
            raise ConfigError(
                f"{self.name}: maturity needs start and end",
                hint="name both, or last='60d'",
            )
        calendar = Calendar.of(every, zone)
        limit = seconds(timeout)
        ledger_ = None if ledger is None else ledger_of(ledger)
        options = MaturityOptions(window, calendar, moment, label, by, engine, limit, ledger_)
        return self._workspace.maturity(self, options)

    def profile(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        every: str | None = None,
        timezone: str | None = None,
        by: str | Iterable[str] = (),
        edges: Edges | None = None,
        as_of: Moment | None = None,
        engine: str | None = None,
        sample: float | None = None,
        max_cells: int | None = None,
        timeout: float | str | timedelta | None = None,
    ) -> Profile:
        """Return counts of the rows, by window, segment and field, that merge exactly.

        Rows are counted where they are: none leaves the engine, and memory does not grow with them.
        They are read a few times: to be counted, to be summed, and for the values of a text.

        Args:
            start: Start of the window; without one, all rows are counted. Moments are written as
                for `plan`.
            end: Its end.
            last: Instead of both: so much time until now.
            since: Instead of both: from then until now.
            every: Count each step of a calendar for itself, as for `read`; by default all rows of
                the window together.
            timezone: Whose clock these steps begin by; default: the connection's, else UTC.
            by: Fields whose values are segments that are counted for themselves: string,
                categorical and boolean ones. NULL is a segment.
            edges: Where histograms are cut, and which values are counted one by one:
                `training.profile().edges()`, the same for all profiles that are to be compared.
                By default they are made of the very rows that are counted, 20 parts of the same
                size, which takes one more read for each field.
            as_of: Take the actuals that were set until then, as for `plan`.
            engine: `auto`, `embedded`, `spark` or a plugin's; default: the workspace's.
            sample: Share of the ids to keep, in (0, 1]; default: the connection's.
            max_cells: How many cells (windows x segments x bins and values) there may be; by
                default 5,000,000.
            timeout: How long all of it may take.

        Raises:
            PlanError: With code `too-many-cells`, before a row is read, if there may be more cells;
                with `non-reproducible`, if the query answers differently each time.
            ProfileError: With code `edges-differ`, if the edges are of other fields.
            HeadwaterError: Any of its kinds, as for a read.
        """
        from headwater.workspace.profiles import MAX_CELLS, ProfileOptions

        zone = self._zone(timezone)
        window = moments.asked_for(start, end, zone, last=last, since=since)
        options = ProfileOptions(
            (by,) if isinstance(by, str) else tuple(by),
            edges,
            _moment(as_of, zone),
            engine,
            sample,
            MAX_CELLS if max_cells is None else max_cells,
        )
        calendar = None
        if every is not None:
            window, calendar = _to_cut(window, every), Calendar.of(every, zone)
        return self._workspace.profile(self, window, calendar, options, seconds(timeout))

    @property
    def workspace(self) -> Workspace:
        """Whose it is."""
        return self._workspace

    def __reduce__(self) -> pickling.Reduced:
        """Let it be sent to another process, as its workspace and name."""
        return pickling.connection(self, self._workspace)

    def _zone(self, timezone: str | None) -> str:
        return self.windows.timezone if timezone is None else timezone

    def _repr_html_(self) -> str:
        mapping = self.mapping
        facts = [
            ("source", ", ".join(f"{k}: {v}" for k, v in self.source.describe().items())),
            ("id", mapping.id_column),
            ("timestamp", mapping.timestamp_column),
            ("labels", ", ".join(f"{k} from {v}" for k, v in mapping.labels.items()) or None),
            ("actuals", None if self.actuals is None else self.actuals.name),
        ]
        return html.card(f"Connection {self.name}", html.facts(facts))

    def __repr__(self) -> str:
        return f"<Connection {self.name} on {self.source.kind}>"


class ModelVersion:
    """One (re)trained version of a model: its schema, and the data it is connected to.

    Made by `Workspace.create_model_version`.

    Args:
        workspace: Who plans and reads.
        model: The model.
        id: Its name among the model's versions, e.g. `v1`.
        schema: Its fields.
    """

    def __init__(self, workspace: Workspace, model: Model, id: str, schema: Schema) -> None:
        self._workspace = workspace
        self.model = model
        self.id = id
        self.schema = schema
        self._connections: dict[Purpose, Connection] = {}

    @property
    def connections(self) -> Mapping[Purpose, Connection]:
        """Its connections, by purpose."""
        return dict(self._connections)

    def check(
        self,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        last: str | timedelta | None = None,
        since: Moment | None = None,
        timeout: float | str | timedelta | None = None,
        bundle: str | os.PathLike[str] | None = None,
        anonymous: bool = False,
        overwrite: bool = False,
    ) -> CheckReport:
        """Examine the version's datasets together: serving, training, testing and actuals.

        First each connection, stage by stage; then what they say of each other: ids, labels that
        find their prediction, their order in time, features that know the label, units, types,
        categories, lacks of a value, scores, times, and rows that two datasets share. All rows
        count, by aggregates that the engine computes in one pass over the columns that are mapped.
        Each finding has the query that mends it, as far as SQL can, in its stage's `details`.

        Args:
            start: Start of the window of predictions; by default all are looked at. The training
                and the test set are taken whole. Moments are written as for `Connection.plan`.
            end: Its end, exclusive.
            last: Instead of both: so much time until now.
            since: Instead of both: from then until now.
            timeout: How long all of it may take, as for `Connection.check`.
            bundle: A zip file into which all that was asked and answered is written; see
                `Connection.check`.
            anonymous: Whether placeholders stand for names in the bundle.
            overwrite: Whether a bundle that is there may be replaced.

        Returns:
            The report; what goes wrong is in it, not raised. It fails where no label has a
            prediction, where labels are multiplied, and where a connection can't be read. All else
            is a warning.

        Raises:
            BundleError: If the bundle can't be written.
        """
        if bundle is not None:
            with self._workspace.recorded(bundle, anonymous=anonymous, overwrite=overwrite):
                return self.check(start, end, last=last, since=since, timeout=timeout)
        serving = self._connections.get(Purpose.SERVING)
        zone = "UTC" if serving is None else serving.windows.timezone
        window = moments.asked_for(start, end, zone, last=last, since=since)
        return self._workspace.check_version(self, window, seconds(timeout))

    def connect_serving(
        self,
        data_source: DataSource,
        id_column: str,
        timestamp_column: str,
        *,
        labels: Mapping[str, str] | None = None,
        label_timestamp_column: str | None = None,
        predictions: Mapping[str, str] | None = None,
        features: Mapping[str, str] | None = None,
        raw_inputs: Mapping[str, str] | None = None,
        sample: float | None = None,
        max_bytes: int | None = None,
        windows: Mapping[str, Any] | None = None,
    ) -> Connection:
        """Connect the log of predictions made in production.

        A field that is not mapped takes the column of its own name.

        Args:
            data_source: Where the rows come from.
            id_column: Column that identifies a prediction.
            timestamp_column: Column that says when it was made.
            labels: Prediction to the column of its actual, NULL until it is known.
            label_timestamp_column: Column that says when these actuals were set (one of them, where
                there are several): a read `as_of` a moment takes none that was set later.
            predictions: Prediction to column.
            features: Feature to column.
            raw_inputs: Raw input to column.
            sample: Share of the ids that reads keep, in (0, 1].
            max_bytes: Refuse reads that may read more than this.
            windows: What holds of its windows: `every` and `timezone` (whose clock they begin by,
                and relative times are of), `lateness`, `ignore`, `ripe`.

        Raises:
            ConfigError: On a field that the model does not have, or if the version has another
                serving connection already.
        """
        arguments = dict(locals())
        for name in ("id_column", "timestamp_column"):
            if not arguments[name]:
                raise ConfigError(f"serving of {self!r} needs {name}", hint="name the column")
        return self._connect(Purpose.SERVING, arguments)

    def connect_training(
        self,
        data_source: DataSource,
        id_column: str | None = None,
        timestamp_column: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        label_timestamp_column: str | None = None,
        predictions: Mapping[str, str] | None = None,
        features: Mapping[str, str] | None = None,
        raw_inputs: Mapping[str, str] | None = None,
        sample: float | None = None,
        max_bytes: int | None = None,
    ) -> Connection:
        """Connect the training set, as a baseline; arguments as for `connect_serving`."""
        return self._connect(Purpose.TRAINING, locals())

    def connect_testing(
        self,
        data_source: DataSource,
        id_column: str | None = None,
        timestamp_column: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        label_timestamp_column: str | None = None,
        predictions: Mapping[str, str] | None = None,
        features: Mapping[str, str] | None = None,
        raw_inputs: Mapping[str, str] | None = None,
        sample: float | None = None,
        max_bytes: int | None = None,
    ) -> Connection:
        """Connect the test set, as a baseline; arguments as for `connect_serving`."""
        return self._connect(Purpose.TESTING, locals())

    def connect_actuals(
        self,
        data_source: DataSource,
        id_column: str,
        labels: Mapping[str, str],
        timestamp_column: str | None = None,
        *,
        horizon: str | timedelta | None = None,
        max_bytes: int | None = None,
    ) -> Connection:
        """Connect delayed actuals that lie in a table of their own.

        Serving reads join them on the id. For each id the actual of the latest time wins; rows of
        equal time that contradict each other are counted as conflicts. They are read from 36 hours
        before the window's start (an actual may be dated by its day, in any time zone) up to
        `as_of`, never cut by the window's end, and never multiply rows. One that is dated before
        its prediction is counted; by more than 36 hours, it is not taken.

        Args:
            data_source: Where the actuals come from.
            id_column: Column that holds the prediction's id.
            labels: Prediction to the column of its actual.
            timestamp_column: Column that says when the actual was set, a timestamp or a date.
                Without it all actuals are taken, whatever their time, and no read can be `as_of`.
            horizon: How long after its end a window takes actuals, e.g. `30 days`: one that was set
                later is none of it, so that a window is closed then, and its actuals stay as they
                are. By default a window takes them for ever. An `as_of` goes before it.
            max_bytes: Refuse reads that may read more than this of it.

        Raises:
            ConfigError: If `labels` is empty or names no prediction, the serving connection has a
                label for the same prediction already, or a horizon has no `timestamp_column`.
        """
        if not id_column:
            raise ConfigError(f"actuals of {self!r} need id_column", hint="name the column")
        if not labels:
            raise ConfigError(
                f"actuals of {self!r} need labels", hint='e.g. labels={"will_buy": "did_buy"}'
            )
        return self._connect(Purpose.ACTUALS, locals())

    def _connect(self, purpose: Purpose, arguments: Mapping[str, Any]) -> Connection:
        """Connect with the arguments of one of the methods above, `self` among them, by name."""
        columns = {k: v for k, v in arguments.items() if k not in ("self", "data_source")}
        return self.connect(purpose, Definition.of(arguments["data_source"], **columns))

    def __reduce__(self) -> pickling.Reduced:
        """Let it be sent to another process, as its workspace and names."""
        return pickling.version(self, self._workspace)

    def disconnect(self, purpose: str) -> None:
        """Forget the connection of a `purpose` (`serving` ...): another may take its place."""
        self._connections.pop(Purpose(purpose), None)

    def connect(self, purpose: Purpose, definition: Definition) -> Connection:
        """Connect what a `definition` says, as a configuration file's connections are made.

        Args:
            purpose: What its rows are to the model.
            definition: The source, the mapping, and the limits.

        Raises:
            ConfigError: As `connect_serving` and its siblings do.
        """
        source, mapping = definition.source, definition.mapping
        if not isinstance(source, DataSource):
            raise ConfigError(
                f"{purpose} of {self!r}: data_source is a {type(source).__name__}, "
                "not a DataSource",
                hint="pass e.g. FileDataSource(...), or the source of a plugin",
            )
        mapping.check(self.schema)
        before = self._connections.get(purpose)
        if before is not None:
            if before.definition == definition:
                return before
            raise ConfigError(
                f"{before.name} is defined already, differently",
                hint=f"make a new model_version, or call disconnect({str(purpose)!r}) first",
            )
        self._check_labels(purpose, mapping.labels)
        connection = Connection(self._workspace, self, purpose, definition)
        self._connections[purpose] = connection
        return connection

    def _check_labels(self, purpose: Purpose, labels: Mapping[str, str]) -> None:
        rivals = {Purpose.SERVING: Purpose.ACTUALS, Purpose.ACTUALS: Purpose.SERVING}
        other = self._connections.get(rivals.get(purpose, purpose))
        both = sorted(set(labels) & set(other.mapping.labels)) if other else []
        if both and other is not None:
            raise ConfigError(
                f"{other.name} has labels for {', '.join(both)} already",
                hint="an actual has one source: leave it out of one of the two",
            )

    def _repr_html_(self) -> str:
        rows = ((str(p), c.source.kind) for p, c in self._connections.items())
        named = html.table(("connection", "source"), rows)
        title = f"Version {self.id} of model {self.model.id}, {self.schema.model_type}"
        return html.card(title, named)

    def __repr__(self) -> str:
        return f"<ModelVersion {self.model.id}/{self.id}>"


def find(connections: Mapping[str, Connection], name: str) -> Connection:
    """Return a connection by its full name or a unique ending of it, e.g. `serving`.

    Raises:
        ConfigError: If none or several match; suggests names.
    """
    if name in connections:
        return connections[name]
    endings = [c for full, c in connections.items() if _ends(full, name)]
    if len(endings) == 1:
        return endings[0]
    if endings:
        raise ConfigError(
            f"{name!r} could be any of {', '.join(c.name for c in endings)}",
            hint="give more of the name",
        )
    raise ConfigError(f"no connection {name!r}", hint=_hint(connections, name))


def _hint(connections: Mapping[str, Connection], name: str) -> str:
    """Return which connection was perhaps meant: by its name, or by the parts that were given."""
    words = name.split("/")
    near = []
    for full in connections:
        parts = iter(full.split("/"))
        # Each part that was given is like one of the name's, in their order.
        if all(any(did_you_mean(word, [part]) for part in parts) for word in words):
            near.append(full)
    if near and len(near) <= _NEAR:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return hint_for(name, connections, what="connections")


def _ends(full: str, name: str) -> bool:
    return _subsequence(iter(full.split("/")), name.split("/"))


def _subsequence(whole: Iterator[str], part: list[str]) -> bool:
    return all(any(word == step for step in whole) for word in part)


def _to_cut(window: Window | None, every: str) -> Window:
    if window is None:
        raise ConfigError(
            f"every={every!r} needs start and end: windows are cut from a stretch of time",
            hint="name both, e.g. read('2026-01-01', '2026-02-01', every='1 day')",
        )
    return window


def _moment(value: Moment | None, zone: str) -> datetime | None:
    return None if value is None else moments.instant(value, zone)
