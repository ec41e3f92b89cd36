"""The number of a row's content does not hang on how its line is written."""

import json

import pytest

from worker.datasets.judge import Reader
from worker.datasets.layouts import layout_of
from worker.datasets.quick import Quick
from worker.datasets.shapes import SHAPES
from worker.datasets.tally import Tally

SAID = "Caf\u00e9 / \\ <b>\n"
USER = '{"role":"user","content":"Hi"}'
ANSWER = '{"role":"assistant","content":§}'
FORMS = {
    "the shortest": f'{{"messages":[{USER},{ANSWER}]}}',
    "a blank": f'{{"messages": [{USER},{ANSWER}]}}',
    "a blank behind": f'{{"messages":[{USER},{ANSWER}]}} ',
    "another order": f'{{"messages":[{USER},{{"content":§,"role":"assistant"}}]}}',
    "a field more": f'{{"id":7,"messages":[{USER},{ANSWER}]}}',
    "its side": f'{{"messages":[{USER},{ANSWER}],"split":"test"}}',
}
SPELLED = ['"Caf\u00e9 / \\\\ <b>\\n"', '"Caf\\u00e9 / \\\\ <b>\\n"', '"Caf\u00e9 \\/ \\\\ <b>\\n"']


@pytest.mark.parametrize("spelled", SPELLED)
@pytest.mark.parametrize("form", list(FORMS))
def test_the_same_content_has_one_number_however_its_line_is_written(
    form: str, spelled: str
) -> None:
    assert json.loads(spelled) == SAID
    line = FORMS[form].replace("§", spelled).encode()
    layout = layout_of("messages", SHAPES["messages"], ["messages", "id", "split"], chosen=False)
    assert layout
    quick = Quick(layout, "messages", SHAPES["messages"].target)
    key, same = quick.take([line, line], range(1, 3), Tally()).keys
    careful = Reader("messages").judge(FORMS["a blank"].replace("§", SPELLED[1]).encode())
    assert key == same == careful.counts.key
