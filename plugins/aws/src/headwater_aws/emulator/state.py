"""What the pretended accounts hold: catalogs and identities in moto's models, buckets in our own.

moto serves from process-wide dictionaries. The emulator makes its own instances of moto's backends
instead, so that two emulators in one process, or one beside a test's `mock_aws`, share nothing.
"""

from __future__ import annotations

import threading
from typing import Any

from moto.core.model_instances import model_data
from moto.glue.models import GlueBackend
from moto.iam.models import IAMBackend

from headwater_aws.emulator.buckets import Bucket
from headwater_aws.emulator.lake_formation import LakeFormation


class State:
    """The accounts of one emulator.

    Attributes:
        lock: Guards them all; hold it while reading or changing anything here.
        buckets: Every bucket of every account, by name: bucket names are global.
        functions: User-defined functions by account, region and database.
        lake_formation: The tables that Lake Formation governs.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.buckets: dict[str, Bucket] = {}
        self.functions: dict[tuple[str, str, str], dict[str, dict[str, Any]]] = {}
        self.lake_formation = LakeFormation()
        self._glue: dict[tuple[str, str], GlueBackend] = {}
        self._iam: dict[str, IAMBackend] = {}

    @property
    def iam_accounts(self) -> list[str]:
        """Accounts in which anything of IAM exists."""
        return list(self._iam)

    def glue(self, account_id: str, region: str) -> GlueBackend:
        """The Glue catalog of an account in a region."""
        key = (account_id, region)
        if key not in self._glue:
            self._glue[key] = GlueBackend(region, account_id)
        return self._glue[key]

    def iam(self, account_id: str) -> IAMBackend:
        """The IAM of an account."""
        if account_id not in self._iam:
            self._iam[account_id] = IAMBackend("aws", account_id)
        return self._iam[account_id]

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            self.buckets.clear()
            self.functions.clear()
            self.lake_formation.clear()
            self._glue.clear()
            self._iam.clear()
        # moto remembers every instance for its dashboard, which would keep all tables alive.
        for service in ("glue", "iam"):
            models: dict[str, Any] = model_data[service]
            for model in models.values():
                model.instances_tracked = []
