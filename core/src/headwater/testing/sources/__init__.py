"""DataSourceContract: what every data source promises.

class TestAcme(DataSourceContract):
    @pytest.fixture
    def make_source(self, acme_server):
        def make(rows, partition_key=None):
            acme_server.store("predictions", rows)
            return AcmeDataSource(url=acme_server.url, query="SELECT * FROM predictions")
        return make

    @pytest.fixture
    def broken_source(self):
        return AcmeDataSource(url="http://127.0.0.1:9", query="SELECT * FROM predictions")
"""

from __future__ import annotations

from headwater.testing.sources.calls import CallPromises
from headwater.testing.sources.catalogs import CatalogPromises
from headwater.testing.sources.names import NamePromises
from headwater.testing.sources.requests import RequestPromises
from headwater.testing.sources.rows import RowPromises
from headwater.testing.sources.streams import StreamPromises
from headwater.testing.sources.support import MakeSource
from headwater.testing.sources.values import ValuePromises

__all__ = ["DataSourceContract", "MakeSource"]


# pytest asks them from the last to the first: whether calls end comes before all that makes calls.
class DataSourceContract(
    ValuePromises,
    CatalogPromises,
    NamePromises,
    RowPromises,
    RequestPromises,
    StreamPromises,
    CallPromises,
):
    """What every data source promises; a subclass overrides `make_source` and `broken_source`.

    Needs `headwater[embedded]`, and the source's plugin installed (or in `headwater_plugins`).
    """
