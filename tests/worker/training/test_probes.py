"""Questions that a run answers while it learns: seen by people, and without a trace in the run."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage import artifacts, attempts, events, probes
from storage.runs import Run
from storage.status import RunStatus
from tests.fakes.tiny_models import save_model, save_tokenizer
from tests.fakes.training_home import TrainingHome, conversations
from tests.worker.training.matrix import FAMILIES, rows_for
from worker.training import voice
from worker.training.course import Course

ASKED = ("What about 3?", "And what, then, about number 11, really?", "Pills")

NewHome = Callable[[], TrainingHome]

TRACELESS: dict[str, tuple[str, dict[str, Any]]] = {
    "packed rows, the fast way, dropout": (
        "Supervised",
        {"packing": True, "dropout": 0.1, "precision": "bfloat16"},
    ),
    "the whole model, notes recomputed": (
        "Supervised",
        {"adapter": "full", "gradient_checkpointing": True},
    ),
    "texts, four bits": ("Pretraining", {"quantization": "nf4", "dropout": 0.1}),
    "a teacher, answers drawn by lot": ("Distillation", {"answer_tokens": 4}),
}


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let answers be short where their length shows nothing: untrained models write to the end."""
    monkeypatch.setattr(voice, "TOKENS", 12)


def trained(home: TrainingHome, model: Path, rows: str, **changes: Any) -> Run:
    settings = {"max_steps": 4, "eval_share": 0.25, "eval_every": 2, "max_length": 80, **changes}
    if rows == "Distillation":
        settings["teacher_model_id"] = home.base_model(model)
    methods = {"Pretraining": "pretrain", "Distillation": "distill"}
    data = home.dataset(rows_for(rows))
    home.queue(data, home.base_model(model), method=methods.get(rows, "sft"), **settings)
    run, outcome = home.train()
    assert outcome.status is RunStatus.FINISHED
    return run


def weights(home: TrainingHome, run_id: str) -> str:
    (found,) = home.adapter_folder(run_id).glob("*model.safetensors")
    return artifacts.sha256(found)


def answers(home: TrainingHome, run_id: str) -> dict[tuple[int, int], str]:
    found = probes.of(home.database, run_id)
    return {(answer.step, answer.prompt): answer.answer for answer in found}


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("case", TRACELESS)
def test_what_is_learned_is_the_same_bit_for_bit_whether_it_is_asked_or_not(
    case: str, new_home: NewHome, llama: Path
) -> None:
    rows, settings = TRACELESS[case]
    found = []
    for asked in ((), ASKED):
        home = new_home()
        run = trained(home, llama, rows, probe_prompts=asked, **settings)
        there = answers(home, run.id)
        assert {step for step, _ in there} == ({0, 2, 4} if asked else set())
        assert len(there) == 3 * len(asked)
        found.append(
            (weights(home, run.id), home.curve(run.id, "loss"), home.curve(run.id, "eval_loss"))
        )
    assert found[0] == found[1]


def by_the_library(folder: Path, prompt: str) -> str:
    """Return the plain library's greedy answer of a model to one question alone."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    turns = [{"role": "user", "content": prompt}]
    given = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")
    with torch.no_grad():
        out = model.generate(
            **given, max_new_tokens=128, do_sample=False, pad_token_id=tokenizer.eos_token_id
        )
    length = given["input_ids"].shape[1]
    written = out[0, length:]
    text = tokenizer.decode(written, skip_special_tokens=True).strip()
    return text if written[-1] == tokenizer.eos_token_id else f"{text} …"


def test_the_first_column_is_what_the_original_model_says(home: TrainingHome, llama: Path) -> None:
    run = trained(home, llama, "Supervised", probe_prompts=ASKED, packing=True)
    assert "row by row" in str((run.facts or {})["attention"])
    there = answers(home, run.id)
    assert [there[0, n] for n in range(3)] == [by_the_library(llama, text) for text in ASKED]
    assert any(there[0, n] != there[4, n] for n in range(3)), "it was not seen learning"


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("family", ["Gemma 3", "Mixtral"])
def test_it_answers_in_every_kind_of_model(family: str, home: TrainingHome, tmp_path: Path) -> None:
    save_tokenizer(tmp_path / "model")
    save_model(tmp_path / "model", FAMILIES[family]())
    run = trained(home, tmp_path / "model", "Supervised", probe_prompts=ASKED, max_steps=2)
    assert {step for step, _ in answers(home, run.id)} == {0, 2}
    assert not events.of(home.database, run.id)


@pytest.mark.usefixtures("brief")
def test_a_run_without_an_exam_is_asked_where_it_is_saved(home: TrainingHome, llama: Path) -> None:
    changes = {"eval_share": 0.0, "eval_every": None, "save_every": 3}
    run = trained(home, llama, "Supervised", probe_prompts=ASKED[:1], **changes)
    assert sorted(answers(home, run.id)) == [(0, 0), (3, 0), (4, 0)]


@pytest.mark.usefixtures("brief")
def test_a_question_too_long_for_the_model_is_left_out(home: TrainingHome, llama: Path) -> None:
    asked = ("Why? " * 60, "What about 3?")
    run = trained(home, llama, "Supervised", probe_prompts=asked, max_steps=1)
    assert {prompt for _, prompt in answers(home, run.id)} == {1}


def test_where_it_cannot_answer_the_asking_ends_and_not_the_run(
    home: TrainingHome, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks_memory(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("transformers.LlamaForCausalLM.generate", lacks_memory)
    run = trained(home, llama, "Supervised", probe_prompts=ASKED)
    assert answers(home, run.id) == {}
    (told,) = events.of(home.database, run.id)
    assert told.kind == "no_probe_answers"
    assert "CUDA out of memory." in told.words


@pytest.mark.usefixtures("brief")
def test_interrupted_and_resumed_it_has_each_answer_once_and_counts_on(
    new_home: NewHome, llama: Path
) -> None:
    long = {"max_steps": 12, "eval_every": 3, "probe_prompts": ASKED[:2]}
    ended = []
    for is_interrupted in (False, True):
        home = new_home()
        home.queue(home.dataset(conversations(20)), home.base_model(llama), **long)
        if is_interrupted:
            interrupt(home)
        run, _ = home.train()
        seconds = list(home.curve(run.id, "seconds").values())
        assert seconds == sorted(seconds, key=float)
        ended.append((answers(home, run.id), home.curve(run.id, "tokens")))
    assert sorted({step for step, _ in ended[0][0]}) == [0, 3, 6, 9, 12]
    assert list(ended[0][1]) == list(range(1, 13))
    assert ended[1] == ended[0]


def interrupt(home: TrainingHome) -> None:
    """Train the next run until somewhere in its middle; it has answered more than it has saved."""
    run = home.claim()
    begin = Course.on_step_begin

    def shut_down(course: Course, args: Any, state: Any, control: Any, **told: Any) -> None:
        if state.global_step == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        begin(course, args, state, control, **told)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Course, "on_step_begin", shut_down)
        assert home.train_claimed(run).status is RunStatus.QUEUED
    assert home.run(run.id).checkpoint_step == 5
    probes.keep(home.database, run.id, run.attempt, 11, {0: "Of a step that is taken again."})
    attempts.release(home.database, run.id, run.attempt)
