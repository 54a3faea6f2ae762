"""What this distribution gives to headwater. Imported in every run: keep it light."""

from headwater.plugin import AuthSpec, SourceSpec, hookimpl

HEADWATER_API = 1


@hookimpl
def headwater_sources() -> list[SourceSpec]:
    """Return the data source."""
    return [SourceSpec("scores", "headwater_scores.source:ScoresDataSource", "tables of an API")]


@hookimpl
def headwater_auth() -> list[AuthSpec]:
    """Return the login."""
    name = "headwater_scores.login:ScoresClient"
    return [AuthSpec("scores-client", name, "a client of the API, by OAuth 2.0")]
