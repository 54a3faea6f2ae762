"""An object store of each test's own, and an identity that gives parts of its objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from core.tests.engines.embedded.object_store import ObjectStore, PartingSession, object_store


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with object_store() as found:
        yield found


@pytest.fixture
def session(store: ObjectStore) -> PartingSession:
    return PartingSession(store, "A", {"lake"})
