"""A read that asks files only for the columns that a query uses gives what all columns give."""

from __future__ import annotations

import pytest
from tests.differential import engines
from tests.differential.comparison import difference
from tests.differential.queries import load

from headwater.errors import HeadwaterError
from headwater.tables.relation import FileRelation

pytestmark = pytest.mark.slow


def test_the_corpus(relations: dict[str, FileRelation], embedded: engines.Embedded) -> None:
    read, wrong = 0, []
    for name in ("corpus.sql", "monitoring.sql"):
        for title, sql in load(name).items():
            if embedded.refuses(sql):
                continue
            try:
                expected = embedded(sql)
            except HeadwaterError:
                continue  # a value raises; other tests see to that
            read += 1
            try:
                found = difference(expected, engines.on_embedded(sql, relations))
            except HeadwaterError as error:
                found = str(error)
            if found:
                wrong.append(f"{title}: {found}")
    assert not wrong, "\n".join(wrong)
    assert read > 100
