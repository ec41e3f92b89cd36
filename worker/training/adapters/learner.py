"""What the kinds of adapters ask of the trainer: its optimizer, its steps and its checkpoints."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.optimizers import create_loraplus_optimizer
from peft.utils.other import TrainableTokensWrapper

from worker.training import schedules
from worker.training.adapters import ranks
from worker.training.adapters.ranks import Allocation


class AdapterLearner:
    """What stands before TRL's trainer for the sake of the adapter, whatever the recipe.

    Attributes:
        up_speed: so many times faster LoRA's second matrix learns (LoRA+, arXiv 2402.12354).
        allocation: shares out the rank of an AdaLoRA adapter; None for other kinds.
    """

    # Of the library's trainer:
    model: Any
    args: Any
    accelerator: Any
    optimizer: Any
    processing_class: Any
    lr_scheduler: Any
    get_optimizer_cls_and_kwargs: Any

    up_speed: float = 1.0
    allocation: Allocation | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        in_float32(self.model)

    def create_optimizer(self, model: Any = None) -> Any:
        """Return the optimizer, with two learning rates where LoRA+ is on."""
        if self.optimizer is None and self.up_speed != 1.0:
            kind, settings = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            self.optimizer = create_loraplus_optimizer(
                self.model,
                kind,
                loraplus_lr_ratio=self.up_speed,
                loraplus_weight_decay=self.args.weight_decay,
                **settings,
            )
        return super().create_optimizer(model)  # type: ignore[misc]

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Take a step; AdaLoRA's directions are kept apart once an optimizer step, not a batch.

        The term is not part of the loss that is told, which stays comparable with the exam's.
        """
        loss = super().training_step(model, inputs, *args, **kwargs)  # type: ignore[misc]
        if self.allocation is not None and self.accelerator.sync_gradients:
            apart = ranks.orthogonality(self.model)
            self.accelerator.backward(ranks.ORTHOGONALITY * apart)
            self.allocation.latest["orthogonality"] = float(apart.detach())
        return loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log a step, with the ranks where they adapt."""
        if self.allocation is not None and "loss" in logs:
            logs |= self.allocation.latest
        super().log(logs, *args, **kwargs)  # type: ignore[misc]

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Write what learns: an adapter, or the whole model ready to be used."""
        if not self.args.should_save:  # the first process does
            return
        if not isinstance(self.model, PeftModel):
            self.model.save_pretrained(output_dir, state_dict=state_dict)
            self.processing_class.save_pretrained(output_dir)
            return
        self._save_template(Path(str(output_dir)))
        with ranks.all_of(self.model) if self.allocation is not None else nullcontext():
            self.model.save_pretrained(
                output_dir, state_dict=state_dict, save_embedding_layers=False
            )
        if self.allocation is not None:
            ranks.write_state(self.model, Path(str(output_dir)))
        if any(isinstance(module, TrainableTokensWrapper) for module in self.model.modules()):
            self.processing_class.save_pretrained(output_dir)  # else nobody could read the words

    def _save_template(self, folder: Path) -> None:
        """Leave the chat format beside the adapter: who talks to a checkpoint writes in it."""
        if self.processing_class.chat_template:
            folder.mkdir(parents=True, exist_ok=True)
            text = self.processing_class.get_chat_template()
            (folder / "chat_template.jinja").write_text(text, encoding="utf-8")

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc]
        if checkpoint is not None:
            schedules.settle(self.lr_scheduler)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if model is not None:  # divided among processes: it was loaded while it was whole
            return
        if not isinstance(self.model, PeftModel):
            # Its files may name tensors in another way than the model does, which from_pretrained
            # alone translates; the library would leave those as they are and say nothing.
            saved = type(self.model).from_pretrained(
                resume_from_checkpoint, dtype=torch.float32, local_files_only=True
            )
            self.model.load_state_dict(saved.state_dict())
            return
        super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
        if self.allocation is not None:
            ranks.read_state(self.model, Path(resume_from_checkpoint))


def in_float32(model: Any) -> None:
    """Keep what learns in float32.

    TRL turns an adapter's numbers to bfloat16 over a quantized base model; there small corrections
    get lost, and a card without bfloat16 cannot scale their gradients.
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
