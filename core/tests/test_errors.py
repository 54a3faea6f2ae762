import inspect
import pickle

import pytest

from headwater import errors
from headwater.diagnostics import Diagnostic
from headwater.errors import HeadwaterError, QueryError

CLASSES = [
    c
    for _, c in inspect.getmembers(errors, inspect.isclass)
    if issubclass(c, HeadwaterError) and not c.__name__.startswith("_")
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_error_pickles_whole(cls):
    error = cls("it broke", code="own-code", hint="mend it", retryable=True)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert again.to_dict() == error.to_dict()
    assert str(again) == str(error) == "it broke\n  hint: mend it"


def test_the_tree_is_drawn_in_the_docstring():
    for cls in CLASSES:
        assert cls.__name__ in errors.__doc__


def test_a_query_error_shows_all_its_findings():
    error = QueryError("refused", [Diagnostic("a", "first"), Diagnostic("b", "second")])
    assert str(error) == "refused: first (and 1 more)\nerror[a]: first\nerror[b]: second"
    assert pickle.loads(pickle.dumps(error)).diagnostics == error.diagnostics
