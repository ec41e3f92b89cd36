"""Every kind of adapter on a tiny model: resumed it ends the same, published it answers alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage import artifacts, attempts, checkpoints, contestants, runs
from storage.ids import LOCAL_PERSON
from storage.runs import Run
from storage.status import RunStatus
from tests.fakes.training_home import TrainingHome, conversations
from worker.chat import adapters as chat_adapters
from worker.chat.engine import Engine, text_of
from worker.chat.mixture import Mixture
from worker.chat.sampling import Sampling
from worker.chat.stored import StoredCatalogue
from worker.training import recipe
from worker.training.adapters import beginnings

KINDS: dict[str, dict[str, Any]] = {
    "gaussian": {"beginning": "gaussian"},
    "orthogonal": {"beginning": "orthogonal"},
    "PiSSA": {"beginning": "pissa"},
    "PiSSA with DoRA": {"beginning": "pissa", "use_dora": True, "use_rslora": True},
    "OLoRA": {"beginning": "olora"},
    "EVA": {"beginning": "eva"},
    "LoRA+": {"lora_plus_ratio": 16.0, "optimizer": "adamw_bnb_8bit"},
    "AdaLoRA": {"adapter": "adalora", "final_rank": 2, "accumulation": 2},
    "IA3": {"adapter": "ia3"},
    "Whole model": {"adapter": "full"},
}

SHRUNK: dict[str, dict[str, Any]] = {
    "LoftQ": {"beginning": "loftq", "quantization": "nf4"},
    "LoftQ with DoRA": {"beginning": "loftq", "quantization": "fp4", "use_dora": True},
    "orthogonal over 8-bit": {"beginning": "orthogonal", "quantization": "8bit"},
}

PROBE = torch.arange(1, 17)[None]
SAME = 1e-6
"""How far logits may lie apart, as a share of the largest: float32 in another order."""


@dataclass
class Trained:
    """A finished run of four steps with a checkpoint in the middle, and what it answers."""

    home: TrainingHome
    run: Run
    logits: torch.Tensor

    @property
    def folder(self) -> Path:
        """Of what was published."""
        return self.home.adapter_folder(self.run.id)


Train = Callable[[str], Trained]


@pytest.fixture(scope="module")
def trained(
    llama: Path, tmp_path_factory: pytest.TempPathFactory, module_patch: pytest.MonkeyPatch
) -> Iterator[Train]:
    """Train a kind once, however many tests ask for it."""
    known: dict[str, Trained] = {}
    models: list[Any] = []
    steps = recipe.run_steps

    def watched(job: Any, ready: Any, *rest: Any) -> Any:
        models.append(ready.trainer.model)
        return steps(job, ready, *rest)

    module_patch.setattr(recipe, "run_steps", watched)

    def train(kind: str) -> Trained:
        if kind not in known:
            home = TrainingHome.make(tmp_path_factory.mktemp("home"))
            base = home.base_model(llama)
            more = {"eval_share": 0.0, "save_every": 2, "dropout": 0.1, "keep_checkpoints": 9}
            settings = {**more, "scheduler": "linear", **{**KINDS, **SHRUNK}[kind]}
            home.queue(home.dataset(conversations(24)), base, **settings)
            run, outcome = home.train()
            assert outcome.status is RunStatus.FINISHED
            known[kind] = Trained(home, run, logits(models[-1]))
        return known[kind]

    yield train
    for one in known.values():
        one.home.database.close()


@pytest.fixture(scope="module")
def module_patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@torch.no_grad()
def logits(model: Any) -> torch.Tensor:
    model.eval()
    found: torch.Tensor = model(input_ids=PROBE).logits.float()
    return found


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().max() / one.abs().max())


@pytest.mark.parametrize("kind", [kind for kind in (*KINDS, *SHRUNK) if kind != "gaussian"])
def test_stopped_and_resumed_it_ends_bit_for_bit_the_same(trained: Train, kind: str) -> None:
    one = trained(kind)
    home, run, before = one.home, one.run, one.folder
    whole = [saved.step for saved in home.checkpoints(run.id) if checkpoints.is_whole(saved)]
    assert whole == [4, 2]
    forget(home, run, step=4)
    again, _ = home.train()
    resumed = [attempt["resumed_step"] for attempt in runs.attempts(home.database, run.id)]
    assert resumed[-1] == 2
    name = recipe.export.weights_in(before).name
    after = home.adapter_folder(again.id)
    assert after != before
    assert artifacts.sha256(after / name) == artifacts.sha256(before / name)


def forget(home: TrainingHome, run: Run, step: int) -> None:
    """Leave a run as if it had been stopped before it made that checkpoint."""
    newest = home.checkpoints(run.id)[0]
    assert newest.step == step
    artifacts.remove(newest.folder)
    attempt = home.run(run.id).attempt
    attempts.end(home.database, run.id, attempt, RunStatus.STOPPED, "as asked")
    runs.resume(home.database, LOCAL_PERSON, run.id)


def test_damaged_factors_of_the_beginning_are_computed_again_the_same(trained: Train) -> None:
    one = trained("PiSSA")
    kept = one.home.files.run(one.run.id) / "beginning" / beginnings.KEPT
    good = artifacts.sha256(kept)
    kept.write_bytes(b"damaged")
    forget(one.home, one.run, step=4)
    again, _ = one.home.train()
    assert artifacts.sha256(kept) == good
    one.run = again


def test_it_loads_over_the_original_base_with_plain_peft(trained: Train, llama: Path) -> None:
    for kind in KINDS:
        one = trained(kind)
        model = AutoModelForCausalLM.from_pretrained(one.folder if kind == "Whole model" else llama)
        if kind != "Whole model":
            model = PeftModel.from_pretrained(model, one.folder)
        assert apart(logits(model), one.logits) <= SAME, kind


def test_the_playground_answers_with_all_kinds_in_one_batch(trained: Train, llama: Path) -> None:
    kinds = [kind for kind in KINDS if kind != "Whole model"]
    base = AutoModelForCausalLM.from_pretrained(llama).eval()
    alone = logits(base)
    mixture = Mixture(base)
    mixture.arrange([chat_adapters.load(trained(kind).folder, base) for kind in kinds] + [None])
    with torch.no_grad():
        answers = base(input_ids=PROBE.expand(len(kinds) + 1, -1)).logits
    for kind, answer in zip(kinds, answers, strict=False):
        assert apart(answer[None], trained(kind).logits) <= SAME, kind
        assert apart(answer[None], alone) > 10 * SAME, "it changes something"
    assert apart(answers[-1:], alone) <= SAME, "the base alone stays as it is"


@pytest.mark.parametrize("kind", ["PiSSA", "AdaLoRA", "LoftQ", "EVA", "Whole model"])
def test_a_checkpoint_can_be_talked_to_like_what_is_published(trained: Train, kind: str) -> None:
    one = trained(kind)
    there = contestants.all_of(one.home.database, one.home.files, LOCAL_PERSON)
    published = next(found for found in there if found.kind == "adapter")
    newest = next(found for found in there if found.name.endswith(":4"))
    weights = "model.safetensors" if kind == "Whole model" else "adapter_model.safetensors"
    folders = [
        found.base_folder if kind == "Whole model" else found.adapter_folder
        for found in (published, newest)
    ]
    assert folders[0] == one.home.adapter_folder(one.run.id)
    for name in (weights, "chat_template.jinja"):
        assert len({artifacts.sha256(folder / name) for folder in folders if folder}) == 1, name
    assert (published.adapter_folder is None) is (kind == "Whole model")


def test_a_model_that_learned_as_a_whole_stands_beside_its_original(
    trained: Train, llama: Path
) -> None:
    one = trained("Whole model")
    there = contestants.all_of(one.home.database, one.home.files, LOCAL_PERSON)
    assert [found.base_folder for found in there[:2]] == [llama, one.folder]
    assert {found.base_id for found in there} == {one.run.base_model_id}
    names = {path.name for path in one.folder.iterdir()}
    complete = {"config.json", "generation_config.json", "tokenizer.json", "chat_template.jinja"}
    assert complete < names
    card = (one.folder / "README.md").read_text(encoding="utf-8")
    assert "PeftModel" not in card
    assert "library_name: transformers" in card


def test_the_playground_asks_the_whole_model_and_its_original_side_by_side(
    trained: Train,
) -> None:
    """The same tokens as by the library alone; the engine loads one model after the other."""
    one = trained("Whole model")
    catalogue = StoredCatalogue(one.home.database, one.home.files, LOCAL_PERSON)
    engine = Engine()
    greedy = Sampling(temperature=0, max_tokens=8)
    answers = []
    for voice in catalogue.contestants()[:2]:
        answers.append(text_of(engine.answer(voice, PROBE[0].tolist(), greedy)))
        model = AutoModelForCausalLM.from_pretrained(voice.base_folder).eval()
        mask = torch.ones_like(PROBE)
        written = model.generate(PROBE, attention_mask=mask, max_new_tokens=8, do_sample=False)
        tokenizer = AutoTokenizer.from_pretrained(voice.base_folder)
        expected = tokenizer.decode(written[0, PROBE.shape[1] :], skip_special_tokens=True)
        assert answers[-1] == expected
    engine.close()
    assert answers[0] != answers[1]


def test_loftq_learns_over_the_shrunk_base_and_is_used_over_the_whole_one(trained: Train) -> None:
    """The published adapter is what was learned beyond making up for the shrinking."""
    one = trained("LoftQ")
    kept = beginnings.load_file(one.home.files.run(one.run.id) / "beginning" / beginnings.KEPT)
    learned = beginnings.load_file(one.home.checkpoints(one.run.id)[0].folder / WEIGHTS)
    published = beginnings.load_file(one.folder / WEIGHTS)
    for name in [name for name in kept if "lora_A" in name]:
        up = name.replace("lora_A", "lora_B")
        beyond = learned[up] @ learned[name] - kept[up] @ kept[name]
        torch.testing.assert_close(published[up] @ published[name], beyond, atol=1e-6, rtol=1e-5)


WEIGHTS = "adapter_model.safetensors"
