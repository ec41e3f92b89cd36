"""The trainer of a dry run: each recipe's own, over a model of shapes and rows of nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from trl.trainer.utils import add_fused_lm_head, disable_dropout_in_model

from worker.training import data as data_of_run
from worker.training import dpo, kto, models, new_words, orpo, preference, reward, sft
from worker.training.arguments import Plan
from worker.training.dry_run import material
from worker.training.dry_run.material import Case
from worker.training.fast import path
from worker.training.precision import Precision

METHODS = ("sft", "pretrain", "dpo", "kto", "orpo", "reward")
"""Those that can be tried. Distillation writes answers, which nothing without numbers can."""

_MIXES_ROWS = ("bloom", "mpt")
"""Kinds of model in which examples that lie one behind the other see each other."""

_ASKED_AT_ONCE = 8
"""Pairs that the base model is asked about in one go; see `worker.training.reference`."""

_PLAN = Plan(total_steps=10, warmup_steps=0, eval_every=None, save_every=None)
"""Of a run that is left after its first step; AdaLoRA's schedule needs some."""


@dataclass(frozen=True)
class Ready:
    """A trainer, the context in which it takes its steps, and what comes before them."""

    trainer: Any
    steps: Callable[[], AbstractContextManager[object]]
    before: Callable[[], None]


def kind_of_model(method: str) -> Any:
    """Return the library's class for what the base model does in a method."""
    return AutoModelForSequenceClassification if method == "reward" else AutoModelForCausalLM


def make(case: Case, model: Any, formats: Precision, folder: Path) -> Ready:
    """Return the trainer of the case's method; a tracker must be entered.

    Raises:
        StudioError: the settings do not fit the model.
    """
    tokenizer = models.load_tokenizer(case.folder)
    models.require_fitting(tokenizer, model, -1)
    prepare = _supervised if case.spec.method in ("sft", "pretrain") else _preferring
    return prepare(case, model, formats, (tokenizer, folder))


def _supervised(case: Case, model: Any, formats: Precision, told: tuple[Any, Path]) -> Ready:
    tokenizer, folder = told
    spec, side = case.spec, material.supervised(case)
    words = new_words.add(tokenizer, spec)
    new_words.make_room(model, tokenizer, words)
    isolates = model.config.get_text_config().model_type not in _MIXES_ROWS
    packing = spec.packing and isolates
    if packing:
        side = data_of_run.pack(side, spec.max_length)
    read = sft.Material(tokenizer, _no_template(), words, side, None, formats, packing)
    trainer = sft.build(material.job(case, folder), read, model, _PLAN)
    chosen = path.choose(trainer, spec, isolates=isolates)  # all differences are shapes: equal
    steps = partial(path.taken, trainer, chosen, formats, compiles=False)
    return Ready(trainer, steps, lambda: None)


def _no_template() -> Any:
    return None  # the rows are tokens already


def _preferring(case: Case, model: Any, formats: Precision, told: tuple[Any, Path]) -> Ready:
    tokenizer, folder = told
    spec = case.spec
    disable_dropout_in_model(model)
    if spec.method == "orpo":
        add_fused_lm_head(model)
    rows = max(spec.batch_size, _ASKED_AT_ONCE)
    side = (material.judged if spec.method == "kto" else material.pairs)(case, rows)
    read = preference.Material(tokenizer, _no_template(), side, None, formats)
    build = {"dpo": dpo.build, "kto": kto.build, "orpo": orpo.build, "reward": reward.build}
    trainer = build[spec.method](material.job(case, folder), read, model, _PLAN)
    steps = partial(preference.taken, trainer, spec, formats)
    asks = spec.method in ("dpo", "kto") and (case.asks_first or spec.adapter == "full")
    return Ready(trainer, steps, partial(_ask, trainer, steps) if asks else lambda: None)


def _ask(trainer: Any, steps: Callable[[], AbstractContextManager[object]]) -> None:
    """Ask the base model about all pairs, and let the trainer know of answers to them."""
    with steps():
        trainer.asked(lambda *_: None)
    count = len(trainer.train_dataset)
    trainer.learn_said({"train_dataset": torch.tensor([[0.0] * count] * 2)})
