"""What of a row of each shape is its answer, its parts, and everything it says."""

from typing import Any

from worker.datasets.care import content
from worker.datasets.care.shingles import SEPARATOR

CALL = {"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"who":"Ann"}'}}
CHAT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who?"},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "Ann Lee", "tool_call_id": "1"},
        {"role": "assistant", "content": "Ann."},
    ]
}
PAIR: dict[str, Any] = {
    "prompt": [{"role": "user", "content": "Q"}],
    "chosen": [{"role": "assistant", "content": "good"}],
    "rejected": [{"role": "assistant", "content": "bad"}],
}
LABELLED: dict[str, Any] = {
    "prompt": [{"role": "user", "content": "Q"}],
    "completion": [{"role": "assistant", "content": "A"}],
    "label": True,
}


def test_the_answer() -> None:
    assert content.answer({"text": "T"}) == "T"
    assert content.answer(CHAT).endswith("\nAnn.")
    assert content.answer(PAIR) == "good"
    assert content.answer(LABELLED) == "A"


def test_everything_includes_the_system_prompt_the_tools_and_the_rejected_answer() -> None:
    said = content.everything(CHAT | {"tools": [{"name": "find"}]})
    assert all(piece in said for piece in ("Be brief.", "Who?", "who", "Ann Lee", '"find"'))
    assert content.everything(PAIR) == "Q\n\ngood\n\nbad"


def test_parts_leave_out_what_all_rows_share_and_tell_labels_apart() -> None:
    assert "Be brief" not in content.parts(CHAT)
    assert content.parts(CHAT).split(SEPARATOR)[0] == "Who?\nAnn Lee"
    assert content.parts(PAIR).split(SEPARATOR) == ["Q", "good", "bad"]
    assert content.parts(LABELLED) != content.parts(LABELLED | {"label": False})
    assert content.whole(PAIR) == "Q\ngood\nbad"


def test_an_answer_that_calls_a_tool_is_not_empty() -> None:
    assert not content.is_empty(CHAT)
    silent = {"messages": [*CHAT["messages"][:2], {"role": "assistant", "content": " \n"}]}
    assert content.is_empty(silent)
    assert content.is_empty({"text": "\n"})
    assert not content.is_empty(PAIR)
    blank = [{"role": "assistant", "content": ""}]
    assert content.is_empty(PAIR | {"chosen": blank})
    assert content.is_empty(LABELLED | {"completion": blank})
