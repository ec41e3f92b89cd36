"""What of a row is question, answer and system prompt, for every target."""

import pytest

from worker.datasets.operations import content

ASKED = [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]
YES, NO = ([{"role": "assistant", "content": text}] for text in ("Yes", "No!"))
TOOL = [{"role": "assistant", "content": "look"}, {"role": "tool", "content": "T"}]

ROWS = [
    ({"messages": ASKED + YES}, "Q", ["Yes"], [3], "S"),
    ({"messages": ASKED + TOOL + YES}, "Q\n\nT", ["look\n\nYes"], [7], "S"),
    ({"text": "plain"}, "", ["plain"], [5], ""),
    ({"prompt": ASKED, "chosen": YES, "rejected": NO}, "Q", ["Yes", "No!"], [3, 3], "S"),
    ({"prompt": ASKED[1:], "completion": NO, "label": False}, "Q", ["No!"], [3], ""),
]


@pytest.mark.parametrize(("row", "question", "answers", "lengths", "system"), ROWS)
def test_the_parts_of_a_row(row, question, answers, lengths, system) -> None:
    assert content.question(row) == question
    assert content.answers(row) == answers
    assert content.answer_lengths(row) == lengths
    assert content.system(row) == system
    assert all(part in content.everything(row) for part in [question.split("\n")[0], system])
