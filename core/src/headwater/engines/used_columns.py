"""Which columns of its tables a query uses: what the others hold must not matter to it.

A column is used where its value is: a name in the text is bound to it, and it reaches an output, or
a condition, an order, a group. What a star gives out of a subquery is used if the query around it
uses it. Where that can't be told, it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from headwater.sql.analysis import (
    Analysis,
    Binding,
    Generated,
    Output,
    Scope,
    Source,
    TableReference,
)
from headwater.sql.binding.from_clause import scopes_within
from headwater.sql.functions import called
from headwater.tables.table import Column, TableName


@dataclass(frozen=True, slots=True)
class Used:
    """Columns of a table, by their casefolded names.

    Args:
        named: Those that the query names or gives out somewhere, also where nobody takes them: an
            engine has to know them.
        needed: Those of them whose values the query uses, and perhaps others. What the rest holds
            stops nothing.
        tested: Those that may decide which rows there are, and perhaps others. The rest is only
            given out, each value as it is.
        compared: Those that conditions look at, and perhaps others: where a file tells what it
            holds of them, a part of it may be passed over.
    """

    named: frozenset[str]
    needed: frozenset[str]
    tested: frozenset[str]
    compared: frozenset[str]

    @classmethod
    def all_of(cls, columns: Iterable[Column]) -> Used:
        """Return all columns, each of them needed."""
        names = frozenset(c.name.casefold() for c in columns)
        return cls(names, names, names, names)


def used_columns(analysis: Analysis, table: TableName) -> Used:
    """Return which of a table's columns a query uses.

    Names that are bound nowhere (USING) count whatever they mean, and all columns where a NATURAL
    JOIN or a star within a value names none.
    """
    tree, root = analysis.parsed.tree, analysis.root
    if tree is None or root is None or any(map(_is_tacit, tree.find_all(exp.Join, exp.Star))):
        described = analysis.tables.get(table)
        return Used.all_of(described.columns if described else ())
    uses = _Uses(analysis, table)
    uses.of_query(tree, root)
    needed = frozenset(uses.names)
    uses.given_out()
    named = frozenset(uses.names)
    by_row = _is_row_by_row(tree)
    tested = named & _tested(tree) if by_row else named
    return Used(named, needed, tested, named & _compared(tree) if by_row else named)


def given_out(analysis: Analysis, table: TableName) -> dict[int, str]:
    """Return which outputs of a query are columns of a table, each value as it is.

    None are where it joins or generates rows: they would be the table's in another order, or
    several times.

    Example: `SELECT t.a, t.b AS c, t.d + 1 AS e FROM t WHERE t.a > 0` -> `{0: "a", 1: "b"}`

    Args:
        analysis: The query, whose rows are the table's, of which some may be left out.
        table: The table; it is named once.

    Returns:
        Casefolded names of the columns, by the output's 0-based place.
    """
    tree = analysis.parsed.tree
    if tree is None or any(map(_multiplies, tree.walk())):
        return {}
    outputs = analysis.root.outputs if analysis.root else ()
    columns = {place: _column_of(output, table) for place, output in enumerate(outputs)}
    return {place: column for place, column in columns.items() if column is not None}


def _multiplies(node: exp.Expr) -> bool:
    return isinstance(node, exp.Join | exp.Lateral) or called(node).kind == "generator"


def _column_of(output: Output, table: TableName) -> str | None:
    """Return the column of a table that an output is, through subqueries that hand it on."""
    found = [output]
    while len(found) == 1 and (binding := found[0].origin) is not None and not binding.fields:
        source, folded = binding.scope.sources.get(binding.source), binding.column.casefold()
        if isinstance(source, TableReference):
            return folded if source.name == table else None
        if not isinstance(source, Scope) or not isinstance(source.node, exp.Select):
            return None
        found = [o for o in source.outputs if o.name.casefold() == folded]
    return None


class _Uses:
    """What was found so far.

    Args:
        analysis: The query.
        table: Whose columns are asked for.
    """

    def __init__(self, analysis: Analysis, table: TableName) -> None:
        self.names: set[str] = set()
        self._analysis = analysis
        self._table = table
        self._visited: set[int] = set()
        self._scopes: Sequence[Scope] = ()

    def of_query(self, tree: exp.Expr, root: Scope) -> None:
        """Find what a whole query uses."""
        scopes = self._scopes = list(scopes_within(root))
        # PIVOT, scopes that may give other columns, and renamed ones: names are looked at alone.
        vague = (
            any(map(self._analysis.is_vague, scopes))
            or tree.find(exp.Pivot) is not None
            or any(alias.args.get("columns") for alias in tree.find_all(exp.TableAlias))
        )
        for node in tree.find_all(exp.Identifier):
            column = node.parent
            if isinstance(column, exp.Column) and column.arg_key == "except_" and not column.table:
                continue  # left out of a star, whole
            if isinstance(column, exp.Column):
                binding = self._analysis.binding_of(column)
                alias = self._analysis.alias_of(column)
                if binding is not None:
                    self._follow(binding)
                if alias is not None:
                    self._give_out(alias)
                if vague or (binding is None and alias is None):
                    self._named(node.name)
            elif vague or not isinstance(column, exp.Alias | exp.TableAlias | exp.Table):
                self._named(node.name)
        whole = [root, *(part for s in scopes for part in (*s.branches, *s.subqueries))]
        whole += [s for s in scopes if vague or not _is_plain(s)]
        for scope in whole:
            for output in scope.outputs:
                self._give_out(output)
        for scope in scopes:
            for source in scope.sources.values():
                if isinstance(source, Generated):
                    self._take_all(source)

    def given_out(self) -> None:
        """Add what is given out anywhere, whether it is taken or not."""
        for scope in self._scopes:
            for output in scope.outputs:
                self._give_out(output)

    def _named(self, name: str) -> None:
        """Take a name for any column that is called so."""
        folded = name.casefold()
        self.names.add(folded)
        for scope in self._scopes:
            for output in scope.outputs:
                if output.name.casefold() == folded:
                    self._give_out(output)

    def _follow(self, binding: Binding) -> None:
        source = binding.scope.sources.get(binding.source)
        if isinstance(source, TableReference):
            if source.name == self._table:
                self.names.add(binding.column.casefold())
        elif isinstance(source, Scope):
            folded = binding.column.casefold()
            for output in source.outputs:
                if output.name.casefold() == folded:
                    self._give_out(output)
        elif source is None:
            self.names.add(binding.column.casefold())

    def _give_out(self, output: Output) -> None:
        if id(output) in self._visited:
            return
        self._visited.add(id(output))
        if output.origin is not None:
            self._follow(output.origin)
        elif output.node is None:
            self._named(output.name)

    def _take_all(self, source: Source) -> None:
        if isinstance(source, Scope):
            for output in source.outputs:
                self._give_out(output)
        elif isinstance(source, TableReference) and source.name == self._table:
            described = self._analysis.tables.get(source.name)
            self.names |= {c.name.casefold() for c in (described.columns if described else ())}
        elif isinstance(source, Generated):
            for part in source.inputs.values():
                self._take_all(part)


def _is_plain(scope: Scope) -> bool:
    """Return whether a scope's rows are the same whichever of its outputs are asked for."""
    node = scope.node
    return isinstance(node, exp.Select) and not {k for k, v in node.args.items() if v} - _PLAIN


_ROW_BY_ROW: Final = frozenset({"with_", "expressions", "from_", "joins", "where", "laterals"})
_PLAIN: Final = _ROW_BY_ROW | {"limit"}


def _is_row_by_row(tree: exp.Expr) -> bool:
    """Return whether only conditions decide which rows there are, and name what they look at.

    An order of columns that are counted, sets, groups, values of a subquery: all look at columns
    that they do not name.
    """
    if tree.find(exp.SetOperation, exp.Pivot) is not None:
        return False
    if any(alias.args.get("columns") for alias in tree.find_all(exp.TableAlias)):
        return False
    return all(
        not {k for k, v in select.args.items() if v} - _ROW_BY_ROW and _is_of_from(select)
        for select in tree.find_all(exp.Select)
    )


def _is_of_from(select: exp.Select) -> bool:
    """Return whether a SELECT is the query, or gives rows to FROM, and no value or set of them."""
    above = select.parent
    while isinstance(above, exp.Subquery) and not above.args.get("pivots"):
        above = above.parent
    return above is None or isinstance(above, exp.From | exp.Join | exp.CTE | exp.With)


def _tested(tree: exp.Expr) -> frozenset[str]:
    """Return the names in a query's text, but of outputs that are columns and of these."""
    found: set[str] = set()
    given: set[tuple[str, str]] = set()
    for node in tree.find_all(exp.Identifier):
        column = node.parent
        if isinstance(column, exp.Alias) and node.arg_key == "alias":
            continue
        output = column
        if isinstance(column, exp.Column) and isinstance(column.parent, exp.Alias):
            output = column.parent
        if isinstance(column, exp.Column) and output and isinstance(output.parent, exp.Select):
            # A part before the name may be the column, of which a field is given out.
            given.add((output.alias_or_name.casefold(), node.name.casefold()))
        else:
            found.add(node.name.casefold())
    return _with_outputs(found, given)


def _compared(tree: exp.Expr) -> frozenset[str]:
    """Return the names in a query's conditions, and in the outputs that these look at."""
    names: set[str] = set()
    outputs: set[tuple[str, str]] = set()
    for node in tree.find_all(exp.Identifier):
        if isinstance(node.parent, exp.Table | exp.TableAlias):
            continue
        part: exp.Expr = node
        while part.parent is not None and not isinstance(part.parent, exp.Select):
            part = part.parent
        if part.arg_key == "expressions":
            outputs.add((part.alias_or_name.casefold(), node.name.casefold()))
        else:
            names.add(node.name.casefold())
    return _with_outputs(names, outputs)


def _with_outputs(names: set[str], outputs: set[tuple[str, str]]) -> frozenset[str]:
    """Return names, and those in the outputs that are called so: pairs of an output and a name."""
    while more := {name for output, name in outputs if output in names} - names:
        names |= more
    return frozenset(names)


def _is_tacit(node: exp.Expr) -> bool:
    """Whether columns are used that are neither named nor given out."""
    if isinstance(node, exp.Join):
        return bool(node.args.get("method") == "NATURAL")
    above = node.parent
    if isinstance(above, exp.Anonymous) and above.name.lower() == "count":
        return False
    return not isinstance(above.parent if isinstance(above, exp.Column) else above, exp.Select)
