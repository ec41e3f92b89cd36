"""Learning from a larger model: a small one answers, and comes closer to what the large one says.

The teacher is a real model that has learned a handful of answers by heart.
"""

import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationMixin, LlamaConfig

from storage import attempts, runs
from storage.errors import NotFound, StudioError
from storage.runs import Run
from storage.status import RunStatus
from tests.fakes.learned_models import learned
from tests.fakes.tiny_models import save_model, save_tokenizer
from tests.fakes.training_home import Rows, TrainingHome
from tests.worker.training.conftest import SHAPES
from worker.chat import renderer
from worker.models.importing import fingerprint
from worker.training import templates
from worker.training.course import Course
from worker.training.distilling import Readings
from worker.training.job import opened
from worker.training.questions import Asker

SAID = [("a?", "No."), ("bb?", "Yes."), ("ccc?", "No."), ("d?", "Yes."), ("ee?", "Maybe.")]

TAUGHT: dict[str, Any] = {
    "method": "distill",
    "answer_tokens": 10,
    "divergence": 0.0,
    "eval_share": 0.0,
    "learning_rate": 2e-2,
    "rank": 8,
    "alpha": 16,
}


def row(question: str, answer: str, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns, "line": 1, **more}


ROWS: Rows = [row(*said) for said in SAID]


def tokens(folder: Path, text: str) -> list[int]:
    found: list[int] = AutoTokenizer.from_pretrained(folder)(text)["input_ids"]
    return found


@pytest.fixture(scope="session")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that knows the answers by heart.

    Its head is filled up to 304 tokens, as those of larger models of a family often are.
    """
    folder = tmp_path_factory.mktemp("models") / "tiny-teacher"
    return learned(folder, dict(SAID), vocabulary=304, width=48)


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a smaller model, which answers every question with "Yes."."""
    folder = tmp_path_factory.mktemp("models") / "tiny-student"
    said = {question: "Yes." for question, _ in SAID}
    return learned(folder, said)


def queued(
    home: TrainingHome, student: Path, teacher: Path, rows: Rows = ROWS, **changes: Any
) -> Run:
    data, base, larger = home.dataset(rows), home.base_model(student), home.base_model(teacher)
    return home.queue(data, base, **{**TAUGHT, "teacher_model_id": larger, **changes})


def trained(
    home: TrainingHome, student: Path, teacher: Path, rows: Rows = ROWS, **changes: Any
) -> Run:
    queued(home, student, teacher, rows, **changes)
    run, outcome = home.train()
    assert outcome.status is RunStatus.FINISHED
    return run


def foretold(model: Any, line: list[int], answer: int, temperature: float = 1.0) -> torch.Tensor:
    """The log-probabilities of the last `answer` tokens' places, over the tokenizer's tokens."""
    with torch.no_grad():
        scores = model(input_ids=torch.tensor([line])).logits[0, -answer - 1 : -1, :300]
    return torch.log_softmax(scores.double() / temperature, dim=-1)


def generalised(student: torch.Tensor, teacher: torch.Tensor, beta: float) -> torch.Tensor:
    """The divergence of arXiv 2306.13649, equations 1 and 2, from log-probabilities; in nats."""
    p, q = teacher.exp(), student.exp()  # P is the teacher, Q the student
    if beta in (0, 1):
        near, far = (p, q) if beta == 0 else (q, p)
        return (near * (near / far).log()).sum(-1)
    mixed = beta * p + (1 - beta) * q
    return beta * (p * (p / mixed).log()).sum(-1) + (1 - beta) * (q * (q / mixed).log()).sum(-1)


def first_answers(home: TrainingHome, run: Run) -> list[tuple[list[int], int]]:
    """What the model read and wrote in the first step: each row's tokens, and how many it wrote."""
    kept = json.loads((home.files.run(run.id) / "first_batch.json").read_text())
    lines = []
    for example in kept["examples"]:
        ids = [token["id"] for token in example["tokens"]]
        lines.append((ids, sum(token["learned"] for token in example["tokens"])))
    return lines


def test_the_student_comes_closer_to_its_teacher(
    home: TrainingHome, student: Path, teacher: Path
) -> None:
    rows = [*ROWS, *(said | {"split": "test"} for said in ROWS)]
    run = trained(home, student, teacher, rows, max_steps=24, batch_size=10, eval_every=8)
    exams = home.curve(run.id, "eval_loss")
    assert list(exams) == [8, 16, 24]
    larger, small = (AutoModelForCausalLM.from_pretrained(each) for each in (teacher, student))
    before = examined(small, larger, student, 0.0)
    small = PeftModel.from_pretrained(small, home.adapter_folder(run.id))
    after = examined(small, larger, student, 0.0)
    assert after < 0.7 * before
    best = min(value for value in exams.values() if value is not None)
    assert after == pytest.approx(best, rel=1e-4), "the adapter is that of the best exam"
    assert {"answer_length", "answer_entropy", "answers_cut_off"} <= {
        point.name for point in home.points(run.id)
    }


@pytest.mark.parametrize(("beta", "temperature"), [(0.0, 1.0), (0.3, 0.7), (1.0, 1.0)])
def test_the_loss_is_the_divergence_of_the_paper(
    home: TrainingHome, student: Path, teacher: Path, beta: float, temperature: float
) -> None:
    rows = [*ROWS, *(said | {"split": "test"} for said in ROWS[3:])]
    run = trained(
        home, student, teacher, rows, max_steps=1, accumulation=2, learning_rate=1e-9,
        divergence=beta, answer_temperature=temperature, save_every=1,
    )  # fmt: skip
    larger, small = (AutoModelForCausalLM.from_pretrained(each) for each in (teacher, student))
    answers = first_answers(home, run)
    assert len(answers) == 4
    assert len({len(line) for line, _ in answers}) > 1, "some were padded"
    each = [
        generalised(
            foretold(small, *answer, temperature), foretold(larger, *answer, temperature), beta
        )
        for answer in answers
    ]
    loss = home.curve(run.id, "loss")[1]
    assert loss == pytest.approx(torch.cat(each).mean().item(), rel=1e-4)
    exam = examined(small, larger, student, beta, SAID[3:], temperature)
    assert home.curve(run.id, "eval_loss")[1] == pytest.approx(exam, rel=1e-4)


def examined(
    small: Any, larger: Any, folder: Path, beta: float, said: Any = SAID, temperature: float = 1.0
) -> float:
    """The mean over the rows of how far the models are apart at the data's own answers."""
    found = []
    for question, answer in said:
        line = tokens(folder, f"user: {question}assistant: {answer}</s>")
        place = (line, len(tokens(folder, answer)) + 1, temperature)
        apart = generalised(foretold(small, *place), foretold(larger, *place), beta)
        found.append(float(apart.mean()))
    return sum(found) / len(found)


def test_a_run_that_broke_off_ends_bit_for_bit_the_same(
    new_home: Callable[[], TrainingHome],
    student: Path,
    teacher: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings: dict[str, Any] = {
        "max_steps": 5, "accumulation": 2, "dropout": 0.2, "save_every": 1, "eval_share": 0.4,
        "eval_every": 2, "early_stopping": 0,
    }  # fmt: skip
    whole, broken = new_home(), new_home()
    expected = trained(whole, student, teacher, **settings)
    run = queued(broken, student, teacher, **settings)
    with monkeypatch.context() as breaking:
        breaking.setattr(Course, "on_step_begin", break_at(3))
        with pytest.raises(KeyboardInterrupt):
            broken.train()
    attempts.put_back(broken.database, run.id, 1, "broke off")
    broken.train()
    resumed = [attempt["resumed_step"] for attempt in runs.attempts(broken.database, run.id)]
    assert resumed == [0, 3], "in the second reading of three rows, two at a time"
    for curve in ("loss", "eval_loss", "answer_length"):
        assert broken.curve(run.id, curve) == whole.curve(expected.id, curve)
    one, other = (
        load_file(home.adapter_folder(each.id) / "adapter_model.safetensors")
        for home, each in ((whole, expected), (broken, run))
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def break_at(step: int) -> Callable[..., None]:
    """A callback that ends the process's work before the step after that one."""

    def on_step_begin(_course: Any, _args: Any, state: Any, *_: Any, **__: Any) -> None:
        if state.global_step == step:
            raise KeyboardInterrupt

    return on_step_begin


def test_questions_are_asked_as_in_the_chat_and_control_tokens_stay_characters(
    student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = AutoTokenizer.from_pretrained(student)
    asker = Asker(tokenizer, templates.choose(tokenizer))
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Does </s> end it?"},
        {"role": "assistant", "content": "No."},
        {"role": "user", "content": "Why?"},
    ]
    answered = {"line": 1, "messages": [*turns, {"role": "assistant", "content": "So."}]}
    question = {"folder": str(student), "template": None, "messages": turns}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(orjson.dumps(question) + b"\n")))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))
    renderer.main()
    said = orjson.loads(written.getvalue())
    asked = asker.ask(answered)
    assert asked is not None
    assert asked == said["tokens"]
    assert asked.count(tokenizer.eos_token_id) == 1, "behind the first answer, and nowhere else"
    last_unlearned = [*turns, {"role": "assistant", "content": "So.", "weight": 0}]
    assert asker.ask({"line": 1, "messages": last_unlearned}) == asker.ask(
        {"line": 1, "messages": turns[:3]}
    ), "an answer that is not learned is not asked for"


def test_every_row_is_asked_in_every_reading_in_an_order_that_follows_from_the_seed() -> None:
    readings = Readings(5, 2, 2, seed=3)
    first, again = list(readings), list(readings)
    assert first == again
    assert len(first) == len(readings) == 12
    assert first[0:2] == first[2:4], "each batch comes once for each part of a step"
    assert set(first) == set(range(5))
    readings.set_epoch(1)
    assert list(readings) != first
    assert sorted(set(Readings(1, 4, 1, seed=1))) == [0], "few rows fill a batch again and again"


def test_what_cannot_be_learned_from_is_refused_before_the_first_step(
    home: TrainingHome, student: Path, teacher: Path, tmp_path: Path
) -> None:
    other = shutil.copytree(teacher, tmp_path / "other-family")
    save_tokenizer(other, tokens=304)
    refused(
        home, student, other, "other-family reads text in other tokens than tiny-student: of 304",
        "same family",
    )  # fmt: skip
    refused(home, student, teacher, "All questions are too long", "Longest", max_length=16)
    refused(home, student, teacher, "leaves no room for a question", "Lower", answer_tokens=64)
    mute = [row("a?", "Yes.", split="test"), row("b?", "Yes." * 40, split="test"), *ROWS]
    mute[0]["messages"][1]["weight"] = 0
    refused(
        home, student, teacher, "No example is left for the exam", "others",
        rows=[mute[0], *ROWS], max_length=40,
    )  # fmt: skip


def refused(
    home: TrainingHome, student: Path, teacher: Path, words: str, hint: str, **changes: Any
) -> None:
    run = queued(home, student, teacher, **changes)
    with pytest.raises(StudioError) as caught:
        home.train()
    attempts.end(home.database, run.id, 1, RunStatus.FAILED, "refused")
    assert words in caught.value.message
    assert hint in caught.value.hint
    assert not home.points(run.id)


def test_answers_are_tried_with_dropout_off(
    home: TrainingHome, student: Path, teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[bool] = []
    generate = GenerationMixin.generate

    def heard(model: Any, *args: Any, **kwargs: Any) -> Any:
        states.append(model.training)
        return generate(model, *args, **kwargs)

    monkeypatch.setattr(GenerationMixin, "generate", heard)
    trained(home, student, teacher, max_steps=2)
    assert states == [False, False]


def test_a_student_never_writes_what_its_teacher_has_no_token_for(
    home: TrainingHome, student: Path, tmp_path: Path
) -> None:
    wide = tmp_path / "wide"
    save_tokenizer(wide)
    save_model(wide, LlamaConfig(**{**SHAPES, "vocab_size": 304}, num_key_value_heads=1))
    run = trained(
        home, wide, student, max_steps=1, batch_size=10, answer_tokens=40, answer_temperature=5.0
    )
    written = first_answers(home, run)
    assert sum(count for _, count in written) > 300, "of 304 tokens all but alike, each came up"
    assert max(max(line) for line, _ in written) < 300


def test_a_teacher_that_is_gone_or_not_ready_is_told(
    home: TrainingHome, student: Path, teacher: Path
) -> None:
    queued(home, student, teacher, teacher_model_id="model_gone")
    with pytest.raises(NotFound):
        home.train()


def test_numbers_that_are_none_end_the_run_in_words(
    home: TrainingHome, student: Path, teacher: Path, tmp_path: Path
) -> None:
    broken = shutil.copytree(student, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["model.norm.weight"][0] = torch.nan
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    queued(home, broken, teacher, max_steps=2)
    with pytest.raises(StudioError, match="became NaN at step 1"):
        home.train()


def test_a_run_goes_on_only_with_the_same_teacher(
    home: TrainingHome, student: Path, teacher: Path
) -> None:
    run = queued(home, student, teacher)
    taught = opened(home.settings, home.claim().id, 1)
    assert taught.identity["teacher"] == fingerprint(teacher)
    assert taught.teacher_folder == teacher
    assert run.spec.teacher_model_id == taught.taught_by.id
    taught.database.close()
