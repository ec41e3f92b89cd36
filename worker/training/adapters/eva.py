"""EVA: the adapter begins with the directions in which real training data moves the model.

Explained variance adaptation (arXiv 2410.07170), computed by PEFT: the room to learn (the ranks) is
shared out among the layers, more of it where the data varies more.
"""

from collections.abc import Iterator
from typing import Any

import torch
from peft import EvaConfig, initialize_lora_eva_weights
from peft.tuners.lora.eva import SVDHook, get_eva_state_dict
from safetensors.torch import load_file, save_file

from storage import artifacts
from storage.errors import StudioError
from worker.training.adapters.beginnings import KEPT, kept_in, layers
from worker.training.adapters.targets import sizes
from worker.training.job import Job
from worker.training.journal import journal

_SPREAD = 2.0
"""A layer may get so many times its even share of the ranks (rho in the paper)."""

_BATCHES = 32
"""So many batches are looked at, over and over until the directions settle."""

_PASSES = 150
"""After so many passes the directions are taken as they are; real data settles in a few tens."""

_READ = ("input_ids", "attention_mask", "position_ids")

_NAME = "default"


def begin(job: Job, trainer: Any) -> None:
    """Let a fresh adapter begin with the directions of the training data; the same on a resume.

    Raises:
        StudioError: there are fewer tokens to learn than directions to find.
    """
    model = trainer.model
    folder = kept_in(job)
    config = model.peft_config[_NAME]
    if not _is_whole(folder):
        artifacts.remove(folder)
        directions = _directions(model, _Passes(trainer))
        with artifacts.staged(folder, {"beginning": "eva"}) as staging:
            # Layers that see the same inputs share directions; the file format wants copies.
            copies = {name: value.contiguous().cpu().clone() for name, value in directions.items()}
            save_file(copies, staging / KEPT)
    config.init_lora_weights, config.eva_config = "eva", EvaConfig(rho=_SPREAD)
    initialize_lora_eva_weights(model, eva_state_dict=load_file(folder / KEPT))
    config.init_lora_weights, config.eva_config = True, None  # from here on it is plain LoRA
    journal.info("EVA gave %d layers their room", sum(1 for _ in layers(model)))


class _Passes:
    """Batches of training data for looking at what flows through the model.

    Args:
        trainer: complete, but not begun; its order of the rows and its random numbers stay as
            they are.
    """

    def __init__(self, trainer: Any) -> None:
        self.taken = 0
        self._rows, self._collate = trainer.train_dataset, trainer.data_collator
        self._size = trainer.args.per_device_train_batch_size
        model = trainer.model
        rank = model.peft_config[_NAME].r
        narrowest = min(sizes(layer.get_base_layer())[0] for _, layer in layers(model))
        self.batches = list(self._filled(int(min(_SPREAD * rank, narrowest))))
        fewest = min(map(_learned, self.batches), default=0)
        if fewest < rank:
            raise StudioError(
                f"EVA looks for {rank} directions in your data, which has {fewest} tokens to "
                "learn in all.",
                "Choose less room to learn (rank), or another beginning.",
            )
        self.spread = min(_SPREAD, narrowest / rank, fewest / rank)

    def forward(self, model: Any, batch: dict[str, Any]) -> None:
        """Run the model without its head; ends the search where it does not settle by itself."""
        self.taken += 1
        if self.taken > _PASSES:
            _loosen(model)
        inputs = {name: batch[name] for name in _READ if name in batch}
        model.get_base_model().base_model(**inputs, use_cache=False)

    def _filled(self, tokens: int) -> Iterator[dict[str, Any]]:
        """Yield batches with at least so many tokens to learn, but the only one may have fewer."""
        rows: list[Any] = []
        yielded = 0
        for row in self._rows:
            rows.append(row)
            if len(rows) % self._size:
                continue
            batch = self._batch(rows)
            if _learned(batch) >= tokens:
                yield batch
                rows, yielded = [], yielded + 1
            if yielded == _BATCHES:
                return
        if not yielded and rows:
            yield self._batch(rows)

    def _batch(self, rows: list[Any]) -> dict[str, Any]:
        batch = self._collate(list(rows))
        return {name: batch[name] for name in (*_READ, "labels") if name in batch}


def _directions(model: Any, passes: _Passes) -> dict[str, torch.Tensor]:
    config = model.peft_config[_NAME]
    config.eva_config = EvaConfig(rho=passes.spread)
    found: dict[str, torch.Tensor] = get_eva_state_dict(
        model,
        passes.batches,
        forward_fn=passes.forward,
        adapter_name=_NAME,
        show_progress_bar=False,
    )
    return found


def _learned(batch: dict[str, Any]) -> int:
    return int((batch["labels"] != -100).sum())


def _loosen(model: Any) -> None:
    for module in model.modules():
        for hook in module._forward_hooks.values():
            if isinstance(hook, SVDHook):
                hook.sim_thresh = -1.0


def _is_whole(folder: Any) -> bool:
    try:
        artifacts.verify(folder)
    except artifacts.Damaged:
        return False
    return True
