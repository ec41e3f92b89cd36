"""The first questions: a name, the data, the base model, and how thorough."""

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from storage.options.declared import setting

Preset = Literal["quick", "balanced", "quality"]

Identifier = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Basics(BaseModel):
    """What a run is about."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=120)] = setting(
        "New run", "basics", "name", "Name", "What you want to call this run."
    )
    dataset_id: Identifier = setting(
        ..., "basics", "dataset", "Data", "The examples that the model learns from."
    )
    base_model_id: Identifier = setting(
        ..., "basics", "base model", "Base model", "The model that you start from."
    )
    preset: Preset = setting(
        "balanced",
        "basics",
        "preset",
        "How thorough",
        "Quick gives a first impression, Balanced suits most, Quality takes its time.",
    )
