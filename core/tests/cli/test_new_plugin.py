"""new-plugin: a stranger's path, from the command to a green contract."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path, PurePosixPath

import pytest
import yaml
from core.tests.cli.support import Program

from headwater.cli.new_plugin import KINDS, project
from headwater.errors import ConfigError


def test_it_writes_a_whole_project(headwater: Program) -> None:
    outcome = headwater("new-plugin", "acme-lake")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "wrote headwater-acme-lake: now `pip install -e 'headwater-acme-lake[test]'` and "
        "`pytest headwater-acme-lake`\n"
    )
    root = Path("headwater-acme-lake")
    found = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert found == {
        ".github/workflows/test.yml",
        "README.md",
        "pyproject.toml",
        "src/headwater_acme_lake/__init__.py",
        "src/headwater_acme_lake/plugin.py",
        "src/headwater_acme_lake/source.py",
        "tests/test_contract.py",
        "tests/test_source.py",
    }
    told = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert told["name"] == "headwater-acme-lake"
    assert told["entry-points"] == {
        "headwater.plugins": {"acme_lake": "headwater_acme_lake.plugin"}
    }
    assert "${{ matrix.python }}" in (root / ".github/workflows/test.yml").read_text()
    assert yaml.safe_load((root / ".github/workflows/test.yml").read_text())["jobs"]
    for path in root.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")


def test_it_goes_where_it_is_told(headwater: Program) -> None:
    answer = headwater("new-plugin", "acme", "--folder", "a/b", "--json").json
    assert answer["folder"] == "a/b"
    assert all(Path(p).exists() for p in answer["files"])


def test_it_writes_over_nothing(headwater: Program) -> None:
    Path("mine").mkdir()
    Path("mine/file").touch()
    outcome = headwater("new-plugin", "acme", "--folder", "mine")
    assert outcome.code == 1
    assert "mine is not empty" in outcome.err
    assert [p.name for p in Path("mine").iterdir()] == ["file"]


def test_a_kind_that_is_there_is_refused(headwater: Program) -> None:
    outcome = headwater("new-plugin", "files")
    assert outcome.code == 1
    assert "the source 'files' is there already" in outcome.err


@pytest.mark.parametrize("name", ["", "Acme", "1st", "a_b", "a--b", "../x", "a b"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="can't name a plugin"):
        project(name)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_writes_a_project_that_compiles(kind: str) -> None:
    files = {str(path): text for path, text in project("acme-lake", kind).items()}
    plugin = files["src/headwater_acme_lake/plugin.py"]
    assert f"from headwater.plugin import {KINDS[kind].spec.__name__}, hookimpl" in plugin
    assert any(path.startswith("tests/test_") for path in files)
    assert "$" not in files["README.md"]
    for path, text in files.items():
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_a_database_source_is_short() -> None:
    text = project("acme", "database")[PurePosixPath("src/headwater_acme/source.py")]
    code = ast.unparse(_without_docstrings(ast.parse(text)))
    assert "hp.select(" in code
    assert len([line for line in code.splitlines() if line.strip()]) < 60


def _without_docstrings(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and len(body) > 1 and isinstance(body[0], ast.Expr):
            del body[0]
    return tree


def test_a_kind_that_is_none_is_told(headwater: Program) -> None:
    outcome = headwater("new-plugin", "acme", "--kind", "sauce")
    assert outcome.code == 1
    assert "no kind of plugin 'sauce'" in outcome.err
    assert "source, database, auth, engine, writer, rule, command, ledger" in outcome.err


def test_a_word_of_a_kind_that_is_there_is_refused(headwater: Program) -> None:
    outcome = headwater("new-plugin", "spark", "--kind", "engine")
    assert outcome.code == 1
    assert "the engine 'spark' is there already" in outcome.err


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", KINDS)
def test_its_tests_pass_at_once(headwater: Program, tmp_path: Path, kind: str) -> None:
    site, root = tmp_path / "site", tmp_path / "project"
    assert headwater("new-plugin", "acme", "--kind", kind, "--folder", str(root)).code == 0
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--no-index", "--target", str(site), str(root)], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    plugins = subprocess.run(
        [sys.executable, "-m", "headwater", "plugins"],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "headwater-acme 0.1.0" in plugins.stdout
