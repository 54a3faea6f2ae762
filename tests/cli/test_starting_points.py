"""What `headwater init` writes, as it stands and with its comments taken in: it loads."""

import re
from pathlib import Path

import pytest

from headwater.cli.starting_point import starting_point
from headwater.config import load
from headwater.plugins import PluginRegistry

POINTS = {s.kind: s.load(s.starting_point) for s in PluginRegistry().sources() if s.starting_point}


def test_every_source_over_files_can_be_begun_with() -> None:
    assert list(POINTS) == ["files", "glue", "s3"]
    assert all(point.table for point in POINTS.values())


@pytest.mark.parametrize("kind", POINTS)
def test_every_starting_point_loads_where_its_source_is_installed(
    tmp_path: Path, kind: str
) -> None:
    registry = PluginRegistry()
    assert kind in [spec.kind for spec in registry.sources()]
    path = tmp_path / "headwater.yaml"
    path.write_text(starting_point(POINTS[kind]))
    config = load(path, registry, environ={})
    serving = config.models["insurance"].versions["v1"].connections["serving"]
    assert serving.source.kind == kind


@pytest.mark.parametrize("own_table", [False, True])
@pytest.mark.parametrize("kind", POINTS)
def test_what_is_commented_out_loads_too(tmp_path: Path, kind: str, own_table: bool) -> None:
    head, _, rest = starting_point(POINTS[kind]).partition("models:\n")
    rest, count = re.subn(r"(?m)^( +)# ( *[a-z_]+:( .*)?)$", r"\1\2", rest)
    assert count >= 8
    # Actuals stand in the serving table, or in one of their own.
    if own_table:
        rest, count = re.subn(r"(?m)^ {10}label(s|_timestamp_column): .*\n", "", rest, count=2)
    else:
        rest, count = re.subn(r"(?ms)^ {8}actuals:.*?(?=^ {0,8}[^ #]|\Z)", "", rest)
    assert count
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
    labelled = connections["actuals" if own_table else "serving"]
    assert labelled.mapping.labels == {"will_buy_insurance": "did_buy_insurance"}
    assert ("actuals" in connections) == own_table
