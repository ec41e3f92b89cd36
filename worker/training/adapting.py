"""What learns: the adapter that is put on the base model, and how it begins."""

from typing import Any

import torch
from peft import LoraConfig, PeftConfig
from transformers.pytorch_utils import Conv1D

from storage.errors import StudioError
from storage.specs import RunSpec
from worker.training.arguments import Plan
from worker.training.job import Job


def config(spec: RunSpec, model: Any, planned: Plan) -> PeftConfig | None:
    """Return the adapter's configuration for the library's trainer; None: the whole model learns.

    No modules named means every linear layer but the head.

    Raises:
        StudioError: a named module is not in this model, or is its output head.
    """
    names = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    _check_targets(spec.target_modules, names, model)
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=list(spec.target_modules) or "all-linear",
        use_rslora=spec.use_rslora,
        use_dora=spec.use_dora,
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
    )


def begin(job: Job, trainer: Any) -> None:
    """Finish the adapter of a complete trainer, before its first step."""
    _float(trainer.model)
    trainer.model.create_or_update_model_card = lambda _folder: None  # ours comes with the adapter
    # The library would write the path of the base model's folder.
    trainer.model.peft_config["default"].base_model_name_or_path = job.base_name


def linear_names(model: Any) -> list[str]:
    """Return the last names of the layers that an adapter can be put on."""
    head = model.get_output_embeddings()
    layers = (torch.nn.Linear, Conv1D)
    found = {
        name.rsplit(".", 1)[-1]
        for name, module in model.named_modules()
        if isinstance(module, layers) and module is not head
    }
    return sorted(found)


def _float(model: Any) -> None:
    """Keep the adapter's own numbers in float32.

    TRL turns them to bfloat16 over a quantized base model; there small corrections get lost, and
    a card without bfloat16 cannot scale their gradients.
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()


def _check_targets(targets: tuple[str, ...], names: set[str], model: Any) -> None:
    known = ", ".join(linear_names(model))
    for target in targets:
        if target.rsplit(".", 1)[-1] not in names:
            raise StudioError(
                f"This base model has no part named {target}.",
                f"Leave the parts that learn empty, or choose among: {known}.",
            )
    if "lm_head" in targets:
        raise StudioError(
            "The output layer lm_head cannot learn in this studio.",
            "Remove lm_head from the parts that learn.",
        )
