"""A town with a worker that stays warm, and the run that nothing happened to."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage import settings

settings.quiet_libraries(Path(tempfile.mkdtemp()), offline=False)  # read on import

from transformers import LlamaConfig  # noqa: E402

from storage import artifacts, model_facts  # noqa: E402
from storage.status import RunStatus  # noqa: E402
from storage.tables import BaseModelRow  # noqa: E402
from tests.fakes.studio_worker import StudioWorker, Town  # noqa: E402
from tests.fakes.tiny_models import save_model, save_tokenizer  # noqa: E402
from tests.fakes.training_home import TrainingHome, conversations  # noqa: E402

STEPS = 100

SPEC: dict[str, Any] = {
    "max_steps": STEPS,
    "save_every": 10,
    "eval_every": 50,
    "dropout": 0.1,
    "seed": 7,
}
"""Long enough to be hit in the middle; with chance in it, so that a lost state would show."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the faults their time."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            is_long = item.get_closest_marker("slow") is not None
            item.add_marker(pytest.mark.timeout(7200 if is_long else 900))


@dataclass(frozen=True)
class Result:
    """What must not depend on faults: every curve's values by step, and the adapter's weights."""

    curves: dict[str, dict[int, float | None]]
    adapter: str


def result(town: Town, run_id: str) -> Result:
    """Return a finished run's result."""
    run = town.run(run_id)
    assert run.status is RunStatus.FINISHED, (run.status, run.error, run.hint)
    curves = {name: town.home.curve(run_id, name) for name in ("loss", "eval_loss", "grad_norm")}
    folder = town.home.adapter_folder(run_id)
    return Result(curves, artifacts.sha256(folder / "adapter_model.safetensors"))


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a Llama of 20,000 parameters."""
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    save_tokenizer(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    save_model(folder, LlamaConfig(vocab_size=300, max_position_embeddings=256, **shape, **heads))
    return folder


@pytest.fixture(scope="session")
def new_town(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Town]]:
    """Return a maker of towns; they all have the same data and the same model."""
    towns: list[Town] = []

    def make() -> Town:
        home = TrainingHome.make(tmp_path_factory.mktemp("town"))
        model = home.base_model(llama)
        with home.database.write() as session:  # what a page asks about a model
            session.get_one(BaseModelRow, model).facts = model_facts.read(llama).model_dump()
        towns.append(Town(home, home.dataset(conversations(40)), model))
        return towns[-1]

    yield make
    for town in towns:
        town.end()
        town.home.database.close()


@pytest.fixture(scope="session")
def town(new_town: Callable[[], Town]) -> Town:
    """Return the town whose worker no fault befalls."""
    return new_town()


@pytest.fixture(scope="session")
def busy(new_town: Callable[[], Town]) -> Town:
    """Return the town whose workers are killed, paused and doubled."""
    return new_town()


@pytest.fixture(scope="session")
def worker(town: Town) -> StudioWorker:
    """Return that worker, warm."""
    return town.workers_alive(1)[-1]


@pytest.fixture(scope="session")
def reference(town: Town, worker: StudioWorker) -> Result:
    """Return the result of a run that nothing happened to."""
    run = town.wait_for(town.start(**SPEC))
    assert run.attempt == 1
    found = result(town, run.id)
    assert list(found.curves["loss"]) == list(range(1, STEPS + 1))
    assert list(found.curves["eval_loss"]) == [50, 100]
    return found
