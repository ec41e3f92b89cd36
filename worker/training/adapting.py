"""What learns: the adapter that is put on the base model, or all of it, and how it begins."""

from pathlib import Path
from typing import Any

import psutil
import torch
from peft import AdaLoraConfig, IA3Config, LoraConfig, PeftConfig, PeftModel
from transformers.pytorch_utils import Conv1D

from storage.errors import StudioError
from storage.specs import RunSpec
from worker.training import starting
from worker.training.adapters import beginnings, eva, ranks, targets
from worker.training.adapters.learner import in_float32
from worker.training.adapters.ranks import Allocation
from worker.training.arguments import Plan
from worker.training.job import Job

_NAME = "default"


def config(
    spec: RunSpec, model: Any, planned: Plan, start: Path | None = None
) -> PeftConfig | None:
    """Return the adapter's configuration for the library's trainer; None: the whole model learns.

    No modules named means every linear layer but the head. `start` is the folder of the adapter
    that is gone on from; its own configuration counts then.

    Raises:
        StudioError: a named module is not in this model or is its output head, the rank is above
            a matrix's size, the steps are too few for the rank to adapt, or the whole model does
            not fit into memory while it learns.
    """
    common = {"task_type": _task(model), "fan_in_fan_out": _is_turned(model)}
    if spec.adapter == "full":
        _require_memory(spec, model)
        return None
    if start is not None:
        return starting.config(start, dropout=spec.dropout, **common)
    if spec.adapter == "ia3":
        scaled, on_the_way_in = targets.scaled(spec, model)
        return IA3Config(**common, target_modules=scaled, feedforward_modules=on_the_way_in)
    low_rank = {
        **common,
        "lora_alpha": spec.alpha,
        "lora_dropout": spec.dropout,
        "target_modules": targets.low_rank(spec, model),
    }
    if spec.adapter == "adalora":
        return AdaLoraConfig(
            **low_rank,
            **ranks.schedule(planned.total_steps),
            init_r=spec.rank,
            target_r=spec.final_rank,
            orth_reg_weight=0.0,  # `AdapterLearner` puts the term into the gradient, exactly once
        )
    return LoraConfig(
        **low_rank,
        r=spec.rank,
        use_rslora=spec.use_rslora,
        use_dora=spec.use_dora,
        init_lora_weights="gaussian" if spec.beginning == "gaussian" else True,
    )


def begin(job: Job, trainer: Any) -> dict[str, Any]:
    """Finish the adapter of a complete trainer, before its first step; returns facts about it.

    Raises:
        StudioError: the data or the base model's files do not allow this beginning.
    """
    model, spec = trainer.model, job.spec
    if not isinstance(model, PeftModel):
        return {"adapter": "full"}
    model.create_or_update_model_card = lambda _folder: None  # ours comes with the adapter
    settings: Any = model.peft_config[_NAME]
    # The library would write the path of the base model's folder.
    settings.base_model_name_or_path = job.base_name
    settings.fan_in_fan_out = _was_turned(model)
    if spec.adapter == "lora" and spec.beginning in ("orthogonal", *beginnings.SUBTRACTED):
        beginnings.begin(job, model)
    if spec.adapter == "lora" and spec.beginning == "eva":
        eva.begin(job, trainer)
        in_float32(model)
    if spec.adapter == "lora":
        trainer.up_speed = spec.lora_plus_ratio
    if spec.adapter == "adalora":
        trainer.allocation = Allocation(model, job.run_folder)
        trainer.add_callback(trainer.allocation)
    return _facts(spec, model)


def curves(spec: RunSpec) -> dict[str, str]:
    """Return what else is logged because of the adapter, and the curves it becomes."""
    return ranks.CURVES if spec.adapter == "adalora" else {}


def linear_names(model: Any) -> list[str]:
    """Return the last names of the layers that an adapter can be put on."""
    return targets.linear_names(model)


def _facts(spec: RunSpec, model: Any) -> dict[str, Any]:
    settings: Any = model.peft_config[_NAME]
    found: dict[str, Any] = {"adapter": spec.adapter}
    if spec.adapter == "adalora":
        moments = ("tinit", "tfinal", "deltaT")
        found["rank_schedule"] = {name: getattr(settings, name) for name in moments}
    if spec.adapter == "lora" and spec.beginning == "eva":
        layers = beginnings.layers(model)
        found["ranks"] = {
            name.removeprefix("base_model.model."): layer.r[_NAME] for name, layer in layers
        }
    experts = targets.left_out(model.get_base_model())
    return found | ({"parts_left_out": experts} if experts else {})


def _task(model: Any) -> str:
    return "SEQ_CLS" if hasattr(model, "score") else "CAUSAL_LM"


def _is_turned(model: Any) -> bool:
    return any(isinstance(module, Conv1D) for module in model.modules())


def _was_turned(model: Any) -> bool:
    """Tell whether the base model's files have turned weights; shrunk ones were turned back."""
    return _is_turned(model) or any(
        getattr(module, "source_cls", None) is Conv1D for module in model.modules()
    )


def _require_memory(spec: RunSpec, model: Any) -> None:
    """Refuse to let all of a model learn where its gradients and corrections do not fit.

    A number that learns takes 4 bytes, as much for its gradient, and 8 for AdamW's two memories,
    or 2 in 8 bits.
    """
    there = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    memories = 2 if "8bit" in spec.optimizer else 8
    needed = sum(parameter.numel() for parameter in model.parameters()) * (8 + memories) - there
    on_card = torch.cuda.is_available()
    free = torch.cuda.mem_get_info()[0] if on_card else psutil.virtual_memory().available
    if needed > free:
        raise StudioError(
            f"Letting all of this model learn takes {needed / 1e9:.1f} GB more memory; "
            f"{free / 1e9:.1f} GB are free.",
            "Let an add-on (LoRA) learn instead, or choose a smaller model.",
        )
