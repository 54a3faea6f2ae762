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
def glue_catalog(aws: Emulator, request: pytest.FixtureRequest) -> GlueLake:
    """An empty Glue catalog and its bucket, on the `aws` fixture: see `GlueLake`."""
    from headwater_aws.pytest_plugin import emulator_of
    from headwater_glue.testing import GlueLake

    return GlueLake(emulator_of(aws, request))
