"""Write anew what pages show as output: `python -m tests.docs.refresh docs/errors/*.md`.

For pages that need no account, after messages were reworded; read the difference before you commit
it. What differs from run to run is written as `...`.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import warnings
from pathlib import Path

from tests.docs import snippets

PASSING = (
    (re.compile(r"\b\d{10}\b"), "..."),
    (re.compile(r"127\.0\.0\.1:\d{4,}"), "127.0.0.1:..."),
    (re.compile(r"exp=[^;)\n]*\)(?=[;\n])"), "exp=..."),
    (re.compile(r"it is \d{4}-\d\d-\d\d [\d:]+Z here"), "it is ... here"),
    (re.compile(rf"{re.escape(tempfile.gettempdir())}/\w+"), "..."),
)
"""What differs from run to run."""


def refreshed(page: Path) -> str:
    """Return a page's text with the outputs that its blocks give now."""
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "__main__"}
    written = ""
    for block in snippets.blocks(page):
        match block.language:
            case "python":
                written = snippets.run_python(block, names)
            case "output":
                for pattern, instead in PASSING:
                    written = pattern.sub(instead, written)
                shown = "\n".join(line.rstrip() for line in written.strip().splitlines())
                text = text.replace(f"```output\n{block.text}```", f"```output\n{shown}\n```")
            case other:
                raise SystemExit(f"{block.where}: {other} blocks are not refreshed here")
    return text


def main(pages: list[str]) -> None:
    """Refresh pages in place."""
    for page in [Path(p).resolve() for p in pages]:
        if any(block.asks_aws for block in snippets.blocks(page)):
            sys.stderr.write(f"{page.name} needs an account: run its test, correct it by hand\n")
            continue
        environ, folder = dict(os.environ), Path.cwd()
        try:
            os.chdir(tempfile.mkdtemp())
            page.write_text(refreshed(page), encoding="utf-8")
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(environ)


if __name__ == "__main__":
    warnings.simplefilter("default")
    main(sys.argv[1:])
