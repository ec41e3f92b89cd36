"""How an answer is drawn, as a person may set it: the names and ranges of the chat protocol."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from storage.errors import Fault, Refused


class Sampling(BaseModel):
    """Temperature 0 is greedy: always the likeliest token. None: left to the server."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1, le=32_768)
    repetition_penalty: float | None = Field(None, ge=0.5, le=2)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: list[str] | None = Field(None, max_length=4)

    @field_validator("stop")
    @classmethod
    def _not_empty(cls, value: list[str] | None) -> list[str] | None:
        if value and "" in value:
            raise ValueError("an empty stop text would end every answer before it begins")
        return value


def parse(values: object, field: str = "sampling") -> dict[str, Any]:
    """Return the settings that were given, by name.

    Raises:
        Refused: with every fault at once; the fields are called `sampling.temperature` and so on.
    """
    if not isinstance(values, dict):
        raise Refused([Fault(field, "Must be an object with named settings.")])
    try:
        return Sampling.model_validate(values).model_dump(exclude_none=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        raise Refused([_fault(field, one["loc"], one["msg"]) for one in found]) from error


def _fault(field: str, where: tuple[int | str, ...], words: str) -> Fault:
    return Fault(".".join([field, *(str(step) for step in where)]), f"{words}.")
