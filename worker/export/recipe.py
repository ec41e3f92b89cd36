"""A run in the words of `trl sft --config`, so that it can be repeated without the studio."""

from typing import Any

from storage.specs import RunSpec
from worker.training.job import Job


def trl_recipe(job: Job) -> dict[str, Any]:
    """Return the run as TRL's settings; `data.jsonl` stands for the person's own file."""
    spec = job.spec
    return {
        "model_name_or_path": job.base_name,
        "datasets": [{"path": "json", "data_files": "data.jsonl", "split": "train"}],
        "output_dir": "adapter",
        "use_peft": True,
        "lora_r": spec.rank,
        "lora_alpha": spec.alpha,
        "lora_dropout": spec.dropout,
        "lora_target_modules": list(spec.target_modules) or "all-linear",
        "use_rslora": spec.use_rslora,
        "use_dora": spec.use_dora,
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
        "max_length": spec.max_length,
        "packing": spec.packing,
        "assistant_only_loss": spec.response_only and job.dataset.shape != "text",
        "gradient_checkpointing": spec.gradient_checkpointing,
        "seed": spec.seed,
        "logging_steps": 1,
        "report_to": "none",
    }


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
