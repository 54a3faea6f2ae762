import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from core.tests.fake_distributions import Site, site

from headwater.errors import PluginError
from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import EngineSpec, RewriteSpec, SourceSpec
from headwater.plugins import PluginRegistry, PluginStatus

GOOD = """
    from headwater.interfaces.hookspecs import hookimpl
    from headwater.interfaces.specs import AuthSpec, SourceSpec

    HEADWATER_API = 1

    @hookimpl
    def headwater_sources():
        return [SourceSpec("postgres", "acme_source:PostgresDataSource", "tables in PostgreSQL")]

    @hookimpl
    def headwater_plan_created(plan):
        pass
"""


@pytest.fixture
def packages(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as found:
        yield found


def status(name: str) -> PluginStatus:
    [found] = [s for s in PluginRegistry().report() if s.distribution == name]
    return found


def refusal(name: str) -> str:
    found = status(name)
    return f"{found.status}: {found.reason}\n{found.hint}"


def test_core_registers_itself_by_the_same_hooks() -> None:
    registry = PluginRegistry(discover=False)
    assert [s.kind for s in registry.sources()] == ["files", "memory"]
    assert [s.kind for s in registry.engines()] == ["embedded", "spark"]
    assert [s.kind for s in registry.commands()][:3] == ["init", "discover", "check"]
    [core] = registry.report()
    assert (core.distribution, core.status, core.problems) == ("headwater", "loaded", ())


def test_an_installed_plugin_is_found_and_explained(packages: Site) -> None:
    packages.install("acme-postgres", GOOD, version="2.1")
    assert PluginRegistry().source("postgres").summary == "tables in PostgreSQL"
    found = status("acme-postgres")
    assert found.to_dict() == {
        "name": "acme_postgres",
        "module": "acme_postgres",
        "distribution": "acme-postgres",
        "version": "2.1",
        "status": "loaded",
        "reason": None,
        "hint": None,
        "provides": {"sources": ["postgres"]},
        "observes": ["headwater_plan_created"],
        "problems": [],
    }


def test_nothing_is_imported_before_something_is_asked_for(packages: Site) -> None:
    packages.install("acme-postgres", GOOD)
    registry = PluginRegistry()
    assert "acme_postgres" not in sys.modules
    registry.source("postgres")
    assert "acme_postgres" in sys.modules
    assert "acme_source" not in sys.modules


def test_two_registries_share_nothing(packages: Site) -> None:
    packages.install("acme-postgres", GOOD)
    assert PluginRegistry().source("postgres").kind == "postgres"
    with pytest.raises(PluginError):
        PluginRegistry(discover=False).source("postgres")


def test_a_module_can_be_handed_over() -> None:
    @hookimpl
    def headwater_engines() -> list[EngineSpec]:
        return [EngineSpec("turbo", "acme:Turbo")]

    plugin = SimpleNamespace(__name__="my_plugin", headwater_engines=headwater_engines)
    registry = PluginRegistry([plugin], discover=False)
    assert registry.engine("turbo").factory == "acme:Turbo"
    assert registry.report()[1].label == "module my_plugin"


def test_rewrite_rules_run_by_phase_then_name() -> None:
    def plugin(name: str, *rules: RewriteSpec) -> SimpleNamespace:
        return SimpleNamespace(__name__=name, headwater_rewrite_rules=hookimpl(lambda: rules))

    late = plugin("late", RewriteSpec("b", "m:b", phase=10), RewriteSpec("z", "m:z", phase=5))
    early = plugin("early", RewriteSpec("a", "m:a", phase=10))
    for order in ([late, early], [early, late]):
        rules = PluginRegistry(order, discover=False).rewrite_rules()
        assert [r.kind for r in rules] == ["z", "a", "b"]


def test_a_plugin_that_fails_to_import_breaks_only_itself(packages: Site) -> None:
    packages.install("acme-broken", "raise RuntimeError('no licence file')")
    packages.install("acme-postgres", GOOD)
    assert refusal("acme-broken") == (
        "broken: RuntimeError: no licence file\n"
        "pip install --force-reinstall acme-broken, or pip uninstall acme-broken"
    )
    registry = PluginRegistry()
    assert registry.source("postgres").kind == "postgres"
    with pytest.raises(PluginError) as caught:
        registry.source("mongo")
    assert "no source 'mongo' is installed" in str(caught.value)
    assert "acme-broken 1.0 is installed and broken: RuntimeError: no licence file" in str(
        caught.value
    )


def test_a_plugin_that_exits_breaks_only_itself(packages: Site) -> None:
    packages.install("acme-exit", "import sys; sys.exit(3)")
    assert refusal("acme-exit").startswith("broken: SystemExit: 3\n")


def test_a_missing_dependency_names_the_module_and_the_remedy(packages: Site) -> None:
    packages.install("acme-needs", "import psycopg_that_is_not_here")
    assert refusal("acme-needs") == (
        "broken: ModuleNotFoundError: No module named 'psycopg_that_is_not_here'\n"
        "it needs the module 'psycopg_that_is_not_here': pip install --upgrade acme-needs"
    )


def test_a_plugin_for_a_newer_api_is_refused(packages: Site) -> None:
    packages.install("acme-new", "HEADWATER_API = 2")
    assert refusal("acme-new") == (
        "refused: it is written for plugin API 2, and this headwater has API 1\n"
        "pip install --upgrade headwater"
    )


def test_a_plugin_with_a_senseless_api_is_refused(packages: Site) -> None:
    packages.install("acme-odd", "HEADWATER_API = 'one'")
    assert refusal("acme-odd") == "refused: its HEADWATER_API is 'one'\nwrite HEADWATER_API = 1"


def test_a_distribution_that_needs_another_headwater_is_refused_unimported(
    packages: Site,
) -> None:
    packages.install(
        "acme-old", "raise SystemError('imported')", requires=("headwater<0.0.5", "boto3")
    )
    assert refusal("acme-old") == (
        "refused: it needs headwater <0.0.5, and headwater 0.1.0 is installed\n"
        "pip install --upgrade acme-old headwater"
    )
    assert "acme_old" not in sys.modules


@pytest.mark.parametrize("need", ["headwater[spark]<0", "Headwater == 9.*"])
def test_a_requirement_with_an_extra_or_other_spelling_counts(packages: Site, need: str) -> None:
    packages.install("acme-old", GOOD, requires=(need,))
    assert status("acme-old").status == "refused"


@pytest.mark.parametrize(
    "need",
    ["headwater>=0.0.1", "headwater<0; python_version<'3'", "headwater<0; extra == 'spark'"],
)
def test_a_requirement_that_holds_or_does_not_apply_is_no_refusal(
    packages: Site, need: str
) -> None:
    packages.install("acme-fits", GOOD, requires=(need,))
    assert status("acme-fits").status == "loaded"


@pytest.mark.parametrize(
    "need",
    [
        "headwater==0.1.*",
        "headwater == 0.*",
        "headwater-aws==9.*",
        "boto3>=1.40",
        "headwater[spark]<0; extra == 'spark'",
    ],
)
def test_what_plugins_commonly_require_is_told_without_parsing_it(
    packages: Site, need: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    packages.install("acme-fits", GOOD, requires=(need,))
    assert status("acme-fits").status == "loaded"


@pytest.mark.parametrize(
    "need",
    [
        "headwater==0.2.*",
        "headwater==0.1.0.1.*",
        "headwater==1!0.1.*",
        "headwater==0.1.*,<0.1",
        "headwater<0; extra != 'spark'",
        "headwater<0; extra == 'spark' or python_version > '3'",
    ],
)
def test_what_looks_like_a_common_requirement_and_is_none_counts(packages: Site, need: str) -> None:
    packages.install("acme-old", GOOD, requires=(need,))
    assert status("acme-old").status == "refused"


def test_a_misspelled_hook_is_refused_with_the_right_name(packages: Site) -> None:
    packages.install("acme-typo", GOOD.replace("headwater_sources", "headwater_sorces"))
    assert refusal("acme-typo") == (
        "refused: it implements 'headwater_sorces', which is no hook\n"
        "did you mean 'headwater_sources'?"
    )
    with pytest.raises(PluginError, match="headwater_sorces"):
        PluginRegistry().source("postgres")


def test_a_hook_with_a_wrong_argument_is_refused(packages: Site) -> None:
    packages.install(
        "acme-args", GOOD.replace("headwater_plan_created(plan)", "headwater_plan_created(plam)")
    )
    found = status("acme-args")
    assert found.status == "refused"
    assert found.reason is not None
    assert "plam" in found.reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("['glue']", "TypeError: headwater_sources must return SourceSpecs, got 'glue'"),
        (
            "[AuthSpec('x', 'm:X')]",
            "TypeError: headwater_sources must return SourceSpecs, got AuthSpec(kind='x'",
        ),
        (
            "[SourceSpec('x', 'm.X')]",
            "ValueError: headwater_sources: a spec needs a kind and 'module:attribute'",
        ),
        (
            "[SourceSpec('x', 'm:X'), SourceSpec('x', 'm:Y')]",
            "ValueError: headwater_sources gives 'x' twice",
        ),
    ],
)
def test_a_hook_that_answers_wrongly_breaks_its_plugin(
    packages: Site, answer: str, reason: str
) -> None:
    spec = '[SourceSpec("postgres", "acme_source:PostgresDataSource", "tables in PostgreSQL")]'
    packages.install("acme-answer", GOOD.replace(spec, answer))
    assert refusal("acme-answer").startswith(f"broken: {reason}")


def test_a_kind_that_two_distributions_provide_names_both(packages: Site) -> None:
    packages.install("acme-postgres", GOOD)
    packages.install("rival-postgres", GOOD, version="3.0")
    registry = PluginRegistry()
    with pytest.raises(PluginError) as caught:
        registry.source("postgres")
    assert str(caught.value) == (
        "the source 'postgres' is provided by acme-postgres 1.0 and by rival-postgres 3.0\n"
        "  hint: keep one: pip uninstall acme-postgres, or pip uninstall rival-postgres"
    )
    assert "postgres" not in [s.kind for s in registry.sources()]
    assert registry.source("files").kind == "files"
    assert status("rival-postgres").problems == (
        "the source 'postgres' is also provided by acme-postgres 1.0: neither can be used",
    )


def test_nobody_takes_a_kind_from_core(packages: Site) -> None:
    packages.install("acme-files", GOOD.replace('"postgres"', '"files"'))
    registry = PluginRegistry()
    assert registry.source("files").factory == "headwater.sources.files:FileDataSource"
    assert [s.factory for s in registry.sources() if s.kind == "files"] == [
        "headwater.sources.files:FileDataSource"
    ]
    assert status("acme-files").problems == (
        "the source 'files' is also provided by headwater 0.1.0: that one is used",
    )


def test_an_unknown_kind_gets_the_nearest_name() -> None:
    with pytest.raises(PluginError) as caught:
        PluginRegistry(discover=False).engine("sprak")
    assert str(caught.value) == ("no engine 'sprak' is installed\n  hint: did you mean 'spark'?")


@pytest.mark.parametrize(
    ("ask", "kind", "message"),
    [
        ("source", "glue", "no source 'glue' is installed\n  hint: pip install headwater-glue"),
        ("source", "s3", "no source 's3' is installed\n  hint: pip install headwater-s3"),
        (
            "auth",
            "oidc-role",
            "no auth strategy 'oidc-role' is installed\n  hint: pip install headwater-aws",
        ),
        (
            "command",
            "demo",
            "no command 'demo' is installed\n  hint: pip install 'headwater-glue[demo]'",
        ),
    ],
)
def test_a_well_known_kind_says_what_to_install(ask: str, kind: str, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        getattr(PluginRegistry(discover=False), ask)(kind)
    assert str(caught.value) == message


def test_loading_names_the_distribution_and_what_to_install(packages: Site) -> None:
    packages.install("acme-postgres", GOOD)
    registry = PluginRegistry()
    with pytest.raises(PluginError) as caught:
        registry.source_class("postgres")
    assert str(caught.value) == (
        "the source 'postgres' of acme-postgres 1.0 can't be imported from "
        "acme_source:PostgresDataSource: No module named 'acme_source'"
    )


def test_a_factory_that_raises_while_it_is_imported_is_explained(packages: Site) -> None:
    packages.install("acme-postgres", GOOD)
    packages.add("acme_source", "raise OSError('libpq.so not found')")
    with pytest.raises(PluginError) as caught:
        PluginRegistry().source_class("postgres")
    assert str(caught.value) == (
        "the source 'postgres' of acme-postgres 1.0 fails while acme_source:PostgresDataSource "
        "is imported: OSError: libpq.so not found"
    )
    assert isinstance(caught.value.__cause__, OSError)


def test_a_factory_of_the_wrong_kind_is_refused(packages: Site) -> None:
    packages.install("acme-postgres", GOOD)
    packages.add("acme_source", "class PostgresDataSource: pass")
    with pytest.raises(PluginError) as caught:
        PluginRegistry().source_class("postgres")
    assert str(caught.value) == (
        "acme_source:PostgresDataSource, given as the source 'postgres', is no DataSource\n"
        "  hint: the plugin's author must derive it from headwater's DataSource"
    )


def test_threads_load_plugins_once(packages: Site) -> None:
    packages.install(
        "acme-count",
        """
        import time
        from headwater.interfaces.hookspecs import hookimpl
        from headwater.interfaces.specs import SourceSpec
        calls = []

        @hookimpl
        def headwater_sources():
            calls.append(1)
            time.sleep(0.05)
            return [SourceSpec("counted", "m:X")]
        """,
    )
    registry = PluginRegistry()
    found: list[SourceSpec] = []
    threads = [
        threading.Thread(target=lambda: found.append(registry.source("counted"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(sys.modules["acme_count"].calls) == 1
