"""How the next token is chosen, for one row of a batch."""

import torch
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator


class Sampling(BaseModel):
    """What a person may set about an answer; the ranges are those a form may offer.

    Temperature 0 means greedy: always the most likely token. `max_tokens` None means as many as
    the engine gives by default. The names and meanings are those of the OpenAI chat protocol;
    `repetition_penalty` (arXiv 1909.05858, equation in section 4.1) is our extension.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")

    temperature: float = Field(1.0, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int | None = Field(
        None, ge=1, validation_alias=AliasChoices("max_tokens", "max_completion_tokens")
    )
    repetition_penalty: float = Field(1.0, ge=0.5, le=2)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: tuple[str, ...] = Field((), max_length=4)

    @field_validator("stop", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        if isinstance(value, str):
            return (value,)
        return tuple(value) if isinstance(value, list) else value

    @field_validator("stop")
    @classmethod
    def _not_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "" in value:
            raise ValueError("an empty stop text would end every answer before it begins")
        return value


class Sampler:
    """Chooses tokens for one row, with a random stream of its own."""

    def __init__(self, sampling: Sampling, prompt: list[int], vocabulary: int) -> None:
        """Starts from the seed, or from the system's randomness without one."""
        self._sampling = sampling
        self._generator = torch.Generator()
        if sampling.seed is None:
            self._generator.seed()
        else:
            self._generator.manual_seed(sampling.seed)
        self._seen = torch.zeros(vocabulary, dtype=torch.bool)
        self._seen[prompt] = True

    def pick(self, logits: torch.Tensor) -> int:
        """The next token for `logits` (float32 on the CPU, shape [vocabulary])."""
        if self._sampling.repetition_penalty != 1:
            logits = self._penalised(logits)
        token = self._drawn(logits) if self._sampling.temperature > 0 else int(logits.argmax())
        self._seen[token] = True
        return token

    def _penalised(self, logits: torch.Tensor) -> torch.Tensor:
        penalty = self._sampling.repetition_penalty
        pushed = torch.where(logits < 0, logits * penalty, logits / penalty)
        return torch.where(self._seen, pushed, logits)

    def _drawn(self, logits: torch.Tensor) -> int:
        chances = torch.softmax(logits / self._sampling.temperature, dim=-1)
        if self._sampling.top_p == 1:
            return int(torch.multinomial(chances, 1, generator=self._generator))
        nucleus, tokens = _nucleus(chances, self._sampling.top_p)
        return int(tokens[torch.multinomial(nucleus, 1, generator=self._generator)])


def _nucleus(chances: torch.Tensor, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The fewest most likely tokens that hold `top_p` of the chance (arXiv 1904.09751).

    A token below (1 - top_p) / vocabulary cannot be among them: all such tokens together hold
    less than 1 - top_p. Leaving them out first spares sorting a large vocabulary.
    """
    tokens = torch.nonzero(chances >= (1 - top_p) / len(chances)).squeeze(1)
    ordered, order = chances[tokens].sort(descending=True, stable=True)
    before = ordered.cumsum(0) - ordered
    kept = before < top_p
    kept[0] = True
    return ordered[kept], tokens[order[kept]]
