"""Homes with tiny models, made once; trainings in them are real."""

import logging
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import settings

# The cores are shared: a thread that waits must not keep one busy. Read when torch is imported.
pytest.MonkeyPatch().setenv("OMP_WAIT_POLICY", "passive")
settings.quiet_libraries(Path(tempfile.mkdtemp()), offline=False)  # read on import

from transformers import GPT2Config, LlamaConfig, Qwen2Config  # noqa: E402

from tests.fakes.tiny_models import save_model, save_tokenizer  # noqa: E402
from tests.fakes.training_home import TrainingHome  # noqa: E402
from worker.training.journal import journal  # noqa: E402

SHAPES = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 256,
}


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Undo what a training process does to itself, since these trainings run in the tests' own."""
    handler = signal.getsignal(signal.SIGTERM)
    with warnings.catch_warnings():
        yield
    signal.signal(signal.SIGTERM, handler)
    journal.handlers = []
    journal.propagate = True
    logging.captureWarnings(False)


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a Llama of 20,000 parameters with a template that marks answers."""
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    save_tokenizer(folder)
    save_model(folder, LlamaConfig(**SHAPES, num_key_value_heads=1))
    return folder


@pytest.fixture(scope="session")
def qwen2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny Qwen2."""
    folder = tmp_path_factory.mktemp("models") / "tiny-qwen2"
    save_tokenizer(folder)
    save_model(folder, Qwen2Config(**SHAPES, num_key_value_heads=1))
    return folder


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a tiny GPT-2, whose layers are transposed, without a chat template."""
    folder = tmp_path_factory.mktemp("models") / "tiny-gpt2"
    save_tokenizer(folder, template=None)
    shape = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 256}
    save_model(folder, GPT2Config(vocab_size=300, bos_token_id=0, eos_token_id=0, **shape))
    return folder


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Callable[[], TrainingHome]]:
    """Return a maker of homes, for tests that compare several."""
    homes: list[TrainingHome] = []

    def make() -> TrainingHome:
        homes.append(TrainingHome.make(tmp_path / f"home-{len(homes)}"))
        return homes[-1]

    yield make
    for made in homes:
        made.database.close()


@pytest.fixture
def home(new_home: Callable[[], TrainingHome]) -> TrainingHome:
    """Return a fresh home."""
    return new_home()
