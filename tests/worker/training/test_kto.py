"""Learning from single answers: the loss is the paper's, its KL term of mismatched answers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import Refused, StudioError
from storage.specs import RunSpec
from tests.fakes.by_hand import answered, texts_in
from tests.fakes.judged_rows import judged, pairs
from tests.fakes.labelled import with_template
from tests.fakes.prepared_recipe import Prepared, prepare
from tests.fakes.training_home import Rows, TrainingHome
from worker.training import first_batch, kto, templates
from worker.training.kto import neighbours
from worker.training.pairs import Limits
from worker.training.tokens import Encoder

BETA, GOOD, BAD = 0.3, 1.5, 0.8
Text = tuple[str, str]


@pytest.fixture(scope="module")
def prepared(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """Return a trainer over seven answers, three at once, with an exam of four more."""
    home = TrainingHome.make(tmp_path_factory.mktemp("prepared"))
    rows = [row | ({"split": "test"} if n < 4 else {}) for n, row in enumerate(judged(11))]
    home.queue(
        home.dataset(rows), home.base_model(llama), method="kto", beta=BETA, max_length=128,
        batch_size=3, desirable_weight=GOOD, undesirable_weight=BAD,
    )  # fmt: skip
    yield prepare(home, kto)
    home.database.close()


@pytest.fixture(scope="module")
def ratio(prepared: Prepared, llama: Path) -> Callable[[Text], Tensor]:
    """Return what computes log(policy / reference) of a question's answer by hand."""
    base = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(llama)

    def computed(text: Text) -> Tensor:
        with torch.no_grad():
            reference = answered(base, tokenizer, *text).sum()
        return answered(prepared.trainer.model, tokenizer, *text).sum() - reference

    return computed


def loss_of(texts: list[Text], verdicts: list[bool], ratio: Callable[[Text], Tensor]) -> Tensor:
    """Return KTO's loss (arXiv 2402.01306, equations 7 and 8, section 4.1) of one batch."""
    others = [(texts[n][0], texts[n - 1][1]) for n in range(len(texts))]
    moved = torch.stack([ratio(text) for text in others]).mean().detach().clamp(min=0)
    values = [
        GOOD * torch.sigmoid(BETA * (ratio(text) - moved)) if is_good
        else BAD * torch.sigmoid(BETA * (moved - ratio(text)))
        for text, is_good in zip(texts, verdicts, strict=True)
    ]  # fmt: skip
    weights = [GOOD if is_good else BAD for is_good in verdicts]
    return torch.stack([w - value for w, value in zip(weights, values, strict=True)]).mean()


def test_loss_and_gradients_are_those_of_the_paper(
    prepared: Prepared, ratio: Callable[[Text], Tensor]
) -> None:
    batch = prepared.batch()
    texts = texts_in(batch, prepared.ready.tokenizer)
    ours = prepared.loss(batch)
    found = prepared.gradients(ours)
    theirs = loss_of(texts, batch["label"].tolist(), ratio)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-4)
    for name, gradient in prepared.gradients(theirs).items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6)


def test_the_kl_term_is_of_each_question_with_the_answer_before_it_in_the_batch(
    prepared: Prepared,
) -> None:
    batch, tokenizer = prepared.batch(), prepared.ready.tokenizer
    texts, others = texts_in(batch, tokenizer), texts_in(batch, tokenizer, "KL_")
    assert others == [(texts[n][0], texts[n - 1][1]) for n in range(3)]
    *_, last = prepared.trainer.get_train_dataloader()
    (question, own), (asked, other) = texts_in(last, tokenizer) + texts_in(last, tokenizer, "KL_")
    assert asked == question
    assert other != own, "a batch of one borrows an answer"


def test_neighbours_stay_in_their_batch_and_are_nobody_s_own() -> None:
    assert neighbours(7, 3) == [2, 0, 1, 5, 3, 4, 5]
    assert neighbours(4, 2) == [1, 0, 3, 2]
    assert all(number != other for number, other in enumerate(neighbours(9, 4)))


def test_the_order_is_the_seed_s_so_that_the_answers_of_a_pair_come_apart(tmp_path: Path) -> None:
    tokenizer = with_template(tmp_path)
    encoder = Encoder(tokenizer, templates.choose(tokenizer), response_only=True)

    def order(seed: int) -> list[list[int]]:
        spec = RunSpec(dataset_id="d", base_model_id="m", method="kto", seed=seed)
        rows = [row | {"line": 1} for row in pairs(6)]
        side = kto.encode_shuffled(spec, rows, encoder, Limits(128), lambda: None)
        found: list[list[int]] = side.examples["answer_ids"][:]
        return found

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2))
    good = [tokenizer.decode(ids).split("assistant: ")[1].startswith("About") for ids in order(1)]
    assert good != [True, False] * 6


def test_what_the_reference_was_asked_beforehand_is_what_it_says_in_a_step(
    prepared: Prepared,
) -> None:
    trainer, batch = prepared.trainer, prepared.batch()
    assert {"ref_logps", "ref_KL_logps"} <= set(batch)
    assert trainer.precompute_ref_logps, "it is not asked again"
    beforehand = prepared.loss(batch).item()
    trainer.precompute_ref_logps = False
    in_the_step = prepared.loss(batch).item()
    trainer.precompute_ref_logps = True
    assert in_the_step == pytest.approx(beforehand, rel=1e-5)


def test_an_exam_weighs_each_answer_the_same_whatever_its_batch(
    prepared: Prepared, ratio: Callable[[Text], Tensor]
) -> None:
    found = prepared.examine()  # four answers, three at once
    rewards: dict[bool, list[float]] = {True: [], False: []}
    for row in judged(4):
        text = (row["prompt"][0]["content"], row["completion"][0]["content"])
        rewards[row["label"]].append(BETA * ratio(text).item())
    good, bad = (sum(rewards[side]) / len(rewards[side]) for side in (True, False))
    assert found["eval_rewards/chosen"] == pytest.approx(good, rel=1e-3)
    assert found["eval_rewards/rejected"] == pytest.approx(bad, rel=1e-3)
    assert found["eval_rewards/margins"] == pytest.approx(good - bad, rel=1e-3)


# Runs.


def trained(home: TrainingHome, model: Path, rows: Rows, **changes: Any) -> Any:
    data, base = home.dataset(rows), home.base_model(model)
    home.queue(data, base, method="kto", **{"max_length": 128, **changes})
    return home.train()[0]


@pytest.mark.parametrize("make", [pairs, judged])
def test_pairs_and_single_answers_are_learned_from(
    home: TrainingHome, llama: Path, make: Callable[[int], Rows]
) -> None:
    rows = [row | ({"split": "test"} if n < 2 else {}) for n, row in enumerate(make(12))]
    run = trained(home, llama, rows, max_steps=4, batch_size=4, eval_every=2, beta=0.5)
    margins = list(home.curve(run.id, "reward_margin").values())
    assert margins[0] == pytest.approx(0, abs=1e-4), "it begins as the reference"
    assert margins[-1] is not None
    assert margins[-1] > 0
    assert list(home.curve(run.id, "kl")) == [1, 2, 3, 4]
    assert list(home.curve(run.id, "eval_kl")) == [2, 4]
    facts = run.facts
    assert facts["good_answers"] + facts["bad_answers"] == facts["examples"]
    assert facts["examples"] == facts["train_rows"] * (2 if make is pairs else 1)
    file = home.files.run(run.id) / first_batch.NAME
    shown = json.loads(file.read_text(encoding="utf-8"))["examples"]
    assert len(shown) == 4
    for example in shown:
        learned = "".join(token["text"] for token in example["tokens"] if token["learned"])
        assert example["answer"] == ("good" if learned.startswith("About") else "bad")


def test_a_shrunk_base_in_half_precision_learns(home: TrainingHome, llama: Path) -> None:
    run = trained(
        home, llama, pairs(3), max_steps=3, eval_share=0.0, quantization="8bit",
        precision="bfloat16",
    )  # fmt: skip
    losses = home.curve(run.id, "loss")
    assert losses[1] == pytest.approx(0.5, abs=0.01)
    assert losses[3] < losses[1]  # type: ignore[operator]


def test_one_answer_alone_is_refused_in_words(home: TrainingHome, llama: Path) -> None:
    with pytest.raises(StudioError, match="Only one answer is left") as caught:
        trained(home, llama, judged(1), eval_share=0.0)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"batch_size": 1}, "batch_size"),
        ({"beginning": "olora"}, "beginning"),
        ({"group_by_length": True}, "group_by_length"),
    ],
)
def test_what_it_needs_is_said_by_field(
    home: TrainingHome, llama: Path, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as caught:
        trained(home, llama, judged(3), **changes)
    assert [fault.field for fault in caught.value.faults] == [field]
