"""Rules and validators of installed plugins: what they change or say is told as theirs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

import headwater as hw
from headwater.diagnostics import Diagnostic, Severity
from headwater.errors import AuthError, HeadwaterError, PluginError, QueryError, SourceError
from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import RewriteSpec, ValidatorSpec
from headwater.plugins import PluginRegistry
from headwater.sql.rewriting import Edit

ROWS = pa.table({"id": ["a", "b"], "tenant": ["x", "y"]})
QUERY = "SELECT id FROM t"


@pytest.fixture
def acme(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module that a plugin's rules and validators are imported from."""
    module = ModuleType("acme_rules")
    monkeypatch.setitem(sys.modules, "acme_rules", module)
    return module


def workspace(
    acme: ModuleType,
    rules: dict[str, Callable[[Any], Any]] | None = None,
    validators: dict[str, Callable[[Any], Any]] | None = None,
) -> hw.Workspace:
    for name, function in {**(rules or {}), **(validators or {})}.items():
        setattr(acme, name, function)
    plugin = SimpleNamespace(
        __name__="acme",
        headwater_rewrite_rules=hookimpl(
            lambda: [RewriteSpec(n, f"acme_rules:{n}") for n in rules or {}]
        ),
        headwater_validators=hookimpl(
            lambda: [ValidatorSpec(n, f"acme_rules:{n}") for n in validators or {}]
        ),
    )
    return hw.Workspace(PluginRegistry([plugin], discover=False), engine="embedded")


def asking(acme: ModuleType, kind: str, function: Callable[[Any], Any]) -> hw.Workspace:
    """Return a workspace with one rule or one validator, called `fails`."""
    if kind == "rules":
        return workspace(acme, rules={"fails": function})
    return workspace(acme, validators={"fails": function})


def dataset(made: hw.Workspace, query: str = QUERY) -> hw.Dataset:
    return made.sql(query, hw.MemoryDataSource(tables={"t": ROWS}))


def only_x(analysis: Any) -> list[Edit]:
    end = len(analysis.text)
    return [] if "tenant" in analysis.text else [Edit(end, end, " WHERE tenant = 'x'")]


def test_a_rewrite_stands_in_the_plan(acme: ModuleType) -> None:
    data = dataset(workspace(acme, {"tenant": only_x}))
    assert data.to_arrow().to_pylist() == [{"id": "a"}]
    assert data.plan.rewritten_by == ("rewrite rule 'tenant' of module acme",)
    assert "changed   by the rewrite rule 'tenant' of module acme" in data.plan.explain()
    assert data.plan.to_dict()["rewritten_by"] == list(data.plan.rewritten_by)
    assert "changed by the rewrite rule" in data.plan._repr_html_()


def test_a_rule_that_changes_nothing_does_not(acme: ModuleType) -> None:
    assert dataset(workspace(acme, {"idle": lambda analysis: []})).plan.rewritten_by == ()


def test_a_rewrite_stands_in_the_plan_of_a_connection_and_its_actuals(acme: ModuleType) -> None:
    made = workspace(acme, {"actual": lambda a: only_x(a) if "truth" in a.text else []})
    made.create_model("m")
    version = made.create_model_version("m", "v1", "binary", predictions={"hit": "boolean"})
    time = pa.array([0], pa.timestamp("us", "UTC"))
    log = pa.table({"id": ["a"], "at": time, "hit": [True]})
    truth = pa.table({"id": ["a"], "hit": [True], "tenant": ["x"]})
    serving = version.connect_serving(hw.MemoryDataSource(tables={"log": log}), "id", "at")
    source = hw.MemoryDataSource(tables={"truth": truth}, query="SELECT id, hit FROM truth")
    version.connect_actuals(source, "id", {"hit": "hit"})
    assert serving.plan().rewritten_by == ("rewrite rule 'actual' of module acme",)


def test_an_error_about_a_rewritten_text_says_that_it_is_not_the_users(acme: ModuleType) -> None:
    def breaks(analysis: Any) -> list[Edit]:
        end = len(analysis.text)
        return [Edit(end, end, " WHERE gone = 1")]

    with pytest.raises(QueryError, match="gone") as caught:
        dataset(workspace(acme, {"breaks": breaks}))
    assert "changed by the rewrite rule 'breaks' of module acme" in str(caught.value)
    with pytest.raises(QueryError) as own:
        dataset(workspace(acme, {"tenant": only_x}), "SELECT gone FROM t")
    assert "rewrite rule" not in str(own.value)


def test_a_rule_that_never_ends_is_named(acme: ModuleType) -> None:
    with pytest.raises(QueryError, match="rewrite rule 'more' of module acme"):
        dataset(workspace(acme, {"more": lambda a: [Edit(7, 7, f"id AS x{len(a.text)}, ")]}))


def of_tenant_x(analysis: Any) -> Any:
    """Put each table that has a tenant into brackets, with a filter; each once."""
    for reference in analysis.parsed.references:
        named = {c.name for c in analysis.tables[reference.name].columns}
        if "tenant" in named and not analysis.is_own(reference.span):
            written = analysis.text[reference.span.start : reference.span.end]
            alias = "" if reference.alias else f" AS {reference.name.name}"
            filtered = f"(SELECT * FROM {written} WHERE tenant = 'x'){alias}"
            yield Edit.replace(reference.span, filtered)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("SELECT id FROM t", "a"),
        ("SELECT t.id FROM t", "a"),
        ("SELECT l.id FROM t l JOIN t r ON l.id <> r.id OR l.id = r.id", "a"),
        ("WITH c AS (SELECT * FROM t) SELECT c.id FROM c JOIN t ON c.id = t.id", "a"),
        ("SELECT id FROM plain", "ab"),
    ],
)
def test_a_rule_that_filters_tables_finds_what_it_has_made(
    acme: ModuleType, query: str, ids: str
) -> None:
    tables = {"t": ROWS, "plain": ROWS.select(["id"])}
    data = workspace(acme, {"tenant": of_tenant_x}).sql(query, hw.MemoryDataSource(tables=tables))
    assert "".join(sorted(map(str, data.to_arrow()["id"].to_pylist()))) == ids


def test_what_another_rule_put_into_its_text_is_not_its_own(acme: ModuleType) -> None:
    """A view within the brackets is written out later: the table in it is filtered as well."""

    def expanded(analysis: Any) -> Any:
        views = [r for r in analysis.parsed.references if r.name.name == "view"]
        return [Edit.replace(r.span, "(SELECT id, 'x' AS tenant FROM t)") for r in views]

    tables = {"t": ROWS, "view": ROWS}
    rules: dict[str, Callable[[Any], Any]] = {"a_tenant": of_tenant_x, "b_views": expanded}
    data = workspace(acme, rules).sql("SELECT id FROM view", hw.MemoryDataSource(tables=tables))
    assert data.to_arrow()["id"].to_pylist() == ["a"]


def test_a_validators_warning_reaches_the_plan(acme: ModuleType) -> None:
    warning = Diagnostic("acme-cost", "this is dear", Severity.WARNING)
    data = dataset(workspace(acme, validators={"cost": lambda analysis: [warning]}))
    assert warning in data.plan.warnings
    assert "this is dear" in data.plan.explain()


def test_a_validators_refusal_names_it(acme: ModuleType) -> None:
    finding = Diagnostic("acme-secret", "t is secret")
    with pytest.raises(QueryError, match=r"refused by the validator 'guard' of module acme"):
        dataset(workspace(acme, validators={"guard": lambda analysis: iter([finding])}))


class DownError(Exception):
    retryable = True


@pytest.mark.parametrize("kind", ["rules", "validators"])
@pytest.mark.parametrize("raised", [ValueError("odd"), DownError("later")])
def test_an_exception_names_its_plugin_and_keeps_its_cause(
    acme: ModuleType, kind: str, raised: Exception
) -> None:
    def fails(analysis: Any) -> Any:
        raise raised

    word = "rewrite rule" if kind == "rules" else "validator"
    with pytest.raises(PluginError, match=rf"the {word} 'fails' of module acme failed") as caught:
        dataset(asking(acme, kind, fails))
    assert f"{type(raised).__name__}: {raised}" in str(caught.value)
    assert caught.value.__cause__ is raised
    assert raised.__traceback__ is not None
    assert caught.value.retryable is isinstance(raised, DownError)


@pytest.mark.parametrize("kind", ["rules", "validators"])
@pytest.mark.parametrize(
    "raised",
    [
        SourceError("no tenants today", code="tenants", hint="later", retryable=True),
        AuthError("who are you?"),
        QueryError("no", [Diagnostic("acme", "not this")]),
    ],
    ids=["source", "auth", "query"],
)
def test_an_error_of_headwaters_stays_what_it_is(
    acme: ModuleType, kind: str, raised: HeadwaterError
) -> None:
    def fails(analysis: Any) -> Any:
        raise raised

    with pytest.raises(type(raised), match="'fails' of module acme") as caught:
        dataset(asking(acme, kind, fails))
    found = caught.value
    assert (found.code, found.hint, found.retryable) == (raised.code, raised.hint, raised.retryable)
    assert found.__cause__ is raised


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("rules", [Edit(0, 10_000, "x")]),
        ("rules", [Edit(0, 5, "a"), Edit(3, 6, "b")]),
        ("rules", ["SELECT 1"]),
        ("validators", ["no"]),
        ("validators", 7),
    ],
)
def test_an_answer_that_is_none_names_its_plugin(acme: ModuleType, kind: str, answer: Any) -> None:
    with pytest.raises(PluginError, match="'fails' of module acme failed on this query"):
        dataset(asking(acme, kind, lambda analysis: answer))
