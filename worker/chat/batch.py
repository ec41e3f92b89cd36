"""The answers that are being written now: rows of one batch that come and go between tokens."""

import math
import time
from dataclasses import dataclass

import torch
from transformers import DynamicCache

from storage.errors import StudioError
from worker.chat.adapters import Adapter
from worker.chat.base import Base
from worker.chat.exchange import Ending, Piece, Reason, Ticket, Usage
from worker.chat.mixture import Mixture
from worker.chat.sampling import Sampler
from worker.chat.text import AnswerText


@dataclass(eq=False)
class Row:
    """One answer in the batch."""

    ticket: Ticket
    adapter: Adapter | None
    sampler: Sampler
    text: AnswerText
    written: int = 0
    last: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    company: int = 1
    log_chance: float = 0.0

    def take(self, token: int, log_chance: float, ends: frozenset[int]) -> Reason | None:
        """Adds a token, tells the asker, and returns the reason when it was the last one.

        `log_chance`: the natural logarithm of the probability that the model itself gave it.
        """
        self.last, self.written, self.last_at = token, self.written + 1, time.monotonic()
        self.log_chance += log_chance
        self.first_at = self.first_at or self.last_at
        if token in ends:
            return "stop"
        piece = self.text.feed(token)
        if piece:
            self.ticket.deliver(Piece(piece))
        if self.text.stopped:
            return "stop"
        return "length" if self.written >= self.ticket.max_tokens else None

    def end(self, reason: Reason, error: StudioError | None = None) -> None:
        """Tells the asker that the answer is over, after the text that was held back."""
        rest = self.text.finish() if reason in ("stop", "length") else ""
        if rest:
            self.ticket.deliver(Piece(rest))
        self.ticket.finish(Ending(reason, self._usage(), error))

    def _usage(self) -> Usage:
        writing = self.last_at - self.first_at
        return Usage(
            prompt_tokens=len(self.ticket.prompt),
            completion_tokens=self.written,
            seconds_to_first=self.first_at - self.ticket.asked_at if self.written else 0.0,
            tokens_per_second=(self.written - 1) / writing if writing > 0 else 0.0,
            batch_rows=self.company,
            sure=self.log_chance / self.written if self.written else None,
        )


class Batch:
    """Rows over one base model, their key-value cache padded on the left to one length.

    A new row is read by itself and its cache laid beside the others'; one that ends takes its
    cache along, and padding that no row needs any longer goes too.
    """

    def __init__(self, base: Base) -> None:
        """Starts empty."""
        self.base = base
        self.rows: list[Row] = []
        self._mixture = Mixture(base.model)
        self._cache = DynamicCache()
        self._mask = torch.zeros(0, 0, dtype=torch.long, device=base.device)

    def row(self, ticket: Ticket, adapter: Adapter | None) -> Row:
        """A row for `ticket`, not yet read; raises StudioError when its tokens are foreign."""
        if max(ticket.prompt) >= self.base.vocabulary:
            raise StudioError(
                f'The tokenizer of "{self.base.folder.name}" belongs to another model.',
                "Add the model again.",
            )
        sampler = Sampler(ticket.sampling, ticket.prompt, self.base.vocabulary)
        text = AnswerText(self.base.tokenizer, ticket.sampling.stop)
        return Row(ticket, adapter, sampler, text)

    def admit(self, rows: list[Row]) -> None:
        """Reads the prompts of `rows` together, writes their first tokens and takes them in."""
        tokens, mask = self._padded([row.ticket.prompt for row in rows])
        cache = DynamicCache()
        self._mixture.arrange([row.adapter for row in rows])
        logits = self.base.logits(tokens, mask, cache)
        self._cache, self._mask = _beside(self._cache, self._mask, cache, mask)
        self.rows = [*self.rows, *rows]
        for row in self.rows:
            row.company = max(row.company, len(self.rows))
        self._advance(rows, logits)

    def step(self) -> None:
        """Writes one more token of every answer."""
        self._mixture.arrange([row.adapter for row in self.rows])
        tokens = torch.tensor([[row.last] for row in self.rows], device=self.base.device)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self.rows), 1)], dim=1)
        self._advance(self.rows, self.base.logits(tokens, self._mask, self._cache))

    def drop_cancelled(self) -> None:
        """Lets go of the rows nobody waits for any longer."""
        self._drop({row: "cancelled" for row in self.rows if row.ticket.cancelled})

    def fail(self, error: StudioError) -> None:
        """Ends every answer with `error`."""
        for row in self.rows:
            row.end("error", error)
        self.rows = []

    def _advance(self, rows: list[Row], logits: torch.Tensor) -> None:
        """Chooses a token for each of `rows` from its line of `logits`; drops those that end."""
        over: dict[Row, Reason] = {}
        for row, line, total in zip(rows, logits, logits.logsumexp(dim=-1).tolist(), strict=True):
            reason = self._taken(row, line, total) if math.isfinite(total) else "error"
            if reason is not None:
                over[row] = reason
        self._drop(over)

    def _taken(self, row: Row, line: torch.Tensor, total: float) -> Reason | None:
        """Lets a row choose its token; `total`: the logarithm of the sum of exp(line)."""
        token = row.sampler.pick(line)
        return row.take(token, float(line[token]) - total, self.base.ends)

    def _drop(self, over: dict[Row, Reason]) -> None:
        if not over:
            return
        kept = [index for index, row in enumerate(self.rows) if row not in over]
        self.rows = [self.rows[index] for index in kept]
        self._keep(kept)
        for row, reason in over.items():
            row.end(reason, _not_a_number(row) if reason == "error" else None)

    def _keep(self, kept: list[int]) -> None:
        if not kept:
            self._cache = DynamicCache()
            self._mask = self._mask.new_zeros(0, 0)
            return
        index = torch.tensor(kept, device=self._mask.device)
        self._mask = self._mask[index]
        spare = int(self._mask.argmax(dim=1).min())
        self._mask = self._mask[:, spare:]
        for layer in self._cache.layers:
            layer.keys = layer.keys[index, :, spare:]
            layer.values = layer.values[index, :, spare:]

    def _padded(self, prompts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and mask, shape [rows, longest]; shorter prompts are filled up on the left."""
        longest = max(map(len, prompts))
        tokens = [[0] * (longest - len(prompt)) + prompt for prompt in prompts]
        mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        return tuple(torch.tensor(lines, device=self.base.device) for lines in (tokens, mask))


def _not_a_number(row: Row) -> StudioError:
    return StudioError(
        f'"{row.ticket.contestant.title}" computes values that are not numbers.',
        "Its training went wrong, or its files are damaged.",
    )


def _beside(
    old: DynamicCache, old_mask: torch.Tensor, new: DynamicCache, new_mask: torch.Tensor
) -> tuple[DynamicCache, torch.Tensor]:
    """Both caches as one batch; rotary positions are in the keys already, so padding may grow."""
    if not len(old_mask):
        return new, new_mask
    length = max(old_mask.shape[1], new_mask.shape[1])
    for before, after in zip(old.layers, new.layers, strict=True):
        before.keys = _joined(before.keys, after.keys, length)
        before.values = _joined(before.values, after.values, length)
    return old, torch.cat([_leftward(mask, length, 1) for mask in (old_mask, new_mask)])


def _joined(first: torch.Tensor, second: torch.Tensor, length: int) -> torch.Tensor:
    return torch.cat([_leftward(states, length, 2) for states in (first, second)])


def _leftward(states: torch.Tensor, length: int, axis: int) -> torch.Tensor:
    """Fills `states` with zeros on the left of `axis` up to `length`."""
    shape = list(states.shape)
    shape[axis] = length - shape[axis]
    return torch.cat([states.new_zeros(shape), states], dim=axis)
