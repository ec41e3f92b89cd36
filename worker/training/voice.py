"""Answers of a model in the middle of its training, without a trace in what it learns.

Random numbers, modes and ways of computing are afterwards what they were: a run's weights are the
same bit for bit, whether it was asked something or not.
"""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.distributed.fsdp import register_fsdp_forward_method
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from storage import model_facts
from worker.training.distributed import together
from worker.training.fast import attention
from worker.training.fast.choice import core_of
from worker.training.stops import Stops

TOKENS = 128
"""So long is an answer at most."""

SECONDS = 20.0
"""So long may all answers of one asking take: on a slow machine they are cut off earlier."""

_LEAST_ROOM = 16
"""A prompt that leaves room for fewer tokens is not asked."""

_CUT = " …"


class Voice:
    """Answers with the model of a trainer as the playground would, greedily.

    Args:
        trainer: complete, and not yet on the fast way of its steps.
        tokenizer: with the chat template of the run.
        chats: prompts are questions of a conversation; else texts that are gone on with.
    """

    def __init__(self, trainer: Any, tokenizer: Any, *, chats: bool) -> None:
        self._trainer, self._tokenizer, self._chats = trainer, tokenizer, chats
        self._core = core_of(trainer.model)
        self._attention = self._core.config._attn_implementation

    def answer(self, prompts: tuple[str, ...], stops: Stops) -> dict[int, str]:
        """Return the answers by number of the prompt; none where somebody asks to stop meanwhile.

        A prompt that the model has no room for is left out.

        Raises:
            TemplateError, TypeError, ValueError, LookupError: the chat format refuses a prompt.
            RuntimeError, AttributeError: of the model; it lacks memory, or cannot write.
        """
        context = model_facts.context_length(self._core.config.get_text_config().to_dict())
        most = (context or 2**31) - _LEAST_ROOM
        found = {number: self._tokens(text) for number, text in enumerate(prompts)}
        asked = {number: ids for number, ids in found.items() if 0 < len(ids) <= most}
        if not asked:
            return {}
        room = most + _LEAST_ROOM - max(map(len, asked.values()))
        written = self._written(list(asked.values()), min(TOKENS, room), stops)
        if stops.wanted() is not None:
            return {}
        return dict(zip(asked, map(self._text, written), strict=True))

    def _tokens(self, prompt: str) -> list[int]:
        if not self._chats:
            ids: list[int] = self._tokenizer(prompt, split_special_tokens=True)["input_ids"]
            return ids[:-1] if ids and ids[-1] in self._ends() else ids
        asked: list[int] = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}],
            add_generation_prompt=True,
            sanitize_control_tokens=True,
        )["input_ids"]
        return asked

    def _written(self, prompts: list[list[int]], most: int, stops: Stops) -> list[list[int]]:
        """Return the tokens after each prompt, padded."""
        longest = max(map(len, prompts))
        padding = self._tokenizer.pad_token_id
        ids = [[padding] * (longest - len(one)) + one for one in prompts]
        mask = [[0] * (longest - len(one)) + [1] * len(one) for one in prompts]
        device = self._trainer.accelerator.device
        with self._at_rest():
            out = self._generate(
                input_ids=torch.tensor(ids, device=device),
                attention_mask=torch.tensor(mask, device=device),
                generation_config=self._greedy(most),
                stopping_criteria=StoppingCriteriaList([self._impatience(stops)]),
            )
        found: list[list[int]] = out[:, longest:].tolist()
        return found

    @cached_property
    def _generate(self) -> Any:
        """Return the model's way of writing; a divided model gathers its parts in it."""
        if not self._trainer.is_fsdp_enabled:
            return self._core.generate
        register_fsdp_forward_method(self._trainer.model, "generate")
        return self._trainer.model.generate

    def _impatience(self, stops: Stops) -> "_Impatience":
        return _Impatience(stops, all_write=self._trainer.is_fsdp_enabled)

    def _text(self, written: list[int]) -> str:
        """Return an answer up to its end."""
        ends = self._ends()
        length = next((n for n, token in enumerate(written) if token in ends), None)
        text = self._tokenizer.decode(written[:length], skip_special_tokens=True).strip()
        return text if length is not None else text + _CUT

    def _ends(self) -> set[int]:
        """The tokens that end an answer."""
        told = self._core.generation_config.eos_token_id
        ends = told if isinstance(told, list) else [told]
        return {end for end in (*ends, self._tokenizer.eos_token_id) if end is not None}

    def _greedy(self, most: int) -> GenerationConfig:
        """Always the likeliest token, whatever the model's own configuration prefers."""
        return GenerationConfig(
            max_new_tokens=most,
            do_sample=False,
            num_beams=1,
            repetition_penalty=1.0,
            use_cache=True,
            eos_token_id=sorted(self._ends()) or None,
            pad_token_id=self._tokenizer.pad_token_id,
        )

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        """Keep the model from learning in here, and leave everything as it was."""
        device = self._trainer.accelerator.device
        with ExitStack() as ways:
            ways.enter_context(_same_chances(device))
            ways.enter_context(_same_modes(self._trainer.model))
            ways.enter_context(torch.no_grad())
            ways.enter_context(torch.compiler.set_stance("force_eager"))
            if self._core.config._attn_implementation == attention.NAME:
                ways.enter_context(self._usual_attention())
            if getattr(self._core.config, "output_router_logits", False):
                ways.enter_context(self._no_balance())
            ways.enter_context(self._trainer.accelerator.autocast())
            yield

    @contextmanager
    def _no_balance(self) -> Iterator[None]:
        """Leave out what a mixture of experts adds to its loss: it wants whole texts."""
        self._core.config.output_router_logits = False
        try:
            yield
        finally:
            self._core.config.output_router_logits = True

    @contextmanager
    def _usual_attention(self) -> Iterator[None]:
        """Compute attention as the library does: questions lie side by side here."""
        self._core.set_attn_implementation(self._attention)
        try:
            yield
        finally:
            self._core.set_attn_implementation(attention.NAME)


class _Impatience(StoppingCriteria):
    """Ends all answers when their time is up, or somebody asks the run to stop.

    Args:
        stops: knows whether somebody asks.
        all_write: all processes write the same, and must end after the same word.
    """

    def __init__(self, stops: Stops, *, all_write: bool) -> None:
        self._stops, self._until = stops, time.monotonic() + SECONDS
        self._all_write = all_write

    def __call__(self, input_ids: torch.Tensor, *_: Any, **__: Any) -> Any:
        """Tell for each answer whether it ends."""
        ends = self._stops.wanted() is not None or time.monotonic() > self._until
        if self._all_write:
            ends = bool(together.agreed(int(ends)))
        return torch.full((len(input_ids),), ends, device=input_ids.device, dtype=torch.bool)


@contextmanager
def _same_chances(device: torch.device) -> Iterator[None]:
    """Give back all random numbers that are drawn in here."""
    python, numbers = random.getstate(), np.random.get_state()
    cards = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(cards):
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numbers)


@contextmanager
def _same_modes(model: Any) -> Iterator[None]:
    """Let a model's layers be at rest in here, without dropout, and each as it was afterwards."""
    were = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, was_training in were:
            module.training = was_training
