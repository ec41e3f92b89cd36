"""Every family trains in its own chat format, and its adapter answers the same everywhere."""

import json
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM
from transformers.models.gemma3n.configuration_gemma3n import Gemma3nTextConfig

from storage.runs import Run
from storage.status import RunStatus
from tests.fakes.families import FAMILIES, Family
from tests.fakes.training_home import TrainingHome, conversations
from tests.worker.training import matrix
from worker.chat.catalogue import Contestant
from worker.chat.engine import Engine, text_of
from worker.chat.exchange import Ending, Event
from worker.chat.prompts import Prompts
from worker.chat.sampling import Sampling

GATED = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}
LEARNS = {
    "phi3": {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"},
    "mixtral": ATTENTION,
    "gemma3n_text": GATED | {"linear_left", "linear_right", "per_layer_input_gate",
                             "per_layer_projection", "per_layer_model_projection",
                             "modality_router", "prediction_coefs", "correction_coefs",
                             "0", "1", "2"},
    "gpt2": {"c_attn", "c_proj", "c_fc"},
    "bloom": {"query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"},
}  # fmt: skip
"""What an adapter is put on where nothing is named; the others have the gated layers."""

SHARING = {
    "num_hidden_layers": 4,
    "intermediate_size": [64] * 4,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "num_kv_shared_layers": 2,
    "activation_sparsity_pattern": [0.0] * 4,
}
NAMES = [family.name for family in FAMILIES]
TALKS = [
    [{"role": "user", "content": "Does it hurt?"}],
    [
        {"role": "user", "content": "Take 3 pills. " * 4},
        {"role": "assistant", "content": "No 🙂."},
        {"role": "user", "content": "Really?"},
    ],
]


@dataclass(frozen=True)
class Trained:
    """A family after its training."""

    kind: str
    base: Path
    run: Run
    folder: Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    """Return all families, each trained for two steps."""
    return {family.name: taught(family, tmp_path_factory) for family in FAMILIES}


def taught(family: Family, places: pytest.TempPathFactory) -> Trained:
    """Train a tiny model of a family in its own chat format."""
    base = places.mktemp("families") / family.name.replace(" ", "-")
    kind = saved(family, base)
    home = TrainingHome.make(places.mktemp("home"))
    settings = {
        "max_steps": 2,
        "eval_share": 0.0,
        "max_length": 240,
        "learning_rate": 0.05,
    }
    home.queue(home.dataset(conversations(8)), home.base_model(base), **settings)
    with as_in_a_process_of_its_own(), warnings.catch_warnings():
        # PEFT names experts that no adapter is put on.
        warnings.filterwarnings("ignore", r"The following \w+_pattern keys")
        run, outcome = home.train()
    folder = home.adapter_folder(run.id)
    home.database.close()
    assert outcome.status is RunStatus.FINISHED, (family.name, outcome.words)
    return Trained(kind, base, run, folder)


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_in_blocks_with_the_right_modules(name: str, trained: dict[str, Trained]) -> None:
    found = trained[name]
    # BLOOM counts positions by distance, so blocks would let examples see each other.
    assert found.run.facts["packing"] is (found.kind != "bloom")
    assert (found.run.facts["blocks"] < 8) is found.run.facts["packing"]
    told = json.loads((found.folder / "adapter_config.json").read_text())
    targets = {name.rsplit(".", 1)[-1] for name in told["target_modules"]}
    assert targets == LEARNS.get(found.kind, GATED)


def saved(family: Family, folder: Path) -> str:
    """Write a tiny model of the family with its own tokenizer; returns its type."""
    tokenizer = family.tokenizer()
    tokenizer.save_pretrained(folder)
    config = matrix.FAMILIES[family.shape]()
    for name in ("vocab_size", "vocab_size_per_layer_input"):
        if hasattr(config, name):
            setattr(config, name, len(tokenizer))
    if config.model_type == "gemma3n_text":  # its later layers look into the memory of earlier ones
        config = Gemma3nTextConfig(**{**config.to_dict(), **SHARING})
    config.eos_token_id, config.initializer_range = tokenizer.eos_token_id, 0.3
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    # Bytes that make no text are read one by one in a stream, and as a whole elsewhere.
    odd = [token for piece, token in tokenizer.get_vocab().items() if piece.startswith("<0x")]
    with torch.no_grad():
        model.get_output_embeddings().weight[odd] = 0
    model.save_pretrained(folder)
    return str(config.model_type)


@pytest.fixture(scope="module")
def afresh(trained: dict[str, Trained], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what one fresh process answers with every published adapter."""
    folder = tmp_path_factory.mktemp("fresh")
    where = {name: [str(found.base), str(found.folder)] for name, found in trained.items()}
    (folder / "asked.json").write_text(json.dumps({"places": where, "talks": TALKS}))
    script = Path(__file__).parent / "fresh_chat.py"
    subprocess.run([sys.executable, str(script), str(folder)], check=True, capture_output=True)
    found: dict[str, Any] = json.loads((folder / "answers.json").read_text())
    return found


@pytest.fixture(scope="module")
def chat() -> Iterator[tuple[Engine, Prompts]]:
    """Return the studio's chat."""
    engine, prompts = Engine(), Prompts(seconds=30)
    yield engine, prompts
    engine.close()
    prompts.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_chat_answers_as_a_fresh_process(
    name: str,
    trained: dict[str, Trained],
    afresh: dict[str, Any],
    chat: tuple[Engine, Prompts],
) -> None:
    engine, prompts = chat
    voice = Contestant("adapter:1", name, trained[name].base, trained[name].folder, "1")
    streams = []
    for talk, (prompt, _) in zip(TALKS, afresh[name], strict=True):
        asked = prompts.render(voice, talk)
        assert (asked.tokens, asked.template) == (prompt, "adapter")
        streams.append(SimpleQueue[Event]())
        engine.ask(voice, asked.tokens, Sampling(temperature=0, max_tokens=12), streams[-1].put)
    said = [text_of(drained(stream)) for stream in streams]
    assert said == [answer for _, answer in afresh[name]]
    assert len("".join(said)) > 4, "or this shows nothing"


@contextmanager
def as_in_a_process_of_its_own() -> Iterator[None]:
    """Undo what a training process does to itself; the fixture of each test comes too late."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def drained(stream: "SimpleQueue[Event]") -> Iterator[Event]:
    event = stream.get(timeout=60)
    while not isinstance(event, Ending):
        yield event
        event = stream.get(timeout=60)
    yield event
