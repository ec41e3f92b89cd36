"""Whatever the fields are called and hold, a sample is recognised or asked about."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from storage.mappings import Mapping
from worker.datasets.mapping import preview, recognise
from worker.datasets.names import ANSWER, CONTEXT, QUESTION, SYSTEM, TEXT

NAMES = st.sampled_from(
    [
        *(*QUESTION, *ANSWER, *CONTEXT, *SYSTEM, *TEXT, "messages", "conversations", "chosen"),
        *("rejected", "label", "kto_tag", "Frage", "x", "", "row", "row_idx", "split", "history"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "says"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(VALUES, st.dictionaries(NAMES, VALUES, max_size=5)), max_size=8))
def test_any_rows_are_recognised_or_asked_about(rows: list) -> None:
    found = recognise(rows)
    assert 0 <= found.confidence <= 1
    question = json.loads(json.dumps(found.question()))
    guess = question["guess"]
    if guess:
        shown = preview(rows, Mapping(**guess))
        assert len(shown["rows"]) == len(rows)
