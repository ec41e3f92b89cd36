"""A run goes on from what another one made: with its weights, kept beside it, told on its page."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from storage import adapters, attempts, checkpoints, owned, starts
from storage.errors import NotFound, Refused
from storage.ids import LOCAL_PERSON
from storage.runs import Run
from storage.specs import RunSpec
from storage.starts import Start
from storage.tables import AdapterRow
from tests.fakes.judged_rows import pairs
from tests.fakes.training_home import QUICK, TrainingHome, conversations
from worker.training import starting
from worker.training.job import opened

KINDS: dict[str, dict[str, Any]] = {
    "LoRA with new words": {"extra_tokens": ["<mild>"]},
    "PiSSA with DoRA": {"beginning": "pissa", "use_dora": True},
    "AdaLoRA": {"adapter": "adalora", "final_rank": 2},
    "IA3": {"adapter": "ia3"},
    "Whole model": {"adapter": "full"},
}

STILL = {"max_steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0, "eval_share": 0.0}
"""One step that changes nothing that could be seen."""


class Studio:
    """A home with one dataset and one base model, in which runs are trained at once."""

    def __init__(self, home: TrainingHome, model: Path) -> None:
        self.home = home
        self.places = (home.dataset(conversations(12)), home.base_model(model))

    def trained(self, **settings: Any) -> Run:
        """Return a run that was trained to its end."""
        self.home.queue(*self.places, **{"max_steps": 2, "eval_share": 0.0, **settings})
        run, outcome = self.home.train()
        return attempts.end(self.home.database, run.id, run.attempt, outcome.status, outcome.words)

    def start(self, name: str) -> Start:
        """Return what a run can go on from, by its name."""
        return starts.find(self.home.database, self.home.files, LOCAL_PERSON, name)

    def weights(self, run: Run) -> dict[str, torch.Tensor]:
        """Return what a run has published."""
        folder = self.home.adapter_folder(run.id)
        name = "model" if checkpoints.is_model(folder) else "adapter_model"
        return load_file(folder / f"{name}.safetensors")


@pytest.fixture(scope="module")
def studio(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = TrainingHome.make(tmp_path_factory.mktemp("home"))
    yield Studio(home, llama)
    home.database.close()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_goes_on_with_the_very_weights_that_were_learned(
    studio: Studio, kind: str
) -> None:
    made = studio.trained(**KINDS[kind])
    start = studio.start(f"adapter:{made.adapter_id}")
    again = studio.trained(**{**STILL, **start.settings, "start_from": start.name})
    before, after = studio.weights(made), studio.weights(again)
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.allclose(after[name], tensor, atol=1e-9), name
    assert again.facts["began_from_title"] == made.name
    assert (again.facts["began_from_run_id"], again.facts["began_from_step"]) == (made.id, 2)
    card = (studio.home.adapter_folder(again.id) / "README.md").read_text()
    assert f"| Goes on from | {made.name} (run {made.id}, step 2) |" in card


def test_preferences_are_compared_with_what_was_gone_on_from(studio: Studio) -> None:
    made = studio.trained(learning_rate=0.05, max_steps=6, save_every=3)
    name = f"checkpoint:{made.id}:3"
    data = studio.home.dataset(pairs(9))
    settings = {"method": "dpo", "max_length": 128, "start_from": name, "eval_share": 0.0}
    studio.home.queue(data, studio.places[1], **settings)
    run, outcome = studio.home.train()
    attempts.end(studio.home.database, run.id, run.attempt, outcome.status, outcome.words)
    first = studio.home.curve(run.id, "loss")[1]
    assert first == pytest.approx(torch.log(torch.tensor(2.0)).item(), abs=1e-5)
    assert run.facts["reference"] == "what it goes on from, asked before the first step"


def test_it_goes_on_when_what_it_began_with_is_deleted(studio: Studio) -> None:
    made = studio.trained(save_every=1)
    [saved] = [one for one in studio.home.checkpoints(made.id) if one.step == 1]
    name = f"checkpoint:{made.id}:1"
    studio.home.queue(*studio.places, **STILL, start_from=name)
    run = studio.home.claim()
    job = opened(studio.home.settings, run.id, run.attempt)
    starting.keep(job)
    job.database.close()
    shutil.rmtree(saved.folder)
    with pytest.raises(NotFound, match="not there any more"):
        studio.start(name)
    outcome = studio.home.train_claimed(run)
    attempts.end(studio.home.database, run.id, run.attempt, outcome.status, outcome.words)


def test_what_is_gone_before_the_run_begins_is_refused_in_words(studio: Studio) -> None:
    made = studio.trained()
    studio.home.queue(*studio.places, **STILL, start_from=f"adapter:{made.adapter_id}")
    owned.mark_deleted(
        studio.home.database, AdapterRow, LOCAL_PERSON, str(made.adapter_id), deleted=True
    )
    with pytest.raises(NotFound, match="not there any more"):
        studio.home.train()
    assert adapters.all_of(studio.home.database, LOCAL_PERSON, deleted=True)


@pytest.fixture(scope="module")
def plain(studio: Studio) -> Start:
    return studio.start(f"adapter:{studio.trained().adapter_id}")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"rank": 8}, "rank", "choose 4"),
        ({"alpha": 9.0}, "alpha", "choose 8"),
        ({"use_dora": True}, "use_dora", "switched off"),
        ({"beginning": "pissa"}, "beginning", "has begun already"),
        ({"adapter": "ia3"}, "adapter", "a LoRA add-on"),
        ({"adapter": "adalora"}, "adapter", "a LoRA add-on"),
        ({"adapter": "full"}, "adapter", "must stay one"),
        ({"extra_tokens": ("<x>",)}, "extra_tokens", "no new words"),
        ({"target_modules": ("lm_head",)}, "target_modules", "leave this empty"),
        ({"base_model_id": "model_other"}, "start_from", "another base model"),
        ({"method": "reward"}, "start_from", "A judge"),
    ],
)
def test_what_does_not_go_together_is_refused_by_field(
    studio: Studio, plain: Start, changes: dict[str, Any], field: str, words: str
) -> None:
    places = dict(zip(("dataset_id", "base_model_id"), studio.places, strict=True))
    spec = RunSpec(**QUICK, **places, start_from=plain.name)
    assert starts.faults(spec, plain) == []
    [fault] = starts.faults(spec.model_copy(update=changes), plain)
    assert fault.field == field
    assert words in fault.message


def test_the_recipe_refuses_it_too(new_home: Callable[[], TrainingHome], llama: Path) -> None:
    place = Studio(new_home(), llama)
    made = place.trained()
    with pytest.raises(Refused, match="rank r was 4 in what it goes on from"):
        place.trained(start_from=f"adapter:{made.adapter_id}", rank=2)
