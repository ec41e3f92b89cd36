"""Learning answers and preferences at once (ORPO), from top to bottom: data, model, trainer.

By hand: `python -m worker.training.orpo RUN_ID`, see `by_hand`. There is no reference model. As in
the paper, and unlike TRL's trainer, the part that learns the better answer leaves the question out:
TRL adds the likelihood of the prompt's own tokens to it.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from trl.experimental.orpo import ORPOConfig, ORPOTrainer
from trl.trainer.utils import add_fused_lm_head, disable_dropout_in_model

from worker.training import (
    adapting,
    arguments,
    fresh_process,
    models,
    pairs,
    precision,
    preference,
    recipe,
    starting,
    templates,
)
from worker.training.arguments import Plan
from worker.training.distributed import together
from worker.training.job import Job, Outcome
from worker.training.pair_batches import Pairs
from worker.training.preference import Material
from worker.training.recipe import Ready
from worker.training.reporting import Reporter
from worker.training.stops import Stops
from worker.training.tokens import IGNORED

CURVES = {
    "rewards/margins": "reward_margin",
    "rewards/accuracies": "reward_accuracy",
    "rewards/chosen": "reward_chosen",
    "rewards/rejected": "reward_rejected",
    "log_odds_chosen": "log_odds",
    "nll_loss": "answer_loss",
}


class OddsRatio(preference.JudgedTrainer, ORPOTrainer):
    """TRL's trainer, given tokens, with the head's scores at the answers alone."""

    def __init__(self, *, train_dataset: Any, eval_dataset: Any, **given: Any) -> None:
        # TRL writes every row anew three times: it is shown one, and given the rows afterwards.
        super().__init__(train_dataset=train_dataset.select([0]), **given)
        self.train_dataset, self.eval_dataset = train_dataset, eval_dataset
        self.use_dpo_data_collator = True  # else it warns in each exam that ours is another
        self._tokens_read = 0

    @staticmethod
    def tokenize_row(*_: Any) -> dict[str, Any]:
        """Add nothing: the rows are tokens already."""
        return {}

    def figures(self, mode: str) -> dict[str, list[float]]:
        """Return the figures of the batches since the last log, where this trainer keeps them."""
        found: dict[str, list[float]] = self._stored_metrics[mode]
        return found

    def get_batch_loss_metrics(
        self, model: Any, batch: dict[str, Tensor], train_eval: str = "train"
    ) -> tuple[Tensor, dict[str, float]]:
        """Return the loss of a batch of pairs, and its figures.

        ORPO (arXiv 2403.07691), equation 6: the mean negative log-likelihood of the tokens of the
        better answers, plus beta times the loss of the odds ratio (equation 7), in which an
        answer's log-likelihood is the mean over its tokens (equation 3).
        """
        outputs = self._scored(model, batch)
        sums, counts = outputs.log_probs.sum(dim=1), outputs.label_mask.sum(dim=1)
        better, worse = (sums / counts).chunk(2)
        nll = -sums.chunk(2)[0].sum() / counts.chunk(2)[0].sum()
        ratios, good, bad, _, log_odds = self.odds_ratio_loss(better, worse)
        loss = nll - ratios.mean()
        if self.aux_loss_enabled:
            loss = loss + self.aux_loss_coef * outputs.aux_loss
        found = {"rewards/chosen": good, "rewards/rejected": bad, "rewards/margins": good - bad}
        found |= {"rewards/accuracies": good > bad, "log_odds_chosen": log_odds, "nll_loss": nll}
        if train_eval == "train":
            self._tokens_read += int(batch["attention_mask"].sum())
            return loss, _means(found)
        self.weigh(batch, "eval")
        return loss, {f"eval_{name}": mean for name, mean in _means(found).items()}

    def _scored(self, model: Any, batch: dict[str, Tensor]) -> Any:
        """Return TRL's fused output: `log_probs` and `label_mask`, (2 * pairs, tokens - 1)."""
        return model(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            labels=batch["input_ids"].masked_fill(batch["completion_mask"] == 0, IGNORED),
            use_cache=False,
            fused_lm_head=True,
            **({"output_router_logits": True} if self.aux_loss_enabled else {}),
        )

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log also how many tokens were read, as the other trainers do."""
        if "loss" in logs:
            logs["num_tokens"] = int(together.summed(torch.tensor(self._tokens_read)))
        super().log(logs, start_time)


def _means(found: dict[str, Tensor]) -> dict[str, float]:
    """Return the means over the answers that all processes have read."""
    mine = torch.stack([value.detach().float().mean().cpu() for value in found.values()])
    means = (together.summed(mine) / together.count()).tolist()
    return dict(zip(found, means, strict=True))


def train(job: Job, reporter: Reporter, stops: Stops) -> Outcome:
    """Train one attempt of a run. Raises StudioError, see `recipe.train`."""
    return recipe.train(job, reporter, stops, prepare)


def prepare(job: Job, reporter: Reporter, stops: Stops) -> Ready:
    """Read the data, load the model, make the trainer."""
    recipe.stage(reporter, stops, "loading the tokenizer")
    tokenizer = models.load_tokenizer(job.base_folder)
    template = templates.of_run(tokenizer, job.spec)
    recipe.stage(reporter, stops, "reading the data")
    train_side, evaluation = pairs.read(
        job, tokenizer, template, pairs.encode_pairs, stops.check, whole=False
    )
    recipe.stage(reporter, stops, "loading the model")
    formats = precision.of(job.spec, job.base_folder)
    model = models.load_model(job.base_folder, job.spec, formats)
    highest = max(train_side.highest, evaluation.highest if evaluation else -1)
    models.require_fitting(tokenizer, model, highest)
    disable_dropout_in_model(model)  # the model's own; what is dropped of the adapter is a setting
    add_fused_lm_head(model)
    planned = arguments.plan(job.spec, len(train_side.examples), has_exam=evaluation is not None)
    material = Material(tokenizer, template, train_side, evaluation, formats)
    trainer = build(job, material, model, planned)
    starting.put(job, trainer)
    steps = partial(preference.taken, trainer, job.spec, formats)
    return Ready(
        tokenizer,
        trainer,
        planned,
        facts(job, material, model),
        steps=steps,
        curves=CURVES,
    )


# Trainer.


def build(job: Job, material: Material, model: Any, planned: Plan) -> OddsRatio:
    """Return TRL's trainer over the model with a fresh adapter, seeded by the run's seed."""
    return OddsRatio(
        model=model,
        args=configure(job, material, planned),
        data_collator=Pairs(material.tokenizer.pad_token_id),
        train_dataset=material.train.examples,
        eval_dataset=material.evaluation.examples if material.evaluation else None,
        processing_class=material.tokenizer,
        peft_config=adapting.config(job.spec, model, planned, job.start_folder),
    )


def configure(job: Job, material: Material, planned: Plan) -> ORPOConfig:
    """Return TRL's configuration for learning answers and preferences at once."""
    return ORPOConfig(
        **arguments.common(job.spec, planned, material.precision, job.working_folder),
        beta=job.spec.beta,
        max_length=job.spec.max_length,
        disable_dropout=False,
        remove_unused_columns=False,
        prediction_loss_only=True,
    )


def facts(job: Job, material: Material, model: Any) -> dict[str, Any]:
    """Return what the run's page and the model card tell about how it was trained."""
    return {
        **preference.facts(job.spec, material, model),
        **preference.facts_of_answers(job.spec, material),
        **pairs.mean_lengths(material.train),
    }


if __name__ == "__main__":
    fresh_process.run()
