"""Which tables may be read in shares, one after the other: the answer is what all of them give.

A query *distributes* over a table where, whatever rows it is cut into, the rows of the answer are
those of the query over each share, put together (as a bag, duplicates counted):

    projection, WHERE, LATERAL VIEW   row by row
    joins                             the first item of FROM, while each join keeps its rows one
                                      by one: JOIN, LEFT, SEMI, ANTI. What it is joined to is read
                                      for each share again
    an ORDER BY below the outermost   decides nothing, and is not run
    GROUP BY, DISTINCT, windows,      look at several rows: they end it, as does whatever is not
    LIMIT, set operations, PIVOT      known here

Shares run at different times, so nothing in the query may answer differently the second time: no
function that varies (`rand()`, `now()`), no place that depends on an order of rows that is not
promised, no sum of floats, which are added up in another order each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlglot import exp

from headwater.sql.analysis import Analysis, Scope, TableReference
from headwater.sql.binding.from_clause import KEEPS_LEFT, Unclear, read_from, times_scanned
from headwater.sql.binding.row_order import layers
from headwater.sql.functions import called, is_aggregate
from headwater.sql.syntax.nodes import own_nodes

_PARTS: Final = frozenset(
    {"this", "alias", "with_", "expressions", "from_", "joins", "laterals", "where", "order"}
)
"""Of a SELECT and the brackets around it; others end the walk."""
_VARYING: Final = (exp.CurrentDate, exp.CurrentTimestamp, exp.TableSample)
_DEEPEST: Final = 100


def divisible(analysis: Analysis) -> tuple[TableReference, ...]:
    """Return the tables over whose rows a query distributes, at the places where it names them.

    Example: `SELECT t.i FROM t LEFT JOIN u ON t.i = u.i WHERE t.o` -> `t`

    Args:
        analysis: The query.
    """
    root, tree = analysis.root, analysis.parsed.tree
    if root is None or tree is None or analysis.vague or analysis.unordered:
        return ()
    if any(_may_change(node) for node in tree.walk()):
        return ()
    reference = _followed(analysis, root)
    if reference is None or times_scanned(root, reference) != 1:
        return ()
    return (reference,)


def _may_change(node: exp.Expr) -> bool:
    """Return whether a node may answer differently the second time it is asked."""
    function = called(node)
    return (
        isinstance(node, _VARYING)
        or function.may_vary(len(node.expressions))
        or function.order == "sum"
    )


def _followed(analysis: Analysis, root: Scope) -> TableReference | None:
    """Return the table that is first in FROM, and first in the subqueries that stand there."""
    scope = root
    for _ in range(_DEEPEST):
        if not isinstance(scope.node, exp.Select) or any(_ends(scope, scope is root)):
            return None
        items = read_from(analysis, scope)
        if isinstance(items, Unclear) or not items:
            return None
        if any(i.kind not in KEEPS_LEFT or i.node.args.get("pivots") for i in items):
            return None
        source = items[0].source
        if isinstance(source, TableReference):
            return source
        if not isinstance(source, Scope):
            return None
        scope = source
    return None


def _ends(scope: Scope, outermost: bool) -> Iterator[bool]:
    """Yield whether parts of a SELECT look at several rows, or are not known here."""
    for layer in layers(scope.node):
        yield outermost and layer.args.get("order") is not None
        yield any(value and part not in _PARTS for part, value in layer.args.items())
    for node in own_nodes(scope.node, ["with_", "from_"]):
        yield isinstance(node, exp.Window) or is_aggregate(node)
