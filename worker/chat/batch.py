"""The answers that are being written now: rows of one batch that come and go between tokens."""

import gc
import math

import torch

from storage.errors import StudioError
from worker.chat import refusals
from worker.chat.adapters import Adapter
from worker.chat.base import Base
from worker.chat.exchange import Reason, Ticket
from worker.chat.mixture import Mixture
from worker.chat.reads import Reads
from worker.chat.row import Row
from worker.chat.row_cache import RowCache, leftward
from worker.chat.sampling import Sampler
from worker.chat.text import AnswerText


class Batch:
    """Rows over one base model, their key-value cache padded on the left to one length.

    A new row is read by itself and its cache laid beside the others'; one that ends takes its
    cache along, and padding that no row needs any longer goes too. What an ended row has read is
    kept for the next question that begins alike.

    Where memory runs out, the youngest half of the rows is set aside and the others go on. As rows
    end, those set aside come back one by one, the oldest first: all they have read and written is
    read again, and they go on where they were. Only a row that does not fit alone ends with an
    error.

    What is guaranteed: a greedy answer in float32 is, token for token, what its contestant says
    alone, whoever else is in the batch. A drawn one with a seed too: each row has a random stream
    of its own, which nothing else takes numbers from. Company, and what was read before, change the
    logits by rounding only, about one part in a million; an answer could differ only where two
    tokens are that close. In 16 bits (graphics cards, very large models on a processor) such ties
    are no rarity.
    """

    def __init__(self, base: Base, read_bytes: int = 0) -> None:
        """Starts empty; `read_bytes`: memory for what ended rows have read."""
        self.base = base
        self.rows: list[Row] = []
        self.aside: list[Row] = []
        self._fits = 0
        self._mixture = Mixture(base.model)
        self._cache = RowCache()
        self._mask = torch.zeros(0, 0, dtype=torch.long, device=base.device)
        self._reads = Reads(read_bytes)

    @property
    def unfinished(self) -> int:
        """How many answers are being written, those set aside among them."""
        return len(self.rows) + len(self.aside)

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
        is_alone = not self.rows
        try:
            logits = self._read(rows)
        except (RuntimeError, MemoryError) as error:
            if not refusals.is_memory(error):
                raise
            self._tidy()
            self._admit_fewer(rows, None if not is_alone else error)
            return
        self.rows = [*self.rows, *rows]
        for row in self.rows:
            row.company = max(row.company, len(self.rows))
        self._advance(rows, logits)

    def step(self) -> None:
        """Writes one more token of every answer, or sets some aside where memory runs out."""
        if self.aside and (not self.rows or len(self.rows) < self._fits):
            self.admit([self.aside.pop(0)])
        if not self.rows:
            return
        read = self._mask.shape[1]
        mask = torch.cat([self._mask, self._mask.new_ones(len(self.rows), 1)], dim=1)
        tokens = torch.tensor([row.said[-1:] for row in self.rows], device=self.base.device)
        try:
            self._mixture.arrange([row.adapter for row in self.rows])
            logits = self.base.logits(tokens, mask, self._cache)
        except (RuntimeError, MemoryError) as error:
            if not refusals.is_memory(error):
                raise
            self._cache.shorten(read)
            self._set_half_aside(error)
            return
        self._mask = mask
        self._advance(self.rows, logits)

    def drop_cancelled(self) -> None:
        """Lets go of the rows nobody waits for any longer."""
        for row in [row for row in self.aside if row.ticket.cancelled]:
            self.aside.remove(row)
            row.end("cancelled")
        self._drop({row: "cancelled" for row in self.rows if row.ticket.cancelled})

    def end(self, reason: Reason, error: StudioError | None = None) -> None:
        """Ends every answer."""
        rows, self.rows, self.aside = [*self.rows, *self.aside], [], []
        self._keep([])
        for row in rows:
            row.end(reason, error)

    def _read(self, rows: list[Row]) -> torch.Tensor:
        """Reads `rows` and lays their cache beside the others'; what may come next in each.

        Rows with the same adapter and the same tokens are read once.
        """
        distinct: dict[tuple[int, tuple[int, ...]], int] = {}
        places = [distinct.setdefault(_reading(row), len(distinct)) for row in rows]
        first = [rows[places.index(place)] for place in range(len(distinct))]
        tokens, mask = self._padded([row.tokens for row in first])
        cache = RowCache()
        asked = [(row.adapter, row.tokens) for row in first]
        taken = self._reads.taken_over(cache, asked, tokens.shape[1])
        for row, place in zip(rows, places, strict=True):
            row.reused = min(taken[place], len(row.ticket.prompt))
        self._mixture.arrange([row.adapter for row in first])
        logits = self.base.logits(tokens[:, cache.get_seq_length() :], mask, cache)
        if len(first) < len(rows):
            index = torch.tensor(places, device=mask.device)
            cache.select(index)
            mask, logits = mask[index], logits[places]
        self._lay_beside(cache, mask)
        return logits

    def _lay_beside(self, cache: RowCache, mask: torch.Tensor) -> None:
        if not self.rows:
            self._cache, self._mask = cache, mask
            return
        length = max(self._mask.shape[1], mask.shape[1])
        try:
            self._mask = torch.cat([leftward(lines, length, 1) for lines in (self._mask, mask)])
            self._cache.join(cache, length)
        except (RuntimeError, MemoryError):
            self._set_all_aside()
            raise

    def _admit_fewer(self, rows: list[Row], alone: Exception | None) -> None:
        """Halves what did not fit; one row waits until others have ended.

        `alone`: the error, where there were no others.
        """
        if len(rows) > 1:
            half = (len(rows) + 1) // 2
            self.admit(rows[:half])
            self.admit(rows[half:])
        elif alone is not None:
            rows[0].end("error", refusals.in_words(alone))
        else:
            self._set_aside(rows)

    def _set_half_aside(self, error: Exception) -> None:
        """Goes on with the older half of the rows; ends the only one, which does not fit alone."""
        half = len(self.rows) // 2
        younger, self.rows = self.rows[half:], self.rows[:half]
        if half:
            self._set_aside(younger)
        else:
            younger[0].end("error", refusals.in_words(error))
        self._keep(list(range(half)))
        self._tidy()

    def _set_all_aside(self) -> None:
        """Lets go of the whole cache, where an error has left it half changed."""
        rows, self.rows = self.rows, []
        self._set_aside(rows)
        self._fits = max(1, len(rows) // 2)
        self._keep([])

    def _set_aside(self, rows: list[Row]) -> None:
        """Has `rows` read again later, when fewer are being written than now."""
        self.aside = sorted([*self.aside, *rows], key=lambda row: row.ticket.asked_at)
        self._fits = max(1, len(self.rows))

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
        self._remember(
            {index: row for index, row in enumerate(self.rows) if over.get(row, "error") != "error"}
        )
        self.rows = [self.rows[index] for index in kept]
        self._keep(kept)
        for row, reason in over.items():
            row.end(reason, _not_a_number(row) if reason == "error" else None)

    def _remember(self, over: dict[int, Row]) -> None:
        """Keeps what rows have read that end; all but the last token of each."""
        try:
            for index, row in over.items():
                self._reads.keep(row.adapter, row.tokens[:-1], self._cache, index)
        except (RuntimeError, MemoryError) as error:
            if not refusals.is_memory(error):
                raise
            self._reads.clear()

    def _keep(self, kept: list[int]) -> None:
        if not kept:
            self._cache = RowCache()
            self._mask = self._mask.new_zeros(0, 0)
            return
        index = torch.tensor(kept, device=self._mask.device)
        mask = self._mask[index]
        spare = int(mask.argmax(dim=1).min())
        self._mask = mask[:, spare:]
        try:
            self._cache.select(index, spare)
        except (RuntimeError, MemoryError) as error:
            if not refusals.is_memory(error):
                raise
            self._set_all_aside()

    def _tidy(self) -> None:
        """Gives back the memory that a failed attempt has left, and what is kept for later."""
        self._reads.clear()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _padded(self, texts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids and mask, shape [rows, longest]; shorter texts are filled up on the left."""
        longest = max(map(len, texts))
        tokens = [[0] * (longest - len(text)) + text for text in texts]
        mask = [[0] * (longest - len(text)) + [1] * len(text) for text in texts]
        return tuple(torch.tensor(lines, device=self.base.device) for lines in (tokens, mask))


def _reading(row: Row) -> tuple[int, tuple[int, ...]]:
    """What decides on a row's keys and values."""
    return id(row.adapter), tuple(row.tokens)


def _not_a_number(row: Row) -> StudioError:
    return StudioError(
        f'"{row.ticket.contestant.title}" computes values that are not numbers.',
        "Its training went wrong, or its files are damaged.",
    )
