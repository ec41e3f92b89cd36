"""When it is examined and saved, and when it stops by itself."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from storage.options.declared import setting

Prompt = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class EvaluationSettings(BaseModel):
    """Exams and saved states."""

    eval_every: int | None = setting(
        None, "evaluation", "evaluation interval", "Steps between exams",
        "Leave empty to hold about ten exams over the run.", ge=1, le=1_000_000,
    )  # fmt: skip
    save_every: int | None = setting(
        None, "evaluation", "save interval", "Steps between saved states",
        "Leave empty to save after each exam; a stopped run goes on from the last one.",
        ge=1, le=1_000_000,
    )  # fmt: skip
    keep_checkpoints: int = setting(
        3, "evaluation", "checkpoints kept", "Saved states to keep",
        "Older ones are deleted; the best one always stays.", ge=1, le=100,
    )  # fmt: skip
    early_stopping: int = setting(
        3, "evaluation", "early stopping patience", "Stop when it no longer improves",
        "Ends the run after this many exams without improvement; 0 never does.", ge=0, le=100,
    )  # fmt: skip
    probe_prompts: tuple[Prompt, ...] = setting(
        (), "evaluation", "probe prompts", "Questions to ask on the way",
        "Up to five; it answers them before, at each exam and at the end: you see it learn.",
        max_length=5, only={"method": ("sft", "pretrain", "dpo", "kto", "orpo", "distill")},
    )  # fmt: skip
