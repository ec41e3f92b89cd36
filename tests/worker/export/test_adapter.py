"""The adapter folder: loads with plain PEFT elsewhere, tells where it comes from, hides nothing."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage import settings

settings.quiet_libraries(Path(tempfile.mkdtemp()), offline=False)  # read on import

import yaml  # noqa: E402
from transformers import LlamaConfig  # noqa: E402

from storage import artifacts, specs  # noqa: E402
from storage.runs import Run  # noqa: E402
from tests.fakes.tiny_models import save_model, save_tokenizer  # noqa: E402
from tests.fakes.training_home import TrainingHome, conversations  # noqa: E402

LOAD = """
import sys
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base, folder = sys.argv[1:]
model = AutoModelForCausalLM.from_pretrained(base)
ids = torch.arange(8)[None]
before = model(ids).logits
model = PeftModel.from_pretrained(model, folder)
assert not torch.equal(before, model(ids).logits), "the adapter changes nothing"
tokenizer = AutoTokenizer.from_pretrained(folder)
messages = [{"role": "user", "content": "Hello"}]
print(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny-base"
    save_tokenizer(folder, template=None)
    shape = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64}
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1}
    save_model(folder, LlamaConfig(**shape, **layers))
    return folder


@pytest.fixture(scope="module")
def finished(
    base: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TrainingHome, Run]]:
    """Return a home with a finished run of three steps."""
    home = TrainingHome.make(tmp_path_factory.mktemp("home"))
    data = home.dataset(conversations(24))
    home.queue(data, home.base_model(base), name="Kind | answers\n# to", max_steps=3)
    run, _ = home.train()
    yield home, run
    home.database.close()


@pytest.fixture
def folder(finished: tuple[TrainingHome, Run]) -> Path:
    home, run = finished
    return home.adapter_folder(run.id)


def test_it_loads_with_plain_peft_in_a_fresh_process(folder: Path, base: Path) -> None:
    command = [sys.executable, "-c", LOAD, str(base), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "### User:\nHello\n\n### Assistant:\n\n"


def test_nothing_in_it_is_a_pickle_or_names_this_machine(
    folder: Path, base: Path, finished: tuple[TrainingHome, Run]
) -> None:
    artifacts.verify(folder)
    names = {path.name for path in folder.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "chat_template.jinja"} < names
    assert not {name for name in names if name.endswith((".bin", ".pt", ".pth", ".pkl"))}
    for path in folder.iterdir():
        content = path.read_bytes()
        for place in (finished[0].home, base, base.parent):
            assert str(place).encode() not in content, path.name
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == "tiny-base"


def test_the_card_says_what_it_is_made_of_and_what_it_is_not_for(
    folder: Path, finished: tuple[TrainingHome, Run]
) -> None:
    home, run = finished
    card = (folder / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["library_name"] == "peft"
    assert front["license"] == "mit"
    assert "base_model" not in front, "it has no name on a hub"
    assert "# Kind \\| answers \\# to\n" in card
    sha256 = next(iter((home.home / "datasets").iterdir())).name
    for words in ("tiny-base", sha256, "PeftModel.from_pretrained", "not a medical device"):
        assert words in card
    for name in specs.RunSpec.model_fields:
        assert f"(`{name}`)" in card
    assert f"{home.curve(run.id, 'loss')[3]:.4f}" in card


def test_the_recipe_is_the_run_again(folder: Path, finished: tuple[TrainingHome, Run]) -> None:
    values = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))
    assert specs.parse(values) == finished[1].spec


def test_trl_understands_the_training_config(folder: Path) -> None:
    script = (
        "import sys; from trl import ModelConfig, ScriptArguments, SFTConfig, TrlParser;"
        "from trl.scripts.utils import DatasetMixtureConfig;"
        "parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig));"
        "script, args, model, mixture = parser.parse_args_and_config("
        "['--config', sys.argv[1], '--use_cpu', 'true', '--bf16', 'false'],"
        " fail_with_unknown_args=True);"
        "print(args.max_steps, model.lora_r, args.learning_rate, args.packing)"
    )
    command = [sys.executable, "-c", script, str(folder / "training_config.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["3", "4", "0.005", "True"]


def test_the_curves_are_with_it(folder: Path, finished: tuple[TrainingHome, Run]) -> None:
    home, run = finished
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    points = [json.loads(line) for line in lines]
    assert [point["step"] for point in points] == [1, 2, 3]
    assert {point["step"]: point["loss"] for point in points} == home.curve(run.id, "loss")
