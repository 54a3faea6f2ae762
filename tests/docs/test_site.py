"""The site: it builds without a warning, fetches nothing, and has a page for every code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.codes import codes

ROOT = Path(__file__).parents[2]
FETCHED = re.compile(
    r"<(?:script|img|iframe|source)[^>]+src=\"?https?:|<link[^>]+rel=\"?stylesheet[^>]+href=\"?https?:"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return folder


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 100
    for page in pages:
        assert not FETCHED.search(page.read_text(encoding="utf-8")), page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?https?:|@import", style.read_text(encoding="utf-8")), (
            style
        )


@pytest.mark.parametrize(
    ("page", "told"),
    [
        ("reference/cli.html", "headwater check"),
        ("reference/configuration.html", "catalog_id"),
        ("reference/portable-subset.html", "octet_length"),
        ("reference/api.html", "as_of"),
        ("reference/api-errors.html", "DataChangedError"),
        ("errors/index.html", "role-refused.html"),
        ("changelog.html", "Unreleased"),
    ],
)
def test_what_is_generated_is_there(site: Path, page: str, told: str) -> None:
    text = (site / page).read_text(encoding="utf-8")
    assert told in text
    assert "generated:" not in text


def test_every_portable_call_is_in_the_table(site: Path) -> None:
    from headwater.sql.functions.table import functions

    text = (site / "reference/portable-subset.html").read_text(encoding="utf-8")
    portable = [n for n, f in functions().items() if f.entry("duckdb") or f.entry("over")]
    assert [name for name in portable if f"<code>{name}</code>" not in text] == []


def test_every_function_is_in_the_reference(site: Path) -> None:
    from headwater.sql.functions.table import functions

    text = (site / "reference/functions.html").read_text(encoding="utf-8")
    assert [name for name in functions() if f"<code>{name}</code>" not in text] == []


def test_the_json_schema_of_the_configuration_is_published(site: Path) -> None:
    assert (site / "reference/headwater.schema.json").stat().st_size > 1000


def test_every_code_has_a_page() -> None:
    lacking = []
    for code, files in sorted(codes().items()):
        page = ROOT / "docs/errors" / f"{code}.md"
        if not (page.exists() and page.read_text(encoding="utf-8").startswith(f"# {code}\n")):
            lacking.append(f"{', '.join(sorted(files))} can emit {code!r}: write {page}")
    assert lacking == []


def test_every_page_is_of_a_code_that_is_emitted() -> None:
    known = codes()
    pages = {p.stem for p in (ROOT / "docs/errors").glob("*.md")} - {"index"}
    assert sorted(pages - set(known)) == []


def test_codes_are_found_where_they_are_emitted() -> None:
    found = codes()
    # By a class, by a diagnostic, by a helper, by a method, by a constant.
    assert "core/src/headwater/errors.py" in found["table-not-found"]
    assert "core/src/headwater/interfaces/mapping.py" in found["unmapped-field"]
    assert "core/src/headwater/reading/empty_reads.py" in found["no-partitions"]
    assert "core/src/headwater/sql/binding/columns.py" in found["unknown-column"]
    assert (
        "core/src/headwater/engines/embedded/formats/json_lines.py" in found["not-portable-value"]
    )
