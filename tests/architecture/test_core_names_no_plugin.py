"""Core names no plugin of ours: what a plugin brings, it declares, as a stranger's does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.plugins.registry import PluginRegistry

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core/src/headwater"
OURS = re.compile(
    r"glue|openlineage|\bboto|\baws\b|\biam\b|headwater[-_](?:s3|aws|monitor)"
    r"|s3datasource|\bs3\b(?![an]?://)",
    re.IGNORECASE,
)
"""A plugin of ours, its classes, or the cloud that it is for. `s3://` is a URL like others."""

STORAGE = ("engines/", "lakes/")
"""Rooms that open storage themselves, and S3 is one; of them only a catalog's name is a fault."""
CLOUD = ("s3", "aws", "iam")

ALLOWED = {
    ("auth/credentials.py", "s3"): "the scheme of storage that a session opens to engines",
    ("engines/spark/lakes.py", "glue"): "EMR's own setting: which catalog a cluster is on",
    (
        "engines/spark/session/sessions.py",
        "glue",
    ): "a cluster's metastore, which headwater does not write",
    ("lakes/iceberg.py", "glue"): "pyiceberg's own properties, which no table may set",
    ("plugins/published.json", "glue"): "which distribution brings a kind: data, compared below",
    ("plugins/published.json", "headwater-aws"): "the same",
    ("plugins/published.json", "headwater-monitor"): "the same",
    ("plugins/published.json", "headwater-s3"): "the same",
    ("plugins/published.json", "s3"): "the same",
    ("testing/auth.py", "s3"): "a permission that a strategy of AWS can be narrowed to",
    ("testing/auth.py", "aws"): "the same",
}
"""Where a name is needed, and why."""


def named(path: str, text: str) -> Iterator[str]:
    """Yield what a file of core names of ours."""
    for word in OURS.findall(text):
        if not (path.startswith(STORAGE) and word.lower() in CLOUD):
            yield word.lower()


def test_core_names_no_plugin() -> None:
    found = {
        (path, word)
        for file in CORE.rglob("*")
        if file.is_file() and file.suffix != ".pyc"
        for path in [str(file.relative_to(CORE))]
        for word in named(path, file.read_text(encoding="utf-8"))
    }
    assert found - ALLOWED.keys() == set(), "let the plugin declare it, or say it in neutral words"
    assert ALLOWED.keys() - found == set(), "an exception is needed no more"


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("cli/init.py", "pip install headwater-s3, or GlueDataSource", ["headwater-s3", "glue"]),
        ("engines/spark/files.py", "s3a of S3, by AWS; Glue", ["glue"]),
        ("tables/relation.py", "s3://bucket/key", []),
        ("reading/reader.py", "kind == 's3'", ["s3"]),
    ],
)
def test_the_test_sees_a_name(path: str, text: str, words: list[str]) -> None:
    assert list(named(path, text)) == words


def test_hints_on_what_to_install_are_what_the_plugins_declare() -> None:
    published = json.loads((CORE / "plugins/published.json").read_text(encoding="utf-8"))
    declared: dict[str, dict[str, str]] = {}
    registry = PluginRegistry()
    ours = [s for s in registry.report() if (s.distribution or "").startswith("headwater-")]
    specs = [*registry.sources(), *registry.auths(), *registry.commands(), *registry.engines()]
    specs += registry.ledgers()
    for spec in specs:
        owner = registry.name(spec).rpartition(" of ")[2].partition(" ")[0]
        if owner in {s.distribution for s in ours}:
            brings = re.sub(r"^pip install '?|'$", "", spec.install or owner)
            declared.setdefault(spec.plural, {})[spec.kind] = brings
    assert published == declared
