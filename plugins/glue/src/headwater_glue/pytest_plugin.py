"""Fixtures for tests that need a Glue catalog.

pytest loads this module in every run, so it imports nothing of AWS until a fixture is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from headwater_aws.testing import Emulator
    from headwater_glue.testing import GlueLake


@pytest.fixture
def glue_catalog(aws: Emulator) -> GlueLake:
    """An empty Glue catalog and its bucket, on the `aws` fixture: see `GlueLake`."""
    from headwater_glue.testing import GlueLake

    return GlueLake(aws)
