"""RULES: how a query over a Glue catalog is rewritten before it is planned.

A rule looks at an analysis and returns edits on the user's own text. Core applies them, reads and
guards the text anew, and asks the rules again until none has anything to say; so views of views
come out by themselves.

Resource links need no rule: the catalog follows them, and the query keeps the link's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from headwater.sql.analysis import Analysis, TableReference
from headwater.sql.private_names import PRIVATE_PREFIX
from headwater.sql.rewriting import Edit, RewriteRule, aliases_for
from headwater_glue.descriptions import GlueDetail


def expand_views(analysis: Analysis) -> Sequence[Edit]:
    """Put the query that a view stands for in the place of its name."""
    edits: list[Edit] = []
    expanded = [r for r in analysis.parsed.references if _sql(analysis, r) is not None]
    names = {r: f"{PRIVATE_PREFIX}view{r.span.start}" for r in expanded if not r.alias}
    aliases, columns = aliases_for(analysis, names)
    for reference in expanded:
        alias = f" AS {aliases[reference]}" if reference in aliases else ""
        # The line break ends a comment that the view's text may end with.
        edits.append(Edit.replace(reference.span, f"(\n{_sql(analysis, reference)}\n){alias}"))
    return [*edits, *columns]


RULES: Final[tuple[RewriteRule, ...]] = (expand_views,)
"""In the order in which they are asked."""


def _sql(analysis: Analysis, reference: TableReference) -> str | None:
    table = analysis.tables.get(reference.name)
    detail = table.detail if table is not None else None
    return detail.view if isinstance(detail, GlueDetail) else None
