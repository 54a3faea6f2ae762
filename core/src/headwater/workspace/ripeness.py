"""Ripeness: what a connection says of its labels, and what of it rides with a read's rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headwater.errors import ConfigError
from headwater.interfaces.schema import Role
from headwater.maturity.states import Terms, of_read

if TYPE_CHECKING:
    from headwater.interfaces.plan import Plan
    from headwater.maturity.maturity import Maturity
    from headwater.workspace.model import Connection


def terms_of(connection: Connection) -> Terms:
    """Return what a connection says of its windows' labels."""
    actuals, settings = connection.actuals, connection.windows
    horizon = None if actuals is None else actuals.definition.horizon
    return Terms(settings.ripe, settings.lateness, horizon)


def ripeness(connection: Connection, plan: Plan, known: Maturity | None) -> dict[str, Any] | None:
    """Return what rides with the rows of a read of how ripe their labels are; None without labels.

    Args:
        connection: What is read.
        plan: The read's plan.
        known: How ripe its labels are, where that was asked before; nothing is counted for it here.

    Raises:
        ConfigError: If that is of another connection.
    """
    if known is not None and known.connection != connection.name:
        raise ConfigError(
            f"{connection.name} is read with the maturity of {known.connection}",
            hint="ask for it of the connection that is read: connection.maturity(...)",
        )
    if not any(column.role is Role.ACTUAL for column in plan.mapping or ()):
        return None
    moment = plan.as_of or plan.created_at or datetime.now(UTC)
    return of_read(plan.window, moment, terms_of(connection), known)
