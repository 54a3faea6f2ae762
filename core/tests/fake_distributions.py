"""Plugins as strangers bring them: real distributions, in a folder on `sys.path`."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Site:
    """A folder that pip could have installed into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.modules: list[str] = []

    def install(
        self,
        name: str,
        code: str,
        *,
        version: str = "1.0",
        module: str | None = None,
        requires: tuple[str, ...] = (),
    ) -> None:
        """Write a distribution with one plugin module and its entry point."""
        module = module or name.replace("-", "_")
        self.modules.append(module)
        (self.folder / f"{module}.py").write_text(textwrap.dedent(code))
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {need}\n" for need in requires)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{needs}"
        )
        (info / "entry_points.txt").write_text(f"[headwater.plugins]\n{module} = {module}\n")

    def add(self, module: str, code: str) -> None:
        """Write a module that no entry point names."""
        self.modules.append(module)
        (self.folder / f"{module}.py").write_text(textwrap.dedent(code))


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Give a folder on `sys.path`; what was imported from it is forgotten afterwards."""
    found = Site(folder)
    sys.path.insert(0, str(folder))
    try:
        yield found
    finally:
        sys.path.remove(str(folder))
        for module in found.modules:
            sys.modules.pop(module, None)
