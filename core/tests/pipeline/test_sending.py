"""What travels to another process: values whole, datasets as their connection and plan."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from core.tests.pipeline.conftest import files

import headwater as hw
from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.spark import SparkEngine
from headwater.errors import DataChangedError, UnsupportedError
from headwater.sources.memory import MemoryDataSource

WINDOW = ("2026-01-03", "2026-01-05")
AGAIN: dict[str, Callable[[Any], Any]] = {
    "pickled": lambda value: pickle.loads(pickle.dumps(value)),
    "copied deeply": copy.deepcopy,
}


@pytest.fixture(params=AGAIN)
def again(request):
    return AGAIN[request.param]


def ids(data):
    return sorted(data.to_arrow()["id"].to_pylist())


def test_values_travel_whole(serving, again):
    data = serving.read(*WINDOW, digests=True)
    data.to_arrow()
    changes = serving.changes(*WINDOW, every="1 day", ledger=hw.Ledger())
    for value in (
        data.plan,
        data.stats,
        data.evidence(),
        data.window,
        serving.check(*WINDOW),
        serving.profile(*WINDOW),
        serving.definition,
        serving.source,
        serving.schema,
        serving.windows,
        serving.version.model,
        *(c.window for c in changes),
    ):
        assert again(value) == value
    plans = serving.plan(*WINDOW, every="1 day")
    assert [p.to_dict() for p in again(plans)] == [p.to_dict() for p in plans]


def test_a_dataset_goes_as_its_connection_and_plan(serving, again):
    data = serving.read(*WINDOW, digests=True, timeout=100)
    other = again(data)
    assert other.plan == data.plan
    assert other.schema.equals(data.schema, check_metadata=True)
    assert ids(other) == ids(data)
    assert other.evidence().rows_digest == data.evidence().rows_digest
    assert other.evidence().definition == data.evidence().definition
    assert other._timeout == 100


def test_its_files_must_be_what_the_plan_saw(serving, log, again):
    data = serving.read(*WINDOW)
    sent = again(data)
    (log / "dt=2026-01-03" / "part-0.parquet").unlink()
    with pytest.raises(DataChangedError):
        sent.to_arrow()


def test_each_window_of_many_travels(serving, again):
    datasets = serving.read(*WINDOW, every="1 day")
    assert [ids(again(d)) for d in datasets] == [ids(d) for d in datasets]
    with pytest.raises(UnsupportedError, match="one by one"):
        again(datasets)


def test_actuals_travel_with_what_they_belong_to(version, log, again):
    serving = version.connect_serving(files(log), "pid", "ts")
    at = pa.array([1767700000_000000], pa.timestamp("us", "UTC"))
    known = pa.table({"pid": ["d2-1"], "set": at, "bought": [True]})
    source = MemoryDataSource(tables={"a": known})
    version.connect_actuals(source, "pid", labels={"buy": "bought"}, timestamp_column="set")
    data = serving.read(*WINDOW)
    sent = again(data)
    assert sent.to_arrow().sort_by("id") == data.to_arrow().sort_by("id")
    assert sent.stats.actuals == data.stats.actuals == {"actual_buy": 1}


def test_a_query_travels_with_its_rows(workspace, again):
    source = MemoryDataSource(tables={"t": pa.table({"id": [1, 2]})})
    data = workspace.sql("SELECT id FROM t", source)
    assert again(data).to_arrow() == data.to_arrow()


def test_an_empty_read_is_explained_there_too(serving, again):
    data = again(serving.read("2027-01-01", "2027-01-02"))
    with pytest.warns(hw.EmptyReadWarning):
        data.to_arrow()
    assert data.stats.verdict.code == "partition-missing"


def test_a_workspace_goes_as_what_it_is_made_of(workspace, serving, again):
    workspace.use_engine(EmbeddedEngine(threads=1, tolerance="1e-9"))
    other = again(workspace)
    assert list(other.connections) == list(workspace.connections)
    assert other.engine == workspace.engine
    assert other.engine_named("embedded").tolerance == 1e-9
    assert other.versions[0].schema == workspace.versions[0].schema
    again_serving = other.connection("serving")
    assert again_serving.definition == serving.definition
    assert again_serving.workspace is other
    assert ids(again_serving.read(*WINDOW)) == ids(serving.read(*WINDOW))


def test_connections_that_are_sent_together_share_their_workspace(serving):
    one, other, version = pickle.loads(pickle.dumps((serving, serving, serving.version)))
    assert one is other
    assert one.version is version


def test_plugins_that_were_handed_over_go_along(again):
    registry = again(hw.PluginRegistry([pickle], discover=False))
    assert registry._modules == (pickle,)
    assert registry._discover is False


def test_ledgers_travel(serving, tmp_path, again):
    ledger = hw.Ledger()
    (first, *_) = serving.changes(*WINDOW, every="1 day", ledger=ledger)
    first.read().to_arrow()
    first.done()
    assert again(ledger).to_bytes() == ledger.to_bytes()
    kept = hw.Ledger.load(tmp_path / "ledger")
    (first, *_) = serving.changes(*WINDOW, every="1 day", ledger=kept)
    first.read().to_arrow()
    first.done()
    assert again(kept).keys() == kept.keys()


def test_a_change_is_read_elsewhere_and_done_here(serving, again):
    ledger = hw.Ledger()
    changes = serving.changes(*WINDOW, every="1 day", ledger=ledger)
    for change in changes:
        for value in (change, changes):
            with pytest.raises(UnsupportedError, match=r"change\.done\(evidence\)"):
                again(value)
        there = again(change.read())
        there.to_arrow()
        change.done(again(there.evidence()))
    assert not list(serving.changes(*WINDOW, every="1 day", ledger=ledger))


def test_what_can_not_be_sent_says_what_to_send(version, log):
    serving = version.connect_serving(files(log), "pid", "ts")
    data = serving.read(*WINDOW)
    workspace = serving.workspace
    workspace.use_engine(SparkEngine(session=object()))  # type: ignore[arg-type]
    with pytest.raises(UnsupportedError, match="a given session can't be sent"):
        pickle.dumps(data)


def test_no_token_travels(workspace):
    workspace.use_engine(SparkEngine(remote="sc://host:15002/;token=canary"))
    with pytest.raises(UnsupportedError) as caught:
        pickle.dumps(workspace)
    assert "canary" not in str(caught.value)
    workspace.use_engine(SparkEngine(remote="sc://host:15002", semantics="session"))
    (engine,) = pickle.loads(pickle.dumps(workspace)).given_engines
    assert repr(engine) == "<SparkEngine on sc://host:15002>"


def test_what_is_replayed_is_sent_as_its_evidence(serving):
    data = serving.read(*WINDOW, digests=True)
    data.to_arrow()
    with pytest.raises(UnsupportedError, match="send the evidence"):
        pickle.dumps(serving.workspace.replay(data.evidence()))


def test_a_class_that_no_other_process_has_is_named(workspace):
    class Own(MemoryDataSource):
        pass

    data = workspace.sql("SELECT id FROM t", Own(tables={"t": pa.table({"id": [1]})}))
    with pytest.raises(UnsupportedError, match=r"sent to another process: .*Own") as caught:
        pickle.dumps(data)
    assert "Workspace.open" in (caught.value.hint or "")


def taken(data):
    """Take a dataset's rows, in another process."""
    return ids(data), data.evidence()


@pytest.mark.slow
@pytest.mark.parametrize("how", multiprocessing.get_all_start_methods())
def test_other_processes_read(serving, how):
    serving.read(*WINDOW).to_arrow()  # this process has threads of DuckDB's by then
    datasets = [serving.read(d, e, digests=True) for d, e in pairwise(DAYS)]
    with ProcessPoolExecutor(2, multiprocessing.get_context(how)) as pool:
        found = list(pool.map(taken, datasets))
    assert [f[0] for f in found] == [ids(d) for d in datasets]
    assert [f[1].rows_digest for f in found] == [d.evidence().rows_digest for d in datasets]


DAYS = ["2026-01-03", "2026-01-04", "2026-01-05", "2026-01-06"]
