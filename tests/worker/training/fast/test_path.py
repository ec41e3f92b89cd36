"""Runs on the fast path: the losses of the plain one, exact exams, and going on exactly."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from storage import artifacts, attempts, runs
from storage.ids import LOCAL_PERSON
from storage.runs import Run
from storage.specs import RunSpec
from storage.status import RunStatus, StopRequest
from tests.fakes.training_home import TrainingHome, conversations
from worker.training import models
from worker.training.course import Course
from worker.training.fast import compiled, path, weights
from worker.training.sampling import ByLength
from worker.training.stops import Stops
from worker.training.trainer import Supervised

NewHome = Callable[[], TrainingHome]


def queued(home: TrainingHome, model: Path, **changes: Any) -> Run:
    data, base = home.dataset(conversations(12)), home.base_model(model)
    return home.queue(data, base, **{"max_length": 128, "eval_share": 0.0, **changes})


def trained(home: TrainingHome, model: Path, **changes: Any) -> Run:
    queued(home, model, **changes)
    run, outcome = home.train()
    assert outcome.status is RunStatus.FINISHED
    return run


def losses(new_home: NewHome, model: Path, **changes: Any) -> tuple[dict[int, float], str]:
    home = new_home()
    run = trained(home, model, max_steps=2, **changes)
    return home.curve(run.id, "loss"), run.facts["path"]  # type: ignore[index, return-value]


@pytest.mark.parametrize(
    ("changes", "apart"),
    [
        ({"quantization": "none"}, 1e-4),
        ({"quantization": "nf4"}, 1e-4),
        ({"quantization": "8bit"}, 5e-3),
        ({"packing": False, "gradient_checkpointing": True}, 1e-4),
        ({"precision": "bfloat16"}, 5e-3),
    ],
    ids=lambda one: "-".join(map(str, next(iter(one.items())))) if isinstance(one, dict) else "",
)
def test_its_losses_are_those_of_the_plain_path(
    new_home: NewHome, llama: Path, changes: dict[str, Any], apart: float
) -> None:
    """The second loss is another's where the first step's gradients were."""
    fast, way = losses(new_home, llama, learning_rate=0.02, **changes)
    plain, asked = losses(new_home, llama, learning_rate=0.02, path="plain", **changes)
    assert way.startswith("fast (attention row by row, loss at the answers only")
    assert asked == "plain; as asked"
    assert fast == pytest.approx(plain, rel=apart)
    assert plain[2] != pytest.approx(plain[1], rel=2 * apart), "it learned something"


def test_collected_batches_weigh_each_answer_token_the_same(new_home: NewHome, llama: Path) -> None:
    common = {"packing": False, "max_steps": 1}
    found = []
    for sizes in ({"batch_size": 4, "accumulation": 1}, {"batch_size": 1, "accumulation": 4}):
        home = new_home()
        run = trained(home, llama, **common, **sizes)
        found.append([home.curve(run.id, name)[1] for name in ("loss", "grad_norm")])
    assert found[0] == pytest.approx(found[1], rel=1e-4)


@pytest.mark.parametrize("way", ["auto", "plain"])
def test_an_exam_is_the_same_however_it_is_divided(
    new_home: NewHome, llama: Path, way: str
) -> None:
    found = []
    for size in (1, 3):
        home = new_home()
        run = trained(
            home, llama, path=way, batch_size=size, packing=False, max_steps=1, eval_share=0.4,
            learning_rate=1e-9,
        )  # fmt: skip
        found.append(home.curve(run.id, "eval_loss")[1])
    assert found[0] == pytest.approx(found[1], rel=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "bfloat16"},
        {"packing": False, "group_by_length": True, "dropout": 0.1, "neftune_alpha": 5.0},
    ],
    ids=["bfloat16", "by length"],
)
def test_stopped_and_resumed_it_ends_bit_for_bit_the_same(
    new_home: NewHome, llama: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    """Over two readings of the data; it stops within the first."""
    hashes = []
    for stops_after in (None, 4):
        home = new_home()
        queued(home, llama, max_steps=9, batch_size=2, max_length=64, **changes)
        run = home.claim()
        with monkeypatch.context() as patched:
            patched.setattr(Course, "on_step_end", stopping(stops_after))
            outcome = home.train_claimed(run)
        if stops_after is not None:
            assert outcome.status is RunStatus.STOPPED
            assert home.checkpoints(run.id)[0].step == stops_after
            attempts.end(home.database, run.id, run.attempt, outcome.status, "as asked")
            runs.resume(home.database, LOCAL_PERSON, run.id)
            home.train()
        assert home.run(run.id).step == 9
        assert home.run(run.id).facts["path"].startswith("fast")  # type: ignore[index]
        adapter = home.adapter_folder(run.id) / "adapter_model.safetensors"
        hashes.append(artifacts.sha256(adapter))
    assert hashes[0] == hashes[1]


def stopping(after: int | None) -> Callable[..., Any]:
    """Return what a course does at the end of a step, asked to stop after that one."""
    usual = Course.on_step_end

    def on_step_end(self: Course, args: Any, state: Any, control: Any, **more: Any) -> Any:
        if state.global_step == after:
            self.stops = Stops(lambda: StopRequest.KEEP)
        return usual(self, args, state, control, **more)

    return on_step_end


def test_another_attention_is_taken_where_it_is_asked_for_and_there(
    new_home: NewHome, llama: Path
) -> None:
    told = {}
    for asked in ("auto", "eager", "flash_attention_2"):
        run = trained(new_home(), llama, attention=asked, max_steps=1)
        told[asked] = (run.facts or {})["attention"]
    assert told == {
        "auto": "row by row",
        "eager": "eager",
        "flash_attention_2": "sdpa (flash_attention_2 is not possible here)",
    }


def test_what_this_machine_does_in_another_way_is_told(
    home: TrainingHome, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled.shutil, "which", lambda _name: None)
    run = trained(
        home, llama, max_steps=2, optimizer="paged_adamw_32bit", activation_offloading=True,
        scheduler="cosine_with_restarts", compile=True,
    )  # fmt: skip
    said = " ".join((run.facts or {})["settings_told"])
    assert "adamw_torch_fused" in said
    assert "main memory" in said
    assert "no C++ compiler" in said


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # within torch's own compiler
def test_feed_forward_layers_are_compiled_where_asked(llama: Path) -> None:
    """That they are translated when first used; translating itself takes minutes of a test run."""
    model = models.AutoModelForCausalLM.from_pretrained(llama)
    assert compiled.translate(model) == 2
    translated = [one for one in model.modules() if one._compiled_call_impl is not None]
    assert {type(one).__name__ for one in translated} == {"LlamaMLP"}


def test_frozen_weights_are_kept_as_products_want_them(llama: Path) -> None:
    model = models.AutoModelForCausalLM.from_pretrained(llama)
    for name, one in model.named_parameters():
        one.requires_grad_("q_proj" in name)
    assert weights.keep_cast(model, torch.bfloat16) == 2 * 6 + 1
    cast = {name for name, one in model.named_parameters() if one.dtype == torch.bfloat16}
    assert all("proj" in name or "lm_head" in name for name in cast)
    assert not any("q_proj" in name for name in cast), "what learns keeps its digits"


def test_a_card_has_the_librarys_own_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    spec = RunSpec(name="Try", dataset_id="d", base_model_id="b")
    assert path.choose(Supervised.__new__(Supervised), spec, isolates=True) is path.ON_CARD


def test_batches_have_similar_lengths_and_each_reading_another_order() -> None:
    lengths = [n % 37 + 1 for n in range(203)]
    order = ByLength(lengths, 4, seed=3)
    first = list(order)
    assert first == list(order), "the same again, where a run goes on"
    assert sorted(first) == list(range(203))
    batches = [[lengths[n] for n in first[at : at + 4]] for at in range(0, 200, 4)]
    assert all(max(batch) - min(batch) <= 3 for batch in batches)
    assert batches != sorted(batches, reverse=True), "the first point comes soon"
    order.set_epoch(1)
    assert list(order) != first
