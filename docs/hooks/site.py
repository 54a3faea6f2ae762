"""What the site says about the code is taken from the code, when the site is built.

A page marks the place with `<!-- generated: NAME -->`; what stands there comes from a function here
or beside this file, so that it can't fall behind. Names: see `GENERATED`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parents[2]))  # mkdocs loads this file by its path

from docs.hooks import commands, configuration, dark, error_codes, functions, public

ROOT: Final = Path(__file__).parents[2]
MARK: Final = re.compile(r"^<!-- generated: (?P<name>[\w-]+) -->$", re.MULTILINE)


def changelog() -> str:
    """Return the changelog of the repository, without its heading."""
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n")[2]


GENERATED: Final[Mapping[str, Callable[[], str]]] = {
    "changelog": changelog,
    "commands": commands.reference,
    "configuration": configuration.reference,
    "error-codes": error_codes.index,
    "functions": functions.listed,
    "portable-calls": functions.portable,
    **public.GENERATORS,
}
"""What may stand in a page, by the name of its mark."""


def on_config(config: Any) -> Any:
    """Give each error page its place in the navigation, under its first letter."""
    reference = next(part["Reference"] for part in config.nav if "Reference" in part)
    place = reference.index({"Errors": "errors/index.md"})
    reference[place] = {"Errors": ["errors/index.md", *error_codes.navigation()]}
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the JSON Schema of the configuration file, and the pictures' dark twins, to the site."""
    from json import dumps

    from headwater.config import json_schema
    from headwater.plugins import PluginRegistry

    schema = dumps(json_schema(PluginRegistry()), indent=2) + "\n"
    files.append(File.generated(config, "reference/headwater.schema.json", content=schema))
    for picture in dark.pictures():
        place = f"assets/{dark.twin(picture.name)}"
        content = dark.darkened(picture.read_text(encoding="utf-8"))
        files.append(File.generated(config, place, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill in what the page marks as generated; show pictures as the reader's scheme wants them."""

    def fill(found: re.Match[str]) -> str:
        name = found["name"]
        if name not in GENERATED:
            raise PluginError(f"{page.file.src_uri}: nothing generates {name!r}")
        return GENERATED[name]()

    return dark.shown_in_both(MARK.sub(fill, markdown))
