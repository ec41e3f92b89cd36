"""Which chat format a run is written in, and that our own ones mark the answers exactly."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from storage.errors import StudioError
from tests.fakes.labelled import by_hand, with_template
from tests.fakes.tiny_models import TEMPLATE
from tests.fakes.training_home import TrainingHome, conversations
from worker.training import formats, templates
from worker.training.formats import BY_NAME, FORMATS
from worker.training.template_trial import BadTemplate
from worker.training.templates import Marking
from worker.training.tokens import Encoder, Tokens

TURNS = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hurts?"},
    {"role": "assistant", "content": "No."},
    {"role": "user", "content": "Sure?"},
    {"role": "assistant", "content": "Yes."},
]
SAID = ["Be kind.", "Hurts?", "No.", "Sure?", "Yes."]
KNOWN = {
    "plain": ["### System:\n{}\n\n### User:\n{}\n\n### Assistant:\n", "{}</s>",
              "\n\n### User:\n{}\n\n### Assistant:\n", "{}</s>", "\n\n"],
    "chatml": ["<|im_start|>system\n{}<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n"
               "<|im_start|>assistant\n", "{}<|im_end|></s>",
               "\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n", "{}<|im_end|></s>",
               "\n"],
    "llama3": ["<|start_header_id|>system<|end_header_id|>\n\n{}<|eot_id|>"
               "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
               "<|start_header_id|>assistant<|end_header_id|>\n\n", "{}<|eot_id|></s>",
               "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
               "<|start_header_id|>assistant<|end_header_id|>\n\n", "{}<|eot_id|></s>", ""],
    "mistral": ["[INST] {}\n\n{}[/INST]", " {}</s>", "[INST] {}[/INST]", " {}</s>", ""],
    "gemma": ["<start_of_turn>user\n{}\n\n{}<end_of_turn>\n<start_of_turn>model\n",
              "{}<end_of_turn></s>",
              "\n<start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n",
              "{}<end_of_turn></s>", "\n"],
    "phi3": ["<|system|>\n{}<|end|>\n<|user|>\n{}<|end|>\n<|assistant|>\n", "{}<|end|></s>",
             "\n<|user|>\n{}<|end|>\n<|assistant|>\n", "{}<|end|></s>", "\n"],
    "zephyr": ["<|system|>\n{}</s>\n<|user|>\n{}</s>\n<|assistant|>\n", "{}</s>",
               "\n<|user|>\n{}</s>\n<|assistant|>\n", "{}</s>", "\n"],
}  # fmt: skip
"""Each format by hand: given, written, given, written, given."""


def pieces(name: str) -> list[tuple[str, bool]]:
    said = iter(SAID)
    parts = [part.format(*(next(said) for _ in range(part.count("{}")))) for part in KNOWN[name]]
    return [(part, n % 2 == 1) for n, part in enumerate(parts)]


def written(tokenizer: Any, name: str) -> Tokens:
    encoder = Encoder(tokenizer, templates.choose(tokenizer, name), response_only=True)
    return next(iter(encoder.encode([{"messages": TURNS, "line": 1}])))


@pytest.mark.parametrize("name", KNOWN)
def test_a_format_of_ours_is_the_documented_one_and_marks_the_answers(
    name: str, tmp_path: Path
) -> None:
    tokenizer = with_template(tmp_path, template=None)
    tokenizer.add_special_tokens({"additional_special_tokens": list(BY_NAME[name].marks)})
    assert written(tokenizer, name) == by_hand(tokenizer, pieces(name))


def test_another_format_than_the_model_s_own_is_allowed_and_told(tmp_path: Path) -> None:
    told = templates.choose(with_template(tmp_path), "zephyr").told
    assert told == ("The model has a chat format of its own; this run uses another.",)


def test_every_format_is_tested_and_offered() -> None:
    offered = templates.RunSpec.model_fields["chat_template"].annotation.__args__  # type: ignore[union-attr]
    assert set(KNOWN) == set(BY_NAME) == set(offered) - {"model", "custom"}


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_asking_for_an_answer_is_how_an_answer_begins(known: Any, tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=None)
    templates.choose(tokenizer, known.name)
    asked = tokenizer.apply_chat_template(TURNS[:2], tokenize=False, add_generation_prompt=True)
    assert tokenizer.apply_chat_template(TURNS, tokenize=False).startswith(asked)


def test_tokens_that_the_model_lacks_are_told_and_the_answer_ends_all_the_same(
    tmp_path: Path,
) -> None:
    tokenizer = with_template(tmp_path, template=None)
    chosen = templates.choose(tokenizer, "chatml")
    assert "no token for <|im_start|>, <|im_end|>" in chosen.told[0]
    assert chosen.marking is Marking.TEMPLATE
    tokens = written(tokenizer, "chatml")
    parts = [
        (text.replace("<|im_end|></s>", "</s>"), learned) for text, learned in pieces("chatml")
    ]
    assert tokens == by_hand(tokenizer, parts)
    assert tokens.labels.count(tokenizer.eos_token_id) == 2


def test_a_format_whose_end_is_the_model_s_own_ends_once(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path, template=None)
    tokenizer.add_special_tokens({"eos_token": "<|im_end|>"})
    assert formats.written_for(BY_NAME["chatml"], tokenizer).startswith(
        '{%- set end_of_answer = "<|im_end|>" %}'
    )


def test_the_model_s_own_is_taken_where_nothing_else_is_wanted(tmp_path: Path) -> None:
    chosen = templates.choose(with_template(tmp_path))
    assert (chosen.source, chosen.words, chosen.told) == (TEMPLATE, "the model's own", ())


def test_a_format_of_the_person_s_own_is_tried_and_taken(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path)
    own = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    chosen = templates.choose(tokenizer, "custom", own)
    assert (chosen.words, tokenizer.chat_template) == ("written by hand", own)
    with pytest.raises(BadTemplate, match="Line 2"):
        templates.choose(tokenizer, "custom", "{{ messages }}\n{% endfor %}")
    with pytest.raises(StudioError, match="No chat format was written"):
        templates.choose(tokenizer, "custom")


def test_the_chosen_format_is_saved_with_checkpoints_and_adapter(
    home: TrainingHome, llama: Path
) -> None:
    settings = {"chat_template": "zephyr", "max_steps": 2, "eval_share": 0.0}
    home.queue(home.dataset(conversations(4)), home.base_model(llama), **settings)
    run, _ = home.train()
    assert run.facts["template"] == "zephyr"
    assert run.facts["template_told"] == [
        "The model has a chat format of its own; this run uses another."
    ]
    tokenizer = AutoTokenizer.from_pretrained(home.adapter_folder(run.id))
    assert "<|assistant|>" in tokenizer.chat_template
    kept = home.checkpoints(run.id)[0].folder / "chat_template.jinja"
    assert kept.read_text("utf-8") == tokenizer.chat_template


def test_a_format_that_cannot_be_used_stops_the_run_before_it_begins(
    home: TrainingHome, llama: Path
) -> None:
    settings = {"chat_template": "custom", "custom_template": "{{ messages }\n{{ nothing }}"}
    home.queue(home.dataset(conversations(4)), home.base_model(llama), **settings)
    with pytest.raises(BadTemplate, match="Line 1 of the chat format"):
        home.train()
