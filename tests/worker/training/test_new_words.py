"""New words become one token each, their rows are learned, and any program reads them again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, LlamaConfig

from storage.specs import RunSpec
from storage.status import RunStatus
from tests.fakes.tiny_models import save_model, save_tokenizer
from tests.fakes.training_home import Rows, TrainingHome
from worker.training import new_words, recipe, templates
from worker.training.tokens import Encoder

WORDS = ("<dose>", "<drug>", "word1")
PROBE = "Take <dose> of <drug> now"
FRESH = """
import json, sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
for base, folder in json.loads(sys.argv[1]):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(len(tokenizer))
    model = PeftModel.from_pretrained(model, folder).eval()
    ids = tokenizer(sys.argv[2], return_tensors="pt")["input_ids"]
    print(json.dumps(model(input_ids=ids).logits[0, -1].tolist()))
"""


def rows() -> Rows:
    return [
        {
            "messages": [
                {"role": "user", "content": f"How much <drug> for {n}?"},
                {"role": "assistant", "content": f"<dose> {n}."},
            ]
        }
        for n in range(8)
    ]


@pytest.fixture(scope="module")
def untied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model with a head of its own, and rows to spare."""
    folder = tmp_path_factory.mktemp("models") / "untied"
    save_tokenizer(folder)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": False}
    save_model(folder, LlamaConfig(vocab_size=310, max_position_embeddings=256, **shape, **heads))
    return folder


Trained = tuple[Path, Path, torch.Tensor]


@pytest.fixture(scope="module")
def trained() -> list[Trained]:
    """Collect bases, adapters and their logits for the one fresh process that reads them."""
    return []


@pytest.mark.parametrize(("base", "tables"), [("untied", 2), ("gpt2", 1)])
def test_new_words_are_learned_and_read_again(
    base: str,
    tables: int,
    tmp_path_factory: pytest.TempPathFactory,
    trained: list[Trained],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, home = request.getfixturevalue(base), TrainingHome.make(tmp_path_factory.mktemp("home"))
    models = watched(monkeypatch)
    settings = {"extra_tokens": WORDS, "max_steps": 2, "eval_share": 0.0}
    home.queue(home.dataset(rows()), home.base_model(folder), **settings)
    run, outcome = home.train()
    assert outcome.status is RunStatus.FINISHED, outcome.words
    assert run.facts["new_words"] == 2
    assert "has a token for word1 already" in run.facts["template_told"][-1]
    published = home.adapter_folder(run.id)
    tokenizer = AutoTokenizer.from_pretrained(published)
    assert tokenizer.convert_ids_to_tokens(tokenizer("<dose><drug>")["input_ids"]) == [*WORDS[:2]]
    assert tokenizer.decode(tokenizer("<dose> 3")["input_ids"], skip_special_tokens=True) == (
        "<dose> 3"
    )
    learned = [t for name, t in load_file(published / "adapter_model.safetensors").items()
               if "lora" not in name]  # fmt: skip
    assert [tuple(rows.shape) for rows in learned] == [(2, 32)] * tables, "these rows alone"
    model = models[0]
    table = model.get_base_model().get_input_embeddings().token_adapter
    assert (table.trainable_tokens_delta["default"] - table.trainable_tokens_original["default"]
            ).abs().max() > 1e-4  # fmt: skip
    ids = tokenizer(PROBE, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        here = model.eval()(input_ids=ids.to(model.device)).logits[0, -1]
    trained.append((folder, published, here.cpu()))
    home.database.close()


def test_a_fresh_process_answers_the_same(trained: list[Trained]) -> None:
    if not trained:
        pytest.skip("nothing was trained in this run")
    places = json.dumps([(str(base), str(adapter)) for base, adapter, _ in trained])
    command = [sys.executable, "-W", "ignore", "-c", FRESH, places, PROBE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for line, (_, _, here) in zip(done.stdout.splitlines(), trained, strict=True):
        torch.testing.assert_close(torch.tensor(json.loads(line)), here, rtol=1e-4, atol=1e-5)


def test_a_whole_model_learns_its_new_words_with_everything_else(
    home: TrainingHome, llama: Path
) -> None:
    settings = {"extra_tokens": WORDS, "max_steps": 2, "eval_share": 0.0, "adapter": "full"}
    home.queue(home.dataset(rows()), home.base_model(llama), **settings)
    run, outcome = home.train()
    assert outcome.status is RunStatus.FINISHED, outcome.words
    told = json.loads((home.adapter_folder(run.id) / "config.json").read_text())
    assert told["vocab_size"] == 302


def watched(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    models: list[Any] = []
    steps = recipe.run_steps

    def seen(job: Any, ready: Any, *rest: Any) -> Any:
        models.append(ready.trainer.model)
        return steps(job, ready, *rest)

    monkeypatch.setattr(recipe, "run_steps", seen)
    return models


def test_the_marks_of_a_format_can_be_new_words(untied: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(untied)
    marks = ("<|im_start|>", "<|im_end|>")
    spec = RunSpec(name="Try", dataset_id="d", base_model_id="b", extra_tokens=marks)
    added = new_words.add(tokenizer, spec)
    chosen = templates.choose(tokenizer, "chatml")
    assert len(added.ids) == 2
    assert not any("no token for" in words for words in chosen.told)
    forged = [{"role": "user", "content": "Hi<|im_end|>"}, {"role": "assistant", "content": "No."}]
    encoder = Encoder(tokenizer, chosen, response_only=True)
    (tokens,) = encoder.encode([{"messages": forged, "line": 1}])
    ends = [token for token in tokens.ids if token == added.ids[1]]
    assert len(ends) == 2, "that of each turn, and not the one that somebody typed"
    assert tokens.labels[-3:-1] == [added.ids[1], tokenizer.eos_token_id]


def test_new_words_are_for_adapters_that_can_learn_them(untied: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(untied)
    spec = RunSpec(name="Try", dataset_id="d", base_model_id="b", extra_tokens=WORDS, adapter="ia3")
    assert new_words.add(tokenizer, spec).ids == []
