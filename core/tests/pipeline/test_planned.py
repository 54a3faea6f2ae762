"""What the planner learns is handed on: each text is parsed, bound and compiled once."""

from collections import Counter
from contextlib import contextmanager

import pytest
from core.tests.counting import stages_counted
from core.tests.pipeline.conftest import files

import headwater as hw
from headwater.diagnostics import Diagnostic
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import PluginError, QueryError
from headwater.interfaces.engine import Compiling, EngineCapability
from headwater.interfaces.plan import Plan, Planned

WINDOW = ("2026-01-03", "2026-01-05")
QUERY = "SELECT * FROM predictions"


def once(counts, query, plan):
    """The user's text is parsed and bound; the plan's, which has the window in it, is run."""
    assert counts["parse"] == Counter({query: 1, plan.sql: 1})
    assert counts["bind"] == Counter({query: 1, plan.sql: 1})
    assert counts["compile"] == Counter({plan.sql: 1})


@pytest.fixture
def serving(version, log):
    return version.connect_serving(files(log, QUERY), "pid", "ts", labels={"buy": "bought"})


def test_a_read_takes_each_step_once(serving):
    with stages_counted() as counts:
        data = serving.read(*WINDOW)
        assert data.to_arrow().num_rows == 12
    once(counts, QUERY, data.plan)
    with stages_counted() as again:
        assert data.to_arrow().num_rows == 12
    assert not any(again.values())


def test_a_check_takes_each_step_once(serving):
    with stages_counted() as counts:
        report = serving.check(*WINDOW)
    assert report.ok, report.render()
    assert report.stage("rows").details["rows"] == 12
    once(counts, QUERY, serving.plan(*WINDOW))


def test_actuals_are_a_second_query_and_no_more(version, log):
    theirs = "SELECT pid, ts, bought FROM predictions"
    serving = version.connect_serving(files(log, QUERY), "pid", "ts")
    version.connect_actuals(files(log, theirs), "pid", labels={"buy": "bought"})
    plan = serving.plan(*WINDOW)
    for run in (lambda: serving.read(*WINDOW).to_arrow(), lambda: serving.check(*WINDOW)):
        with stages_counted() as counts:
            run()
        texts = {QUERY: 1, theirs: 1, plan.sql: 1}
        assert counts["parse"] == counts["bind"] == Counter(texts)
        assert counts["compile"] == Counter({plan.sql: 1})


def test_a_query_that_is_refused_is_read_once(version, log):
    text = "SELECT nothing FROM predictions"
    serving = version.connect_serving(files(log, text), "pid", "ts")
    with stages_counted() as counts:
        assert not serving.check(*WINDOW).ok
    assert counts["parse"] == counts["bind"] == Counter({text: 1})


def test_a_bare_query_takes_each_step_once(workspace, log):
    with stages_counted() as counts:
        data = workspace.sql("SELECT count(*) AS n FROM predictions", files(log))
        assert data.to_arrow().to_pylist() == [{"n": 60}]
    once(counts, data.plan.query, data.plan)


class Third:
    """An engine of a third party: it is given plans, and knows nothing of `Planned`."""

    name = "third"
    capabilities = frozenset({EngineCapability.PORTABLE_QUERY})

    def __init__(self):
        self.given = []

    def unavailable(self):
        return None

    def refusals(self, plan):
        self.given.append(plan)
        return ()

    @contextmanager
    def read(self, plan, access):
        self.given.append(plan)
        with EmbeddedEngine().read(plan, access) as stream:
            yield stream


def test_an_engine_that_does_not_compile_is_given_plans(workspace, version, log):
    third = Third()
    assert not isinstance(third, Compiling)
    workspace.use_engine(third)
    serving = version.connect_serving(files(log, QUERY), "pid", "ts")
    data = serving.read(*WINDOW, engine="third")
    assert data.to_arrow().num_rows == 12
    assert [type(given) for given in third.given] == [Plan, Plan]
    assert data.plan.engine == "third"


class Derived(EmbeddedEngine):
    """As a plugin of 0.1 makes an engine of ours: with a refusal and a look at plans of its own."""

    name = "third"

    def __init__(self, given, why=()):
        super().__init__()
        self.given = given
        self.why = why

    def refusals(self, plan):
        self.given.append(plan)
        return (*super().refusals(plan), *self.why)


class DerivedReading(Derived):
    def read(self, plan, access):
        self.given.append(plan)
        return super().read(plan, access)


class Around:
    """The same, around one of ours."""

    def __init__(self, given, why=()):
        self._inner = EmbeddedEngine()
        self.name = "third"
        self.given = given
        self.why = why

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def refusals(self, plan):
        self.given.append(plan)
        return (*self._inner.refusals(plan), *self.why)

    def read(self, plan, access):
        self.given.append(plan)
        return self._inner.read(plan, access)


def patched(given, why=()):
    engine = EmbeddedEngine()
    engine.name = "third"
    refusals = engine.refusals
    own = lambda plan: given.append(plan) or (*refusals(plan), *why)  # noqa: E731
    vars(engine)["refusals"] = own
    return engine


BUILT_ON_OURS = [Derived, DerivedReading, Around, patched]


@pytest.mark.parametrize("make", BUILT_ON_OURS)
def test_an_engine_that_is_built_on_ours_is_asked_itself_and_given_plans(
    workspace, version, log, make
):
    given: list[object] = []
    workspace.use_engine(make(given))
    serving = version.connect_serving(files(log, QUERY), "pid", "ts")
    assert serving.read(*WINDOW, engine="third").to_arrow().num_rows == 12
    assert given
    assert {type(one) for one in given} == {Plan}


@pytest.mark.parametrize("make", BUILT_ON_OURS)
def test_what_an_engine_that_is_built_on_ours_refuses_is_refused(workspace, version, log, make):
    workspace.use_engine(make([], (Diagnostic("house-rule", "not on a Sunday"),)))
    serving = version.connect_serving(files(log, QUERY), "pid", "ts")
    with pytest.raises(QueryError, match="not on a Sunday"):
        serving.read(*WINDOW, engine="third")


def refusing(answer):
    class Third(EmbeddedEngine):
        name = "third"

        def refusals(self, plan):
            return answer()

    return Third()


def one_by_one(*findings):
    yield from findings


def test_findings_may_come_one_by_one(workspace, version, log):
    workspace.use_engine(refusing(one_by_one))
    serving = version.connect_serving(files(log, QUERY), "pid", "ts")
    assert serving.read(*WINDOW, engine="third").to_arrow().num_rows == 12
    finding = Diagnostic("house-rule", "not on a Sunday")
    workspace.use_engine(refusing(lambda: one_by_one(finding)))
    with pytest.raises(QueryError, match="not on a Sunday"):
        serving.read(*WINDOW, engine="third")


@pytest.mark.parametrize("answer", [None, True, "no", [None]])
def test_what_is_no_finding_is_the_engines_fault(workspace, version, log, answer):
    workspace.use_engine(refusing(lambda: answer))
    serving = version.connect_serving(files(log, QUERY), "pid", "ts")
    with pytest.raises(PluginError, match="the third engine does not say whether"):
        serving.read(*WINDOW, engine="third")


def test_ours_take_a_plan_alone_as_well(serving):
    plan = serving.plan(*WINDOW)
    engine = EmbeddedEngine()
    assert isinstance(engine, Compiling)
    assert engine.refusals(plan) == ()
    planned = Planned.of(plan)
    assert Planned.of(planned) is planned
    for given in (plan, planned):
        with engine.read(given, hw.Access()) as stream:
            assert sum(batch.num_rows for batch in stream) == 12
