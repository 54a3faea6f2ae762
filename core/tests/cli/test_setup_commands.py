"""init, plugins, config-schema: the commands before there is anything to read."""

import json
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
import yaml
from core.tests.cli.support import Program
from core.tests.config import acme

from headwater.config import load
from headwater.interfaces.hookspecs import hookimpl
from headwater.plugins import PluginRegistry


def test_init_writes_a_file_that_loads(headwater: Program) -> None:
    outcome = headwater("init")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "wrote headwater.yaml: edit it, then run `headwater check`\n"
    config = load("headwater.yaml", PluginRegistry(discover=False))
    assert list(config.models["insurance"].versions["v1"].connections) == ["serving"]


def test_init_replaces_nothing_unasked(headwater: Program) -> None:
    Path("headwater.yaml").write_text("mine")
    outcome = headwater("init")
    assert outcome.code == 1
    assert outcome.err == (
        "error: headwater.yaml exists\n  hint: name another file, or use --overwrite\n"
    )
    assert Path("headwater.yaml").read_text() == "mine"
    assert headwater("init", "--overwrite").code == 0
    assert Path("headwater.yaml").read_text() != "mine"


def test_init_makes_the_folder_it_is_given(headwater: Program) -> None:
    assert headwater("init", "a/b.yaml", "--json").json == {"path": "a/b.yaml", "source": "files"}
    assert Path("a/b.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("init", "--source", "memory"), "--source is one of files, got 'memory'"),
        (("init", "c.toml"), "c.toml: the file is YAML; end its name in .yaml"),
    ],
)
def test_init_used_wrongly(headwater: Program, arguments: tuple[str, ...], message: str) -> None:
    outcome = headwater(*arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "hint"), [("glue", "pip install headwater-glue"), ("flies", "did you mean 'files'?")]
)
def test_init_tells_what_to_install_for_a_kind(headwater: Program, kind: str, hint: str) -> None:
    outcome = headwater("init", "--source", kind)
    assert outcome.code == 1
    assert outcome.err == f"error: no source '{kind}' is installed\n  hint: {hint}\n"
    assert list(Path.cwd().iterdir()) == []


def test_plugins_explains_everything(headwater: Program) -> None:
    def headwater_plan_created(plan: object) -> None:
        pass

    headwater.modules = [
        acme,
        SimpleNamespace(
            __name__="observer",
            h=hookimpl(specname="headwater_plan_created")(headwater_plan_created),
        ),
        SimpleNamespace(__name__="tomorrow", HEADWATER_API=7),
    ]
    outcome = headwater("plugins")
    assert outcome.code == 0
    assert (
        outcome.out
        == """\
loaded   headwater 0.1.0  (headwater.plugins.builtin)
         sources:   files, memory
         engines:   embedded, spark
         ledgers:   file
         commands:  init, discover, check, plan, read, changes, maturity, profile, replay, \
validate, plugins, new-plugin, config-schema
loaded   module core.tests.config.acme  (core.tests.config.acme)
         sources:  acme, unbuilt
         auth:     key, badge
loaded   module observer  (observer)
         observes:  headwater_plan_created
refused  module tomorrow  (tomorrow)
         reason:  it is written for plugin API 7, and this headwater has API 1
         hint:    pip install --upgrade headwater
"""
    )


def test_plugins_as_json(headwater: Program) -> None:
    assert headwater("plugins", "--json").json["ok"] is True
    headwater.modules = [SimpleNamespace(__name__="tomorrow", HEADWATER_API=7)]
    answer = headwater("plugins", "--json").json
    assert answer["ok"] is False
    assert [p["status"] for p in answer["plugins"]] == ["loaded", "refused"]


def test_config_schema_prints_a_schema(headwater: Program) -> None:
    headwater("init")
    outcome = headwater("config-schema")
    assert outcome.json == headwater("config-schema", "--json").json
    jsonschema.validate(yaml.safe_load(Path("headwater.yaml").read_text()), outcome.json)


def test_config_schema_writes_a_file_and_says_how_to_use_it(headwater: Program) -> None:
    outcome = headwater("config-schema", "--out", "headwater.schema.json")
    assert outcome.out == (
        "wrote headwater.schema.json; begin headwater.yaml with this line, and editors will use "
        "it:\n# yaml-language-server: $schema=headwater.schema.json\n"
    )
    assert json.loads(Path("headwater.schema.json").read_text()) == headwater("config-schema").json
