"""Iceberg catalogs that write test tables."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog


def file_catalog(folder: Path, warehouse: str, **options: Any) -> SqlCatalog:
    """Return a catalog in a file of a folder; its database is closed when nobody holds it any more.

    pyiceberg leaves it to the garbage collector, of which Python 3.13 warns.

    Args:
        folder: Where the catalog's own file lies.
        warehouse: URI of the place of its tables.
        options: Further properties, e.g. `s3.endpoint`.
    """
    made = SqlCatalog("test", uri=f"sqlite:///{folder}/catalog.db", warehouse=warehouse, **options)
    weakref.finalize(made, made.engine.dispose)
    made.create_namespace("db")
    return made
