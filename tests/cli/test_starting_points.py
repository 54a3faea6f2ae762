"""What `headwater init` writes, as it stands and with its comments taken in: it loads."""

import re
from pathlib import Path

import pytest

from headwater.cli.starting_point import SOURCES, starting_point
from headwater.config import load
from headwater.plugins import PluginRegistry


@pytest.mark.parametrize("kind", SOURCES)
def test_every_starting_point_loads_where_its_source_is_installed(
    tmp_path: Path, kind: str
) -> None:
    registry = PluginRegistry()
    assert kind in [spec.kind for spec in registry.sources()]
    path = tmp_path / "headwater.yaml"
    path.write_text(starting_point(kind))
    config = load(path, registry, environ={})
    serving = config.models["insurance"].versions["v1"].connections["serving"]
    assert serving.source.kind == kind


@pytest.mark.parametrize("kind", SOURCES)
def test_what_is_commented_out_loads_too(tmp_path: Path, kind: str) -> None:
    head, _, rest = starting_point(kind).partition("models:\n")
    rest, count = re.subn(r"(?m)^( +)# ( *[a-z_]+:( .*)?)$", r"\1\2", rest)
    assert count >= 8
    elsewhere = {
        "files": "{type: files, tables: {a: b}}",
        "glue": "{type: glue, database: d, table: t}",
        "s3": "{type: s3, path: 's3://b/labels/'}",
    }
    path = tmp_path / "headwater.yaml"
    path.write_text(f"{head}models:\n{rest}".replace("{...}", elsewhere[kind]))
    config = load(path, PluginRegistry(), environ={})
    connections = config.models["insurance"].versions["v1"].connections
    assert connections["serving"].max_bytes == 50_000_000_000
    assert connections["actuals"].labels == {"will_buy_insurance": "did_buy_insurance"}
