"""The site: it builds without a warning, fetches nothing, and has a page for every code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs.hooks import dark
from tests.docs.codes import codes

ROOT = Path(__file__).parents[2]
built = pytest.mark.slow
"""Of what looks at the built site: some 330 pages take ten seconds and more."""
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


@built
def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 100
    for page in pages:
        assert not FETCHED.search(page.read_text(encoding="utf-8")), page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?https?:|@import", style.read_text(encoding="utf-8")), (
            style
        )


@built
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


@built
def test_every_portable_call_is_in_the_table(site: Path) -> None:
    from headwater.sql.functions.table import functions

    text = (site / "reference/portable-subset.html").read_text(encoding="utf-8")
    portable = [n for n, f in functions().items() if f.entry("duckdb") or f.entry("over")]
    assert [name for name in portable if f"<code>{name}</code>" not in text] == []


@built
def test_every_function_is_in_the_reference(site: Path) -> None:
    from headwater.sql.functions.table import functions

    text = (site / "reference/functions.html").read_text(encoding="utf-8")
    assert [name for name in functions() if f"<code>{name}</code>" not in text] == []


@built
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


@built
def test_every_error_page_has_its_place_in_the_navigation(site: Path) -> None:
    pages = {p.stem for p in (ROOT / "docs/errors").glob("*.md")} - {"index"}
    listed = set()
    for letter in {name[0] for name in pages}:
        [one, *_] = sorted(name for name in pages if name[0] == letter)
        text = (site / f"errors/{one}.html").read_text(encoding="utf-8")
        listed |= set(re.findall(r'class="md-nav__link[^"]*"[^>]*href="?([\w-]+)\.html', text))
        listed |= set(re.findall(r'href="([\w-]+)\.html" class="md-nav__link', text))
        listed.add(one)
    assert sorted(pages - listed) == []


@built
@pytest.mark.parametrize("page", ["index.html", "concepts/architecture.html"])
def test_a_diagram_is_drawn_for_dark_pages_too(site: Path, page: str) -> None:
    shown = re.findall(r'src="([^"]+\.svg)#only-(\w+)"', (site / page).read_text(encoding="utf-8"))
    assert {scheme for _, scheme in shown} == {"light", "dark"}
    for place, scheme in shown:
        drawn = ((site / page).parent / place).read_text(encoding="utf-8")
        # The ground of the whole drawing.
        [ground] = re.findall(r'<rect width="\d+" height="\d+" rx="10" fill="#(\w+)"', drawn)
        assert (int(ground[:2], 16) > 128) == (scheme == "light"), place


@pytest.mark.parametrize(
    ("day", "night"), [("fff", "#212121"), ("ffffff", "#212121"), ("000", "#ffffff")]
)
def test_a_colour_is_turned_round(day: str, night: str) -> None:
    assert dark.turned(day) == night


def test_only_colours_of_a_diagram_change() -> None:
    svg = '<path id="a" fill="#fff" marker-end="url(#abc)" style="stroke:#000;"/>'
    night = '<path id="a" fill="#212121" marker-end="url(#abc)" style="stroke:#ffffff;"/>'
    assert dark.darkened(svg) == night
