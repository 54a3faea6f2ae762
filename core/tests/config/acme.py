"""A plugin as the tests of the configuration need it: secrets, strategies, nested options."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from headwater.auth.credentials import Access, AuthStrategy, Secret, Session
from headwater.errors import ConfigError
from headwater.interfaces.data_source import DataSource
from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import AuthSpec, SourceSpec, StartingPoint
from headwater.tables.relation import Relation
from headwater.tables.table import Catalog, Partition, Table, TimePartition


def _not_eleven(value: int) -> int:
    if value == 11:
        raise ValueError("the port 11 is taken")
    return value


class Pool(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    size: int = 4
    proxy_password: Secret | None = None


class AcmeSource(DataSource):
    """Tables of Acme.

    Args:
        host: Where the server is.
        timeout: How long to wait
            for it.
    """

    kind: ClassVar[str] = "acme"

    host: str
    port: Annotated[int, AfterValidator(_not_eleven)] = 5432
    timeout: timedelta = timedelta(seconds=30)
    readonly: bool = True
    auth: AuthStrategy | None = None
    password: Secret | None = None
    api: SecretStr | None = None
    pool: Pool = Pool()
    partitions: dict[str, TimePartition] = Field(default_factory=dict)
    folder: str | None = None

    @field_validator("folder")
    @classmethod
    def _beside_the_file(cls, value: str | None, info: ValidationInfo) -> str | None:
        return value and str((info.context or {})["folder"] / value)

    @field_validator("host")
    @classmethod
    def _host(cls, value: str) -> str:
        if value == "nowhere":
            raise ConfigError("there is no host 'nowhere'", hint="try localhost")
        if value == "bug":
            raise KeyError("x")
        return value

    def access(self) -> Access:
        return Access()

    def catalog(self, access: Access) -> Catalog:
        raise AssertionError("a configuration connects to nothing")

    def sql(self) -> str:
        return "SELECT 1"

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        raise AssertionError("a configuration reads nothing")


class KeyStrategy(AuthStrategy):
    """A key."""

    key: Secret
    region: str = "here"

    def open(self, *, region: str | None = None, endpoint_url: str | None = None) -> Session:
        raise AssertionError("a configuration opens no identity")


class BadgeStrategy(AuthStrategy):
    """A badge that another identity hands out."""

    badge: str
    source: AuthStrategy | None = None
    fallbacks: tuple[AuthStrategy, ...] = ()

    def open(self, *, region: str | None = None, endpoint_url: str | None = None) -> Session:
        raise AssertionError("a configuration opens no identity")


STARTING_POINT = StartingPoint(
    "type: acme\ntable: log   # of the shelf\nauth: clerk\n", "clerk:\n  type: key\n", "shelf.log"
)


@hookimpl
def headwater_sources() -> list[SourceSpec]:
    return [
        SourceSpec("acme", f"{__name__}:AcmeSource", starting_point=f"{__name__}:STARTING_POINT"),
        SourceSpec("unbuilt", "acme_that_is_not_there:Source", install="pip install acme"),
    ]


@hookimpl
def headwater_auth() -> list[AuthSpec]:
    return [
        AuthSpec("key", f"{__name__}:KeyStrategy"),
        AuthSpec("badge", f"{__name__}:BadgeStrategy"),
    ]
