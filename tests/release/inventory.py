"""What an environment holds, as JSON on stdout.

Run by the environment's own Python, which may have nothing but the standard library.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import distributions
from pathlib import Path


def inventory() -> list[dict[str, object]]:
    """Return each distribution's name, version, what it says of its license, and its bytes."""
    found = []
    for one in distributions():
        told = one.metadata
        paths = (Path(str(one.locate_file(f))) for f in one.files or ())
        found.append(
            {
                "name": told["Name"],
                "version": one.version,
                "expression": "".join((told.get_all("License-Expression") or [])[:1]),
                "license": "".join((told.get_all("License") or [])[:1]),
                "classifiers": told.get_all("Classifier") or [],
                "bytes": sum(path.stat().st_size for path in paths if path.is_file()),
            }
        )
    return found


if __name__ == "__main__":
    json.dump(inventory(), sys.stdout)
