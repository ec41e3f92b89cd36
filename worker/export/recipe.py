"""A run in the words of TRL's command line, so that it can be repeated without the studio."""

from typing import Any

from storage.base_models import Source
from storage.specs import RunSpec
from worker.training.job import Job

COMMANDS = {
    "sft": "sft",
    "pretrain": "sft",
    "dpo": "dpo",
    "kto": "kto",
    "reward": "reward",
    "distill": "distillation",
}
"""TRL's command for each method; ORPO it has as a class only."""


def trl_recipe(job: Job) -> dict[str, Any] | None:
    """Return the run as TRL's settings; `data.jsonl` stands for the person's own file.

    None for a method that TRL has no command for.
    """
    spec = job.spec
    if spec.method not in COMMANDS:
        return None
    return {
        "model_name_or_path": job.base_name,
        "datasets": [{"path": "json", "data_files": "data.jsonl", "split": "train"}],
        "output_dir": "adapter",
        **_adapter(spec),
        **_quantization(spec),
        **_length(spec),
        "learning_rate": spec.learning_rate,
        "lr_scheduler_type": spec.scheduler,
        "warmup_steps": spec.warmup_ratio,  # below 1 it is a share of the run
        "per_device_train_batch_size": spec.batch_size,
        "gradient_accumulation_steps": spec.accumulation,
        "optim": spec.optimizer,
        "weight_decay": spec.weight_decay,
        "max_grad_norm": spec.max_grad_norm,
        **_method(job),
        "gradient_checkpointing": spec.gradient_checkpointing,
        "seed": spec.seed,
        "logging_steps": 1,
        "report_to": "none",
    }


def beyond(spec: RunSpec) -> str:
    """Return what of a run's adapter TRL's command line cannot say; empty where it says it all."""
    if spec.adapter in ("adalora", "ia3"):
        return {"adalora": "AdaLoRA", "ia3": "IA3"}[spec.adapter]
    if spec.adapter == "lora" and (spec.beginning != "default" or spec.lora_plus_ratio != 1):
        return "how the add-on begins and how fast its halves learn"
    return ""


def _adapter(spec: RunSpec) -> dict[str, Any]:
    if spec.adapter == "full":
        return {"use_peft": False}
    return {
        "use_peft": True,
        "lora_r": spec.rank,
        "lora_alpha": spec.alpha,
        "lora_dropout": spec.dropout,
        "lora_target_modules": list(spec.target_modules) or "all-linear",
        "use_rslora": spec.use_rslora,
        "use_dora": spec.use_dora,
    }


def _method(job: Job) -> dict[str, Any]:
    """Return what only this method's configuration knows."""
    spec = job.spec
    if spec.method in ("sft", "pretrain"):
        answers = spec.response_only and spec.method == "sft" and job.dataset.shape != "text"
        return {
            "max_length": spec.max_length,
            "packing": spec.packing,
            "assistant_only_loss": answers,
            **({"neftune_noise_alpha": spec.neftune_alpha} if spec.neftune_alpha else {}),
        }
    if spec.method == "distill":
        return {
            "teacher_model_name_or_path": _teacher(job),
            "max_completion_length": spec.answer_tokens,
            "temperature": spec.answer_temperature,
            "beta": spec.divergence,
        }
    return {"max_length": spec.max_length, **_judged(spec)}


def _judged(spec: RunSpec) -> dict[str, Any]:
    if spec.method == "dpo":
        smoothing = {"label_smoothing": spec.label_smoothing}
        return {"beta": spec.beta, "loss_type": [spec.preference_loss], **smoothing}
    if spec.method == "kto":
        weights = ("desirable_weight", "undesirable_weight")
        return {"beta": spec.beta, **{name: getattr(spec, name) for name in weights}}
    return {}


def _teacher(job: Job) -> str:
    taught_by = job.taught_by
    return taught_by.reference if taught_by.source is Source.HUB else taught_by.name


def _length(spec: RunSpec) -> dict[str, Any]:
    if spec.max_steps is not None:
        return {"max_steps": spec.max_steps}
    return {"num_train_epochs": spec.epochs}


def _quantization(spec: RunSpec) -> dict[str, Any]:
    if spec.quantization == "none":
        return {}
    if spec.quantization == "8bit":
        return {"load_in_8bit": True}
    return {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": spec.quantization,
        "use_bnb_nested_quant": spec.double_quantization,
    }
