"""The recipe on tiny real models: all that the form offers trains, or is refused in words."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from storage import artifacts, attempts, runs
from storage.errors import StudioError
from storage.ids import LOCAL_PERSON
from storage.runs import Run
from storage.status import RunStatus, StopRequest
from tests.fakes.training_home import Rows, TrainingHome, conversations


def trained(home: TrainingHome, model: Path, rows: Rows | None = None, **changes: Any) -> Run:
    """Return a run that was trained to its end."""
    data = home.dataset(conversations(24) if rows is None else rows)
    home.queue(data, home.base_model(model), **changes)
    run, outcome = home.train()
    assert outcome.status is RunStatus.FINISHED
    attempts.end(home.database, run.id, run.attempt, outcome.status, outcome.words)
    return run


def facts(run: Run) -> dict[str, Any]:
    assert run.facts is not None
    return run.facts


def adapter(home: TrainingHome, run: Run) -> dict[str, torch.Tensor]:
    return load_file(home.adapter_folder(run.id) / "adapter_model.safetensors")


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("model", ["llama", "qwen2", "gpt2"])
def test_each_kind_of_model_learns(
    home: TrainingHome, request: pytest.FixtureRequest, model: str, packing: bool
) -> None:
    run = trained(home, request.getfixturevalue(model), packing=packing, eval_every=2)
    assert facts(run)["packing"] is packing
    assert facts(run)["template"] == ("built in" if model == "gpt2" else "the model's own")
    losses = home.curve(run.id, "loss")
    assert list(losses) == [1, 2, 3, 4]
    assert losses[4] < losses[1]  # type: ignore[operator]
    assert list(home.curve(run.id, "eval_loss")) == [2, 4]
    learned = [value for name, value in adapter(home, run).items() if "lora_B" in name]
    assert all(value.abs().max() > 0 for value in learned)


@pytest.mark.parametrize(
    "changes",
    [
        {"quantization": "8bit"},
        {"quantization": "nf4"},
        {"quantization": "fp4", "double_quantization": False},
        {"use_dora": True},
        {"use_rslora": True, "target_modules": ("q_proj", "v_proj")},
        {"gradient_checkpointing": True},
        {"precision": "bfloat16"},
        {"optimizer": "adamw_bnb_8bit"},
        {"optimizer": "paged_adamw_8bit", "scheduler": "constant"},
        {"eval_share": 0.0, "scheduler": "linear"},
    ],
    ids=lambda changes: "-".join(map(str, next(iter(changes.items())))),
)
def test_each_setting_trains(home: TrainingHome, llama: Path, changes: dict[str, Any]) -> None:
    run = trained(home, llama, **{"max_steps": 3, **changes})
    losses = home.curve(run.id, "loss")
    assert list(losses) == [1, 2, 3]
    assert adapter(home, run)
    names = {name.split(".")[-3] for name in adapter(home, run) if "lora_A" in name}
    assert names == set(changes.get("target_modules", names))


def test_the_adapter_of_the_best_exam_is_the_one_that_counts(
    home: TrainingHome, llama: Path
) -> None:
    run = trained(
        home, llama, max_steps=30, learning_rate=0.5, max_grad_norm=1000.0, early_stopping=3,
        eval_every=1, scheduler="constant", keep_checkpoints=1,
    )  # fmt: skip
    exams = home.curve(run.id, "eval_loss")
    best = min(exams, key=lambda step: (exams[step], step))
    assert run.best_step == best
    assert run.step == best + 3, "three exams without improvement end it"
    assert sorted(one.step for one in home.checkpoints(run.id)) == [best, run.step]
    checkpoint = next(one for one in home.checkpoints(run.id) if one.step == best)
    weights = "adapter_model.safetensors"
    assert artifacts.sha256(home.adapter_folder(run.id) / weights) == artifacts.sha256(
        checkpoint.folder / weights
    )


def test_an_epoch_counts_packed_blocks_and_accumulation(home: TrainingHome, llama: Path) -> None:
    run = trained(
        home, llama, max_steps=None, epochs=2, max_length=256, accumulation=2, eval_share=0.0
    )
    blocks = facts(run)["blocks"]
    assert blocks < facts(run)["train_rows"], "several examples share a block"
    batches = -(-blocks // 2)
    assert run.total_steps == 2 * -(-batches // 2)
    assert list(home.curve(run.id, "loss")) == list(range(1, run.total_steps + 1))


def test_long_rows_are_cut_and_those_without_answer_left_are_dropped(
    home: TrainingHome, llama: Path
) -> None:
    short, cut, hopeless = conversations(1)[0], question("x", "y" * 300), question("x" * 300, "y")
    run = trained(home, llama, [short, cut, hopeless], eval_share=0.0, max_length=100, max_steps=1)
    counted = {name: facts(run)[f"train_{name}"] for name in ("rows", "cut", "dropped")}
    assert counted == {"rows": 3, "cut": 2, "dropped": 1}


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_no_checkpoint_of_it(
    home: TrainingHome, llama: Path, tmp_path: Path
) -> None:
    rows = [*conversations(24), question("~", "Yes.")]
    data, model = home.dataset(rows), home.base_model(with_an_overflow_at(llama, tmp_path, "~"))
    run = home.queue(data, model, save_every=1, eval_share=0.0, max_steps=13, packing=False, seed=5)
    with pytest.raises(StudioError, match=r"became NaN at step \d+\.") as caught:
        home.train()
    assert "learning rate" in caught.value.hint
    losses = home.curve(run.id, "loss")
    failed = max(losses)
    assert failed > 1, "it went well at first"
    assert f"at step {failed}." in caught.value.message
    assert home.curve(run.id, "grad_norm")[failed] is None, "the curve shows where"
    assert home.checkpoints(run.id)[0].step == failed - 1
    assert all(finite(one.folder) for one in home.checkpoints(run.id))


def with_an_overflow_at(model: Path, folder: Path, letter: str) -> Path:
    """Return a copy that computes no number as soon as it reads that letter."""
    token = AutoTokenizer.from_pretrained(model)(letter)["input_ids"][0]
    shutil.copytree(model, folder / "loud")
    weights = load_file(model / "model.safetensors")
    weights["model.embed_tokens.weight"][token] = float("inf")
    save_file(weights, folder / "loud" / "model.safetensors", {"format": "pt"})
    return folder / "loud"


def finite(folder: Path) -> bool:
    tensors = load_file(folder / "adapter_model.safetensors").values()
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ([], {}, "There is no example to learn from"),
        (
            [{"messages": [{"role": "user", "content": "Hello?"}]}] * 3,
            {"eval_share": 0.0},
            "no example has an answer",
        ),
        (
            [{"messages": [{"role": "user", "content": "x" * 300}]}] * 3,
            {"eval_share": 0.0},
            "the answers lie beyond the longest example",
        ),
        (conversations(1), {"eval_share": 0.01}, "No example is left for the exam"),
        (
            conversations(9),
            {"eval_share": 0.0, "target_modules": ("w_q",)},
            "has no part named w_q",
        ),
        (
            conversations(9),
            {"eval_share": 0.0, "target_modules": ("lm_head",)},
            "lm_head cannot learn",
        ),
        (conversations(9), {"eval_share": 0.0, "precision": "float16"}, "need a graphics card"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_step(
    home: TrainingHome, llama: Path, rows: Rows, changes: dict[str, Any], message: str
) -> None:
    data = home.dataset(rows)
    run = home.queue(data, home.base_model(llama), **changes)
    with pytest.raises(StudioError, match=message) as caught:
        home.train()
    assert caught.value.hint
    assert home.points(run.id) == []


def test_rows_that_the_data_marks_are_the_exam_whatever_the_share(
    home: TrainingHome, llama: Path
) -> None:
    rows = conversations(24)
    marked = [row | {"split": "test"} for row in rows[:5]] + [rows[5] | {"split": "train"}]
    run = trained(home, llama, [*marked, *rows[6:]], eval_share=0.0, eval_every=2)
    assert (facts(run)["train_rows"], facts(run)["eval_rows"]) == (19, 5)
    assert facts(run)["exam_chosen_by"] == "the data's own marks"
    assert list(home.curve(run.id, "eval_loss")) == [2, 4]


def test_without_marks_the_exam_is_a_share_of_the_rows(home: TrainingHome, llama: Path) -> None:
    run = trained(home, llama, max_steps=1)
    assert facts(run)["train_rows"] + facts(run)["eval_rows"] == 24
    assert facts(run)["exam_chosen_by"] == "a share of the rows"


def test_preference_pairs_are_refused_at_the_start(home: TrainingHome, llama: Path) -> None:
    turns = question("x", "y")["messages"]
    pair = {"prompt": turns[:1], "chosen": turns[1:], "rejected": turns[1:]}
    home.queue(home.dataset([pair] * 9), home.base_model(llama))
    with pytest.raises(StudioError, match="does not fit this way") as caught:
        home.train()
    assert "better and worse answers" in caught.value.hint
    assert "DPO" in caught.value.hint


def test_a_model_folder_without_weights_is_refused_in_words(
    home: TrainingHome, llama: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for path in llama.iterdir():
        if path.suffix != ".safetensors":
            (empty / path.name).write_bytes(path.read_bytes())
    home.queue(home.dataset(conversations(24)), home.base_model(empty))
    with pytest.raises(StudioError, match="The base model's weights cannot be loaded"):
        home.train()


def test_discarded_before_the_first_step_nothing_is_left(home: TrainingHome, llama: Path) -> None:
    home.queue(home.dataset(conversations(24)), home.base_model(llama))
    run = home.claim()
    runs.request_stop(home.database, LOCAL_PERSON, run.id, StopRequest.DISCARD)
    outcome = home.train_claimed(run)
    assert outcome.status is RunStatus.DISCARDED
    assert home.checkpoints(run.id) == []
    assert home.run(run.id).adapter_id is None


def test_asked_to_stop_at_once_it_does_so_within_a_few_steps(
    home: TrainingHome, llama: Path
) -> None:
    home.queue(home.dataset(conversations(24)), home.base_model(llama), max_steps=500)
    run = home.claim()
    runs.request_stop(home.database, LOCAL_PERSON, run.id, StopRequest.KEEP)
    outcome = home.train_claimed(run)
    assert outcome.status is RunStatus.STOPPED
    stopped_at = home.run(run.id).step
    assert stopped_at < 20
    assert (home.run(run.id).adapter_id is not None) is (stopped_at > 0)


def test_the_same_seed_gives_the_same_adapter_and_another_seed_the_same_exam(
    new_home: Callable[[], TrainingHome], llama: Path
) -> None:
    found = []
    for seed in (1, 1, 2):
        home = new_home()
        run = trained(home, llama, seed=seed, max_steps=2, dropout=0.2)
        folder = home.adapter_folder(run.id)
        found.append((artifacts.sha256(folder / "adapter_model.safetensors"), facts(run)))
    assert found[0][0] == found[1][0] != found[2][0]
    assert found[0][1]["eval_tokens"] == found[2][1]["eval_tokens"]


def test_checkpoints_hold_no_pickled_arguments_and_no_path(home: TrainingHome, llama: Path) -> None:
    run = trained(home, llama, max_steps=2)
    folder = home.checkpoints(run.id)[0].folder
    assert not (folder / "training_args.bin").exists()
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == "tiny-llama"
    assert str(home.home) not in (folder / "trainer_state.json").read_text(encoding="utf-8")


def question(asked: str, answer: str) -> dict[str, Any]:
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return {"messages": turns}


def test_a_tokenizer_of_another_model_is_refused_in_words(
    home: TrainingHome, llama: Path, tmp_path: Path
) -> None:
    mixed = tmp_path / "mixed"
    shutil.copytree(llama, mixed)
    config = json.loads((mixed / "config.json").read_text(encoding="utf-8"))
    weights = load_file(mixed / "model.safetensors")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        weights[name] = weights[name][:50].clone()
    save_file(weights, mixed / "model.safetensors", {"format": "pt"})
    (mixed / "config.json").write_text(json.dumps({**config, "vocab_size": 50}), encoding="utf-8")
    home.queue(home.dataset(conversations(24)), home.base_model(mixed))
    with pytest.raises(StudioError, match="tokenizer does not belong to this base model"):
        home.train()
