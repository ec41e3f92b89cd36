"""Learning from pairs: the loss is the paper's, token by token, and all its variants train."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid
from transformers import AutoModelForCausalLM, AutoTokenizer

from storage.errors import Refused, StudioError
from storage.options.method import PreferenceLoss
from tests.fakes.by_hand import answered, texts_in, texts_of
from tests.fakes.judged_rows import pairs
from tests.fakes.prepared_recipe import Prepared, prepare
from tests.fakes.training_home import Rows, TrainingHome, conversations
from worker.training import dpo, first_batch

BETA = 0.3
DEMO = Path(__file__).parents[4] / "shared/data/dpo_en_demo.json"


@pytest.fixture(scope="module")
def prepared(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    """Return a trainer with an exam of five pairs, whose reference was asked beforehand."""
    home = TrainingHome.make(tmp_path_factory.mktemp("prepared"))
    rows = [row | ({"split": "test"} if n < 5 else {}) for n, row in enumerate(pairs(11))]
    home.queue(home.dataset(rows), home.base_model(llama), method="dpo", beta=BETA, max_length=128)
    yield prepare(home, dpo)
    home.database.close()


@pytest.fixture(scope="module")
def scores(prepared: Prepared, llama: Path) -> Callable[[Rows], "Scores"]:
    """Return what computes the log-probabilities of rows by hand."""
    base = AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(llama)
    return lambda rows: Scores.of(prepared.trainer.model, base, tokenizer, rows)


class Scores:
    """Log-probabilities of the answers of pairs, each answer read alone and without padding.

    `policy` and `reference` have two lists each, the better and the worse answers: for each answer
    the log-probabilities of its tokens.
    """

    def __init__(self, policy: list[list[Tensor]], reference: list[list[Tensor]]) -> None:
        self.policy, self.reference = policy, reference

    @classmethod
    def of(cls, model: Any, base: Any, tokenizer: Any, rows: Rows) -> "Scores":
        def side(name: str, judge: Any) -> list[Tensor]:
            return [answered(judge, tokenizer, *text) for text in texts_of(rows, name)]

        return cls(*([side(n, judge) for n in ("chosen", "rejected")] for judge in (model, base)))

    def sums(self) -> tuple[Tensor, Tensor]:
        """Return log(policy / reference) of the better answers and of the worse: (pairs,) each."""
        sides = zip(self.policy, self.reference, strict=True)
        better, worse = (
            torch.stack([(p.sum() - r.sum()) for p, r in zip(*side, strict=True)]) for side in sides
        )
        return better, worse

    def lengths(self) -> tuple[Tensor, Tensor]:
        """Return how many tokens each answer has."""
        better, worse = (torch.tensor([len(one) for one in side]) for side in self.policy)
        return better, worse


def rows_in(batch: dict[str, Tensor], tokenizer: Any) -> Rows:
    """Return the rows that a batch was made of, told by their text."""
    known = dict(zip(texts_of(pairs(11), "chosen"), pairs(11), strict=True))
    texts = texts_in(batch, tokenizer)
    return [known[text] for text in texts[: len(texts) // 2]]


# The papers' formulas, of the log-ratios and lengths of the better and the worse answers.


def sigmoid(scores: Scores) -> Tensor:  # DPO, arXiv 2305.18290, equation 7
    better, worse = scores.sums()
    return -torch.log(1 / (1 + torch.exp(-(BETA * better - BETA * worse)))).mean()


def ipo(scores: Scores) -> Tensor:  # IPO, arXiv 2310.12036, equation 17, of means over tokens
    (better, worse), (long, short) = scores.sums(), scores.lengths()
    return ((better / long - worse / short - 1 / (2 * BETA)) ** 2).mean()


def hinge(scores: Scores) -> Tensor:  # SLiC, arXiv 2305.10425, with DPO's implicit reward
    better, worse = scores.sums()
    return torch.clamp(1 - BETA * (better - worse), min=0).mean()


def robust(scores: Scores) -> Tensor:  # arXiv 2403.00409, equation 12; a tenth is mistaken
    better, worse = scores.sums()
    right, wrong = logsigmoid(BETA * (better - worse)), logsigmoid(BETA * (worse - better))
    return ((-0.9 * right + 0.1 * wrong) / 0.8).mean()


FORMULAS = {"sigmoid": sigmoid, "ipo": ipo, "hinge": hinge, "robust": robust}


@pytest.mark.parametrize("loss", FORMULAS)
def test_loss_and_gradients_are_those_of_the_paper(
    prepared: Prepared, scores: Callable[[Rows], Scores], loss: str
) -> None:
    trainer, batch = prepared.trainer, prepared.batch()
    trainer.loss_types, trainer.label_smoothing = [loss], 0.1
    ours = prepared.loss(batch)
    found = prepared.gradients(ours)
    theirs = FORMULAS[loss](scores(rows_in(batch, prepared.ready.tokenizer)))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-4)
    for name, gradient in prepared.gradients(theirs).items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-6)


def test_each_token_of_an_answer_has_its_log_probability_and_no_other_token_has(
    prepared: Prepared, scores: Callable[[Rows], Scores]
) -> None:
    batch = prepared.batch()
    labels = batch["input_ids"].masked_fill(batch["completion_mask"] == 0, -100)
    given = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with prepared.ready.steps():
        out = prepared.trainer.model(**given, labels=labels, fused_lm_head=True).log_probs
    by_hand = scores(rows_in(batch, prepared.ready.tokenizer)).policy
    for line, expected in zip(out, [*by_hand[0], *by_hand[1]], strict=True):
        torch.testing.assert_close(line[line != 0], expected, rtol=1e-4, atol=1e-5)


def test_the_reference_asked_beforehand_is_the_base_model(
    prepared: Prepared, scores: Callable[[Rows], Scores]
) -> None:
    batch = prepared.batch()
    better, worse = scores(rows_in(batch, prepared.ready.tokenizer)).reference
    for name, side in (("ref_chosen_logps", better), ("ref_rejected_logps", worse)):
        by_hand = torch.stack([answer.sum() for answer in side])
        torch.testing.assert_close(batch[name], by_hand, rtol=1e-5, atol=1e-4)


def test_asking_in_each_step_gives_the_same_loss(prepared: Prepared) -> None:
    trainer, batch = prepared.trainer, prepared.batch()
    trainer.loss_types = ["sigmoid"]
    assert trainer.precompute_ref_logps, "it is not asked again"
    beforehand = prepared.loss(batch).item()
    trainer.precompute_ref_logps = False
    in_the_step = prepared.loss(batch).item()
    trainer.precompute_ref_logps = True
    assert in_the_step == pytest.approx(beforehand, rel=1e-5)


@pytest.mark.parametrize("loss", sorted(set(PreferenceLoss.__args__) - FORMULAS.keys()))
def test_every_loss_of_the_form_is_a_number_that_can_be_learned_from(
    prepared: Prepared, loss: str
) -> None:
    prepared.trainer.loss_types, prepared.trainer.label_smoothing = [loss], 0.1
    found = prepared.loss(prepared.batch())
    assert torch.isfinite(found)
    assert any(gradient.abs().max() > 0 for gradient in prepared.gradients(found).values())


def test_an_exam_weighs_each_pair_the_same_whatever_its_batch(
    prepared: Prepared, scores: Callable[[Rows], Scores]
) -> None:
    prepared.trainer.loss_types = ["sigmoid"]
    found = prepared.examine()  # five pairs, two at once
    with torch.no_grad():
        by_hand = scores(pairs(5))
        margins = BETA * (by_hand.sums()[0] - by_hand.sums()[1])
    assert found["eval_loss"] == pytest.approx(sigmoid(by_hand).item(), rel=1e-4)
    assert found["eval_rewards/margins"] == pytest.approx(margins.mean().item(), rel=1e-3)
    assert found["eval_rewards/accuracies"] == pytest.approx((margins > 0).float().mean().item())


# Runs.


def trained(home: TrainingHome, model: Path, rows: Rows, **changes: Any) -> Any:
    home.queue(home.dataset(rows), home.base_model(model), method="dpo", **changes)
    return home.train()[0]


def test_a_run_tells_its_curves_its_facts_and_shows_its_first_batch(
    home: TrainingHome, llama: Path
) -> None:
    rows = [*pairs(20), *pairs(1)]
    rows[-1]["rejected"] = rows[-1]["chosen"]
    run = trained(home, llama, rows, max_steps=4, max_length=128, eval_every=2, packing=True)
    for name in ("reward_margin", "reward_accuracy", "reward_chosen", "reward_rejected"):
        assert list(home.curve(run.id, name)) == [1, 2, 3, 4]
        assert list(home.curve(run.id, f"eval_{name}")) == [2, 4]
    margins = home.curve(run.id, "reward_margin")
    assert margins[1] == pytest.approx(0, abs=1e-4), "it begins as the reference"
    assert margins[4] > 0  # type: ignore[operator]
    exams = home.curve(run.id, "eval_loss")
    assert run.best_step == min(exams, key=lambda step: exams[step] or 0)
    facts = run.facts
    assert facts["train_same"] + facts["eval_same"] == 1
    assert facts["train_rows"] + facts["eval_rows"] == 21
    assert facts["reference"] == "asked in each step", "8 of more pairs are read"
    file = home.files.run(run.id) / first_batch.NAME
    batch = json.loads(file.read_text(encoding="utf-8"))
    shown = [(example["pair"], example["answer"]) for example in batch["examples"]]
    assert shown == [(1, "better"), (1, "worse"), (2, "better"), (2, "worse")]
    texts = ["".join(token["text"] for token in one["tokens"]) for one in batch["examples"]]
    learned = ["".join(t["text"] for t in one["tokens"] if t["learned"])
               for one in batch["examples"]]  # fmt: skip
    assert texts[0].split("assistant:")[0] == texts[1].split("assistant:")[0], "one question"
    assert learned[0].startswith("About")
    assert learned[1].startswith("No, I will not say")


@pytest.mark.parametrize(
    "changes",
    [
        {"quantization": "nf4"},
        {"precision": "bfloat16", "gradient_checkpointing": True, "group_by_length": True},
        {"adapter": "full", "learning_rate": 1e-4},
    ],
    ids=lambda changes: "-".join(map(str, next(iter(changes.items())))),
)
def test_each_way_of_loading_learns(
    home: TrainingHome, llama: Path, changes: dict[str, Any]
) -> None:
    run = trained(home, llama, pairs(4), max_steps=3, max_length=128, eval_share=0.0, **changes)
    margins = home.curve(run.id, "reward_margin")
    assert margins[1] == pytest.approx(0, abs=0.02)
    assert margins[3] > margins[1]  # type: ignore[operator]
    assert run.facts["reference"] == "asked before the first step"


@pytest.mark.skipif(not DEMO.exists(), reason="the demonstration data is not here")
def test_on_real_pairs_the_better_answers_become_likelier(home: TrainingHome, llama: Path) -> None:
    roles = {"human": "user", "gpt": "assistant", "system": "system"}

    def turn(spoken: dict[str, str]) -> dict[str, str]:
        return {"role": roles[spoken["from"]], "content": spoken["value"][:60]}

    rows = [
        {
            "prompt": [turn(spoken) for spoken in record["conversations"]][-1:],
            "chosen": [turn(record["chosen"])],
            "rejected": [turn(record["rejected"])],
        }
        for record in json.loads(DEMO.read_text(encoding="utf-8"))[:8]
    ]
    run = trained(
        home, llama, rows, max_steps=None, epochs=8, batch_size=8, max_length=160, beta=0.5,
        learning_rate=2e-2, eval_share=0.0,
    )  # fmt: skip
    accuracies = home.curve(run.id, "reward_accuracy")
    assert accuracies[max(accuracies)] >= 0.9  # type: ignore[operator]
    assert accuracies[1] <= 0.7, "a model that has learned nothing guesses"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (conversations(3), {}, "does not fit this way"),
        (
            [{**pairs(1)[0], "prompt": [{"role": "user", "content": "x" * 90}]}],
            {"max_length": 64},
            "the answers lie beyond",
        ),
        ([pairs(1)[0] | {"rejected": pairs(1)[0]["chosen"]}], {}, "are the same"),
        ([], {}, "There is no example"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_in_words(
    home: TrainingHome, llama: Path, rows: Rows, changes: dict[str, Any], message: str
) -> None:
    rows = rows or [pairs(1)[0] | {"split": "test"}]
    with pytest.raises(StudioError, match=message) as caught:
        trained(home, llama, rows, eval_share=0.0, **changes)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"preference_loss": "exo_pair"}, "label_smoothing"),
        ({"preference_loss": "aot", "batch_size": 1}, "batch_size"),
        ({"beginning": "pissa"}, "beginning"),
    ],
)
def test_what_a_loss_needs_is_said_by_field(
    home: TrainingHome, llama: Path, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as caught:
        trained(home, llama, pairs(3), **changes)
    assert [fault.field for fault in caught.value.faults] == [field]
