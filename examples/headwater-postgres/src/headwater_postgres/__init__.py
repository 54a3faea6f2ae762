"""PostgreSQL for headwater: an example of a third party's plugin."""

from headwater_postgres.login import PostgresLogin
from headwater_postgres.source import PostgresDataSource

__all__ = ["PostgresDataSource", "PostgresLogin"]
