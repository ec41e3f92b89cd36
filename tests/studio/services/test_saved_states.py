"""Going on from what was learned: refused by field before Start, offered by the form, branched."""

import json
from pathlib import Path
from typing import Any

import pytest

from storage import adapters, artifacts, attempts, checkpoints, metrics
from storage.errors import NotFound, Refused, StudioError
from storage.ids import LOCAL_PERSON as ME
from storage.runs import Run
from storage.status import RunStatus
from studio.components.form_lists import Lists
from studio.components.form_values import sent
from studio.services import histories, plans, runs, saved_states
from tests.fakes.workplace import Workplace
from tests.studio.services.test_runs import started

LEARNED = {
    "peft_type": "LORA",
    "r": 6,
    "lora_alpha": 12,
    "use_rslora": False,
    "use_dora": True,
    "target_modules": ["q_proj"],
}


def fill(folder: Path) -> None:
    (folder / "adapter_config.json").write_text(json.dumps(LEARNED))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")


@pytest.fixture
def made(workplace: Workplace) -> Run:
    """Return a finished run that has left an adapter and a saved state of step 2."""
    run = started(workplace)
    studio = workplace.studio
    claimed = attempts.claim(studio.database, "here:1:1.00", 30)
    assert claimed is not None
    attempts.begin(studio.database, run.id, 1)
    saved = checkpoints.folder_of(studio.artifacts.run(run.id)) / checkpoints.name_of(2, 1)
    with artifacts.staged(saved, {"step": 2, "attempt": 1, "eval_loss": None}) as staging:
        fill(staging)
    with artifacts.staged(studio.artifacts.adapter("adapter_0123456789ab")) as staging:
        fill(staging)
    metrics.report(studio.database, run.id, 1, [], checkpoint_step=2)
    found = {"step": 2, "eval_loss": None, "bytes": 7, "sha256": "0" * 64}
    adapters.publish(studio.database, run.id, 1, "adapter_0123456789ab", found)
    return attempts.end(studio.database, run.id, 1, RunStatus.FINISHED, "finished after step 2")


def faults(workplace: Workplace, made: Run, **changes: Any) -> dict[str, str]:
    values = {**made.spec.model_dump(mode="json"), **changes}
    found = plans.plan(workplace.studio, ME, values).faults
    return {fault.field: fault.message for fault in found}


def test_what_does_not_go_together_is_named_before_start(workplace: Workplace, made: Run) -> None:
    name = "adapter:adapter_0123456789ab"
    found = faults(workplace, made, start_from=name, rank=4, use_dora=False, alpha=12)
    assert set(found) == {"rank", "use_dora"}
    assert "choose 6" in found["rank"]
    with pytest.raises(Refused):
        runs.start(workplace.studio, ME, {**made.spec.model_dump(), "start_from": name})
    follows = Lists(workplace.studio).begun(name)
    assert faults(workplace, made, **follows, start_from=name) == {}
    gone = faults(workplace, made, start_from="adapter:adapter_ba9876543210")
    assert "not there any more" in gone["start_from"]


def test_the_form_offers_what_was_learned_and_nothing(workplace: Workplace, made: Run) -> None:
    lists = Lists(workplace.studio)
    offered = lists.choices(made.spec.model_dump())["start_from"]
    assert [value for _, value in offered] == [
        "", "adapter:adapter_0123456789ab", f"checkpoint:{made.id}:2",
    ]  # fmt: skip
    assert sent({"start_from": ""})["start_from"] is None
    assert lists.begun("adapter:adapter_ba9876543210") == lists.begun("") == {}


def test_a_branch_has_the_settings_of_its_state(workplace: Workplace, made: Run) -> None:
    name = f"checkpoint:{made.id}:2"
    spec = saved_states.branch(workplace.studio, ME, made.id, name)
    assert (spec.start_from, spec.rank, spec.alpha, spec.use_dora) == (name, 6, 12, True)
    assert faults(workplace, made, **spec.model_dump()) == {}
    with pytest.raises(NotFound):
        saved_states.branch(workplace.studio, ME, made.id, f"checkpoint:{made.id}:3")


def test_a_run_without_saved_states_cannot_train_longer(workplace: Workplace, made: Run) -> None:
    artifacts.remove(checkpoints.folder_of(workplace.studio.artifacts.run(made.id)))
    with pytest.raises(StudioError, match="nothing to go on from"):
        runs.extend(workplace.studio, ME, made.id, epochs=9)
    with pytest.raises(Refused):
        runs.extend(workplace.studio, ME, made.id, epochs=9, max_steps=9)


def test_its_history_is_in_the_order_of_time(workplace: Workplace, made: Run) -> None:
    runs.extend(workplace.studio, ME, made.id, max_steps=9)
    told = [one.kind for one in histories.of_run(workplace.studio, ME, made.id)]
    assert told == ["began", "ended", "extended"]
