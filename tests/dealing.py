"""How tests are dealt to processes: a file to one, which makes once what its tests share."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

SHARED_SERVER = "spark_connect"


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Deals files, those that use the Spark Connect server to one process: it starts one.

    xdist's own `loadgroup` deals tests one by one with pytest 9.2, which ignores the groups that
    xdist 3.8 writes into their ids.
    """

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        self._root = config.rootpath

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return SHARED_SERVER if _names(self._root / file, SHARED_SERVER) else file


@cache
def _names(path: Path, fixture: str) -> bool:
    return fixture in path.read_text(encoding="utf-8")
