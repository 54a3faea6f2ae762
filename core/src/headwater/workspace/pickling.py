"""Pickling: a workspace and its datasets to another process, as the values that they are made of.

A workspace goes as its models, definitions and settings, a connection as its workspace and name, a
dataset as its connection and plan. What is open stays here: engines, sessions, reads. On the other
side a dataset opens identities of its own, and its files must be what the plan saw.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from headwater.errors import HeadwaterError, UnsupportedError

if TYPE_CHECKING:
    from headwater.evidence.evidence import Origin
    from headwater.interfaces.data_source import DataSource
    from headwater.interfaces.engine import Engine
    from headwater.interfaces.plan import Plan
    from headwater.reading.dataset import Dataset, Sent
    from headwater.workspace.model import Connection, ModelVersion
    from headwater.workspace.workspace import Workspace

Reduced: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]
"""What `__reduce__` returns: what makes the value anew, and of what."""


def workspace(sent: Workspace) -> Reduced:
    """Return a workspace as what it is made of."""
    versions = [
        (v.model, v.id, v.schema, {p: c.definition for p, c in v.connections.items()})
        for v in sent.versions
    ]
    made_of = (
        sent.registry,
        sent.engine,
        sent.engine_options,
        sent.ledger_store,
        sent.models,
        versions,
        sent.given_engines,
    )
    return _packed("the workspace", _workspace, made_of)


def version(sent: ModelVersion, of: Workspace) -> Reduced:
    """Return a version as its workspace and names."""
    return _version, (of, sent.model.id, sent.id)


def connection(sent: Connection, of: Workspace) -> Reduced:
    """Return a connection as its workspace and name."""
    return _connection, (of, sent.name)


def of_connection(read: Connection) -> Callable[[Plan, Sent], Reduced]:
    """Return what sends a dataset of a connection.

    Args:
        read: The connection.
    """
    return lambda plan, sent: _packed(
        f"a dataset of {read.name}", _of_connection, (read, plan, sent)
    )


def of_query(of: Workspace, source: DataSource) -> Callable[[Plan, Sent], Reduced]:
    """Return what sends a dataset of a query.

    Args:
        of: The workspace that it was asked of.
        source: Where its tables are.
    """
    return lambda plan, sent: _packed(
        f"a dataset of {plan.connection}", _of_query, (of, source, plan, sent)
    )


def _packed(what: str, make: Callable[..., Any], made_of: tuple[Any, ...]) -> Reduced:
    """Return what makes a value anew, of bytes: what can't be sent is found, and named, here.

    Raises:
        UnsupportedError: Names what can't be sent.
    """
    try:
        return _unpacked, (pickle.dumps((make, made_of)),)
    except HeadwaterError:
        raise
    except Exception as error:
        raise UnsupportedError(
            f"{what} can't be sent to another process: {error}",
            hint="send what is to be read (the connection's name, the window), and read it there: "
            "Workspace.open('headwater.yaml').connection(name).read(start, end)",
        ) from error


def _unpacked(data: bytes) -> Any:
    make, made_of = pickle.loads(data)  # noqa: S301 -- a part of what is being unpickled
    return make(*made_of)


def _workspace(
    registry: Any,
    engine: str,
    options: Any,
    ledger_store: Any,
    models: Any,
    versions: Any,
    engines: tuple[Engine, ...],
) -> Workspace:
    from headwater.workspace.workspace import Workspace

    workspace = Workspace(registry, engine=engine, engine_options=options)
    workspace.ledger_store = ledger_store
    for model in models:
        workspace.create_model(model.id, model.name)
    for model, id_, schema, definitions in versions:
        version = workspace.describe_version(model.id, id_, schema)
        for purpose, definition in definitions.items():
            version.connect(purpose, definition)
    for instance in engines:
        workspace.use_engine(instance)
    return workspace


def _version(of: Workspace, model: str, id_: str) -> ModelVersion:
    return next(v for v in of.versions if (v.model.id, v.id) == (model, id_))


def _connection(of: Workspace, name: str) -> Connection:
    return of.connections[name]


def _of_connection(read: Connection, plan: Plan, sent: Sent) -> Dataset:
    of, origin = read.workspace, sent.origin
    planned, engine = of.compiled(plan)

    def origin_() -> Origin:
        from headwater.workspace.origins import origin_of

        assert origin is not None, "it is asked for where there is one"
        # Who reads here tells the versions of what is here.
        return origin_of(of.registry, engine, origin.reading, origin.definition, origin.calendar)

    data = of.dataset(
        read,
        planned,
        engine,
        lambda: of.opened(read),
        digests=sent.digests,
        origin=None if origin is None else origin_,
        timeout=sent.timeout,
    )
    data.maturity = sent.maturity
    return data


def _of_query(of: Workspace, source: DataSource, plan: Plan, sent: Sent) -> Dataset:
    return of.dataset_of_query(source, *of.compiled(plan), timeout=sent.timeout)
