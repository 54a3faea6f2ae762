"""What a data source promises as a value, and when its place fails it."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from headwater.auth.credentials import Access
from headwater.errors import HeadwaterError
from headwater.interfaces.data_source import DataSource
from headwater.tables.table import Catalog
from headwater.testing.canaries import (
    error_places,
    listening,
    pickled,
    secrets,
    shown,
    unsaid,
    value_places,
)
from headwater.testing.contract import expect, fitting, offline
from headwater.testing.sources.support import (
    SourcePromises,
    fields,
    only_name,
    only_relation,
    read,
    serving,
)

if TYPE_CHECKING:
    from headwater.plugins.registry import PluginRegistry
    from headwater.workspace.workspace import Workspace


class ValuePromises(SourcePromises):
    """A source is a value: it connects to nothing, hides its secrets, and fails clearly."""

    def test_its_kind_is_registered(
        self, source: DataSource, headwater_registry: PluginRegistry
    ) -> None:
        """`type: <kind>` in a configuration file means this class.

        If it fails: return SourceSpec(kind, "module:Class") from the hook headwater_sources, with
        the kind that the class names, and install the plugin (also editable).
        """
        assert headwater_registry.source_class(source.kind) is type(source)

    def test_it_is_a_frozen_value(self, source: DataSource) -> None:
        """Two sources with the same fields are equal, and none changes under a plan's feet.

        If it fails: keep DataSource's model_config (frozen), and keep connections out of fields.
        """
        assert type(source)(**fields(source)) == source
        name = next(iter(type(source).model_fields))
        with pytest.raises(ValueError, match="frozen"):
            setattr(source, name, getattr(source, name))

    def test_an_unknown_option_is_refused(self, source: DataSource) -> None:
        """A misspelled option is an error where it is written, not silently ignored.

        If it fails: keep DataSource's model_config (extra="forbid").
        """
        with pytest.raises(ValueError, match="no_such_option"):
            type(source)(**{**fields(source), "no_such_option": 1})

    def test_describing_it_connects_to_nothing(self, source: DataSource) -> None:
        """To make a source, to open its access and to ask for its query touches no network.

        If it fails: connect when the catalog is asked, not in a validator, `access` or `sql`.
        """
        with offline():
            again = type(source)(**fields(source))
            assert again.sql()
            assert isinstance(again.access(), Access)
            assert again.describe()["type"] == source.kind

    def test_its_abilities_fit(
        self, source: DataSource, record_property: Callable[[str, object], None]
    ) -> None:
        """What source and catalog offer beside what they must can be used; the summary names it.

        If it fails: rename or mend what the message names; see `DataSource` and, for a catalog, the
        optional protocols in `headwater.tables.table`.
        """
        fitting(source, DataSource, record_property)
        with source.access() as access:
            fitting(source.catalog(access), Catalog, record_property)

    def test_its_secrets_stay_secret(self, source: DataSource, canaries: Sequence[str]) -> None:
        """No repr, description, dump, relation or plan shows a secret, nor carries one in a pickle.

        That a field called `password` or `api_key` holds one is known, whatever its type.

        If it fails: hold secrets as `headwater.Secret`, or by reference (`env:NAME`), never as str;
        and give relations an auth_ref instead of credentials.
        """
        with source.access() as access:
            relation = only_relation(source, access)
            storage = access.storage(relation.auth_ref)
            hidden = {**secrets(source, storage), **dict.fromkeys(canaries, "a canary")}
            places = value_places("the source", source) | {
                "describe()": str(source.describe()),
                "the relation": repr(relation),
                "the pickle of the relation": pickled(relation),
                "the access": repr(access),
            }
        expect(
            shown(hidden, places),
            "hold it as headwater.Secret (reveal() gives it where the driver wants it) or by "
            "reference, and leave it out of describe() and of relations",
        )

    def test_nothing_secret_is_logged(
        self, source: DataSource, broken_source: DataSource, canaries: Sequence[str]
    ) -> None:
        """A read, and a place that can't be reached, say no secret: logged, printed or warned of.

        If it fails: log what is asked for, never with what; also at DEBUG, and not the driver's
        own arguments.
        """
        with source.access() as access:
            storage = access.storage(only_relation(source, access).auth_ref)
            hidden = {
                **secrets(source, broken_source, storage),
                **dict.fromkeys(canaries, "a canary"),
            }
        with listening() as output:
            read(source)
            with suppress(Exception), broken_source.access() as access:
                broken_source.catalog(access).table(only_name(broken_source))
        expect(
            shown(unsaid(hidden), output),
            "log no secret, at no level; leave it out of what you print",
        )

    def test_a_fault_is_a_clear_error(
        self, broken_source: DataSource, canaries: Sequence[str]
    ) -> None:
        """What can't be reached is one of headwater's errors: it pickles, and holds no secret.

        If it fails: translate the driver's exceptions where they arise (`raise SourceError(...)
        from error`), with a message that says what was tried.
        """
        with pytest.raises(HeadwaterError) as caught, broken_source.access() as access:
            broken_source.catalog(access).table(only_name(broken_source))
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301
        hidden = {**secrets(broken_source), **dict.fromkeys(canaries, "a canary")}
        expect(
            shown(hidden, error_places(caught.value)),
            "quote no connection string; where the driver's message does, say it in your own words "
            "and raise ... from None",
        )

    def test_check_reports_a_fault(
        self, broken_source: DataSource, headwater_workspace: Workspace
    ) -> None:
        """`headwater check` on a place that can't be reached explains; it does not raise.

        If it fails: `DataSource.examine` must yield CheckStage.failed(...) instead of raising.
        """
        report = serving(headwater_workspace, broken_source).check()
        assert not report.ok
        assert all(s.summary for s in report.stages)
