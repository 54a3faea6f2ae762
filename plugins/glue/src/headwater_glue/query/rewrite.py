"""RULES: how a query over a Glue catalog is rewritten before it is planned.

A rule looks at an analysis and returns edits on the user's own text. Core applies them, reads and
guards the text anew, and asks the rules again until none has anything to say; so views of views
come out by themselves.

Resource links need no rule: the catalog follows them, and the query keeps the link's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlglot import exp

from headwater.sql.analysis import Analysis, TableReference
from headwater.sql.rewriting import Edit, RewriteRule, quoted
from headwater_glue.descriptions import GlueDetail


def expand_views(analysis: Analysis) -> Sequence[Edit]:
    """Put the query that a view stands for in the place of its name."""
    edits: list[Edit] = []
    expanded = [r for r in analysis.parsed.references if _sql(analysis, r) is not None]
    for reference in expanded:
        alias = "" if reference.alias else f" AS {quoted(reference.node.name)}"
        # The line break ends a comment that the view's text may end with.
        edits.append(Edit.replace(reference.span, f"(\n{_sql(analysis, reference)}\n){alias}"))
    if expanded and analysis.parsed.tree is not None:
        edits += _unqualified(analysis.parsed.tree, expanded)
    return edits


RULES: Final[tuple[RewriteRule, ...]] = (expand_views,)
"""In the order in which they are asked."""


def _sql(analysis: Analysis, reference: TableReference) -> str | None:
    table = analysis.tables.get(reference.name)
    detail = table.detail if table is not None else None
    return detail.view if isinstance(detail, GlueDetail) else None


def _unqualified(tree: exp.Query, views: Sequence[TableReference]) -> Iterator[Edit]:
    """Yield edits that make `v.x` of `db.v.x`: a subquery's alias has no database."""
    names = {(v.name.database.casefold(), v.name.name.casefold()) for v in views if not v.alias}
    for column in tree.find_all(exp.Column):
        database, table = column.args.get("db"), column.args.get("table")
        if database is None or table is None:
            continue
        if (database.name.casefold(), table.name.casefold()) in names:
            yield Edit(database.meta["start"], table.meta["start"], "")
