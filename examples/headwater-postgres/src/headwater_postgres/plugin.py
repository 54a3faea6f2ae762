"""What this distribution gives to headwater. Imported in every run: keep it light."""

from headwater.plugin import AuthSpec, SourceSpec, hookimpl

HEADWATER_API = 1


@hookimpl
def headwater_sources() -> list[SourceSpec]:
    """Return the data source."""
    name = "headwater_postgres.source:PostgresDataSource"
    return [SourceSpec("postgres", name, "tables of a PostgreSQL database")]


@hookimpl
def headwater_auth() -> list[AuthSpec]:
    """Return the authentication strategy."""
    name = "headwater_postgres.login:PostgresLogin"
    return [AuthSpec("postgres-login", name, "a PostgreSQL user with a password")]
