"""Least privilege per read: an identity narrowed to what one plan needs, while it is read.

A session asks for it (`narrows_to_plan`); planning itself uses the whole
identity, because only then is it known what the plan needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from headwater.auth.credentials import Access, Permission, Session
from headwater.diagnostics import Diagnostic, Severity
from headwater.interfaces.abilities import Narrowing, Widened
from headwater.interfaces.data_source import DataSource
from headwater.interfaces.offers import offers
from headwater.interfaces.plan import Plan


def wants_narrowing(session: Session) -> bool:
    """Return whether a session asks to be narrowed to each plan."""
    return offers(session, Narrowing) and session.narrows_to_plan


@contextmanager
def narrowed(access: Access, plan: Plan, sources: Sequence[DataSource]) -> Iterator[Access]:
    """Give an access in which each session that asks for it may do no more than the plan needs.

    Args:
        access: The opened identities.
        plan: What will be read.
        sources: Where its rows come from, then where their actuals do; they say what is needed.
    """
    with ExitStack() as stack:
        for ref, session in _narrowed_sessions(access, plan, sources):
            stack.callback(session.close)
            access = access.replaced(ref, session)
        yield access


def widened(access: Access, plan: Plan, sources: Sequence[DataSource]) -> tuple[Diagnostic, ...]:
    """Return what narrowing had to widen to fit the provider's limits, as warnings for the plan."""
    diagnostics = []
    for _, session in _narrowed_sessions(access, plan, sources):
        collapsed = session.collapsed if offers(session, Widened) else ()
        diagnostics += [
            Diagnostic("session-policy-widened", text, Severity.WARNING, hint=_HINT)
            for text in collapsed
        ]
        session.close()
    return tuple(diagnostics)


_HINT = "the read may reach more than the plan needs; narrow the window or split the connection"


def _narrowed_sessions(
    access: Access, plan: Plan, sources: Sequence[DataSource]
) -> Iterator[tuple[str, Session]]:
    needs: dict[str, list[Permission]] = {}
    for source, share in zip(sources, _shares(plan, sources), strict=True):
        with source.access() as own:
            refs = [ref for ref in own.refs if wants_narrowing(access.session(ref))]
        permissions = tuple(source.permissions(share)) if refs else ()
        for ref in refs:
            needs.setdefault(ref, []).extend(permissions)
    for ref, needed in needs.items():
        session = access.session(ref)
        tight = session.narrowed(needed)
        if tight is not session:
            yield ref, tight


def _shares(plan: Plan, sources: Sequence[DataSource]) -> Iterator[Plan]:
    """Yield what of a plan comes from each source: another's tables are none of its catalog."""
    for number, source in enumerate(sources):
        scans = tuple(s for s in plan.scans if s.gives_actuals is (number > 0))
        yield replace(plan, query=source.sql() if number else plan.query, scans=scans)
