"""Judged answers become tokens: the prompt as at inference, the answer to the end of its turn."""

from pathlib import Path
from typing import Any

import pytest
import torch

from storage.errors import StudioError
from tests.fakes.judged_rows import judged, pairs
from tests.fakes.labelled import qwen_template, with_template
from worker.training import pairs as reading
from worker.training import templates
from worker.training.data import Side
from worker.training.pair_batches import Answers, Pairs, WholePairs
from worker.training.pairs import Count, Limits
from worker.training.tokens import Encoder

PROMPT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Does it hurt?"},
    {"role": "assistant", "content": "No."},
    {"role": "user", "content": "Really?"},
]
GOOD = [{"role": "assistant", "content": "Really, it does not."}]
BAD = [{"role": "assistant", "content": "Who knows."}]
TOOLS = [{"type": "function", "function": {"name": "look", "description": "looks"}}]


def row(**changes: Any) -> dict[str, Any]:
    return {"prompt": PROMPT, "chosen": GOOD, "rejected": BAD, "line": 7, **changes}


def encoded(
    tokenizer: Any, rows: list[dict[str, Any]], max_length: int = 999, **limits: bool
) -> Side:
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)
    return reading.encode_pairs(rows, encoder, Limits(max_length, **limits), lambda: None)


def counted(side: Side) -> tuple[int, ...]:
    count = side.count
    assert isinstance(count, Count)
    return count.rows, count.cut, count.dropped, count.same


def split(example: dict[str, Any], side: str) -> tuple[list[int], list[int]]:
    """Return the tokens before the first token of the answer, and those from it on."""
    ids, mask = example[f"{side}_ids"], example[f"{side}_mask"]
    start = mask.index(1)
    assert all(mask[start:]), "nothing follows the end of the answer"
    return ids[:start], ids[start:]


@pytest.mark.parametrize("kind", ["marked", "known to TRL", "plain"])
def test_the_prompt_is_what_the_model_is_asked_with_and_the_answer_ends_its_turn(
    tmp_path: Path, kind: str
) -> None:
    template = {"marked": {}, "known to TRL": {"template": qwen_template()}}
    tokenizer = with_template(tmp_path, **template.get(kind, {"template": None}))
    (example,) = encoded(tokenizer, [row()]).examples
    asked = tokenizer.apply_chat_template(PROMPT, add_generation_prompt=True)["input_ids"]
    if kind == "marked":  # this template opens an answer only together with it
        asked += tokenizer("assistant: ")["input_ids"]
    end = {"marked": "", "known to TRL": "<|im_end|>", "plain": "</s>"}[kind]
    for side, answer in (("chosen", GOOD), ("rejected", BAD)):
        before, answered = split(example, side)
        assert before == asked
        assert tokenizer.decode(answered).strip() == answer[0]["content"] + end


def test_an_answer_of_several_turns_is_learned_without_the_questions_in_it(
    tmp_path: Path,
) -> None:
    more = [*GOOD, {"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "Yes."}]
    tokenizer = with_template(tmp_path)
    (example,) = encoded(tokenizer, [row(chosen=more)]).examples
    pairs_of = zip(example["chosen_ids"], example["chosen_mask"], strict=True)
    learned = tokenizer.decode([token for token, is_answer in pairs_of if is_answer])
    assert learned == "Really, it does not.Yes."


def test_tools_and_typed_control_tokens_are_written_as_in_supervised_training(
    tmp_path: Path,
) -> None:
    tokenizer = with_template(tmp_path, template=None)
    forged = [{"role": "user", "content": "End </s> here"}]
    (example,) = encoded(tokenizer, [row(prompt=forged, tools=TOOLS)]).examples
    before, answered = split(example, "chosen")
    assert tokenizer.eos_token_id not in before
    assert answered[-1] == tokenizer.eos_token_id
    assert "look: looks" in tokenizer.decode(before)
    assert "End </s> here" in tokenizer.decode(before)


def test_what_is_cut_dropped_or_the_same_is_counted(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path)
    short = [{"role": "user", "content": "?"}]
    start = {"role": "assistant", "content": "aaaaaaaaaaaaaaaaaaaaaaaa"}
    rows = [
        row(prompt=short, chosen=[{"role": "assistant", "content": "b" * 90}], rejected=BAD),
        row(prompt=[{"role": "user", "content": "x" * 60}]),
        row(prompt=short, chosen=[start], rejected=[start | {"content": start["content"] + "!"}]),
        row(prompt=short, chosen=BAD, rejected=BAD),
        row(prompt=short),
    ]
    side = encoded(tokenizer, rows, 42)
    assert counted(side) == (5, 3, 1, 2)
    assert [len(ids) for ids in side.examples["chosen_ids"]] == [42, 38]
    assert side.count.learned == sum(map(sum, side.examples["chosen_mask"])) + sum(
        map(sum, side.examples["rejected_mask"])
    )
    assert reading.mean_lengths(side) == {
        "chosen_tokens": (42 - 18 + 20) / 2, "rejected_tokens": 10.0,
    }  # fmt: skip


def test_for_a_judge_long_conversations_are_left_out_and_none_is_cut(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=None)
    side = encoded(
        tokenizer, [row(), row(chosen=[BAD[0] | {"content": "x" * 300}])], 200, whole=True
    )
    assert counted(side) == (2, 0, 1, 0)
    whole = tokenizer.apply_chat_template([*PROMPT, *GOOD])["input_ids"]
    assert side.examples["chosen_ids"][0] == whole, "to the very end, as a judge is asked"


def test_single_answers_keep_their_verdict_and_pairs_are_taken_apart(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path)
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)

    def found(rows: list[dict[str, Any]]) -> reading.JudgedAnswers:
        lined = [one | {"line": 1} for one in rows]
        return reading.encode_judged(lined, encoder, Limits(999), lambda: None)

    assert found(judged(6)).good == [False, True, True, False, True, True]
    apart = found([*pairs(2), row(chosen=BAD, rejected=BAD)])
    assert apart.good == [True, False, True, False]
    assert (apart.count.rows, apart.count.same) == (3, 1)
    texts = [tokenizer.decode(ids) for ids in apart.answers.split()[0]]
    assert texts[0].endswith(pairs(1)[0]["chosen"][0]["content"])
    assert texts[1].endswith(pairs(1)[0]["rejected"][0]["content"])


def test_a_turn_the_template_refuses_is_named_by_its_line(tmp_path: Path) -> None:
    refusing = (
        "{% for message in messages %}{% if message.role == 'system' %}"
        "{{ raise_exception('no system please') }}{% endif %}{{ message.content }}{% endfor %}"
    )
    with pytest.raises(StudioError, match=r"Line 7 does not fit .*no system please"):
        encoded(with_template(tmp_path, template=refusing), [row()])


EXAMPLES = [
    {"chosen_ids": [1, 2, 3], "chosen_mask": [0, 1, 1],
     "rejected_ids": [1, 4], "rejected_mask": [0, 1]},
    {"chosen_ids": [5, 6], "chosen_mask": [0, 1],
     "rejected_ids": [5, 7, 8, 9], "rejected_mask": [0, 1, 0, 1]},
]  # fmt: skip


def test_a_batch_of_pairs_holds_the_better_answers_first_and_is_as_long_as_its_longest() -> None:
    batch = Pairs(padding=0)(EXAMPLES)
    assert batch["input_ids"].tolist() == [[1, 2, 3, 0], [5, 6, 0, 0], [1, 4, 0, 0], [5, 7, 8, 9]]
    assert batch["attention_mask"].sum(dim=1).tolist() == [3, 2, 2, 4]
    assert batch["completion_mask"].tolist() == [
        [0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 1, 0, 1],
    ]  # fmt: skip
    assert set(WholePairs(padding=0)(EXAMPLES)) == {"input_ids", "attention_mask"}
    asked = [one | {"ref_chosen_logps": 0.1, "ref_rejected_logps": 1 / 3} for one in EXAMPLES]
    assert torch.equal(Pairs(0)(asked)["ref_rejected_logps"], torch.full((2,), 1 / 3))


def test_a_batch_of_answers_holds_the_mismatched_ones_beside_them() -> None:
    example = {"answer_ids": [1, 2], "answer_mask": [0, 1], "other_ids": [1, 9, 9],
               "other_mask": [0, 1, 1], "label": True}  # fmt: skip
    batch = Answers(padding=0)([example, {**example, "label": False}])
    assert batch["input_ids"].tolist() == [[1, 2]] * 2
    assert batch["KL_input_ids"].tolist() == [[1, 9, 9]] * 2
    assert batch["KL_completion_mask"].tolist() == [[0, 1, 1]] * 2
    assert batch["label"].tolist() == [True, False]
