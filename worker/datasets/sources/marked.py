"""Files of an archive named after a split: `train-0.jsonl` is learned, `test.csv` is the exam."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import orjson

from worker.datasets.faults import Refusal, quoted
from worker.datasets.sources.batch import Batch, Part
from worker.datasets.sources.objects import SPLITS

_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, kw_only=True)
class Marked(Part):
    """A part whose records get a split, unless they name one themselves."""

    inner: Part
    split: str

    def batches(self) -> Iterator[Batch]:
        """Gives every record of the inner part, marked; what is no JSON object stays as it is."""
        for batch in self.inner.batches():
            yield replace(batch, lines=[self._record(line) for line in batch.lines])

    def _record(self, line: bytes | Refusal) -> bytes | Refusal:
        if isinstance(line, Refusal):
            return line
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            return line
        if not isinstance(value, dict) or "split" in value:
            return line
        mark = b'"split":' + orjson.dumps(self.split) + b"}"
        return line.rstrip()[:-1] + (b"," if value else b"") + mark


def marked(parts: list[Part]) -> list[Part]:
    """The same parts, their records marked by the names of the parts.

    Only where some are to learn from and others for the exam: a file named test by itself is most
    likely a person's first try.
    """
    splits = [_split(part.name) for part in parts]
    if not {"train", "test"} <= set(splits):
        return parts
    exam = [quoted(p.name, 80) for p, split in zip(parts, splits, strict=True) if split == "test"]
    note = f"Kept for the exam, by their names: {', '.join(exam[:20])}."
    made = [_mark(part, split) for part, split in zip(parts, splits, strict=True)]
    return [replace(made[0], notes=(*made[0].notes, note)), *made[1:]]


def _mark(part: Part, split: str | None) -> Part:
    if split is None:
        return part
    return Marked(
        name=part.name,
        format=part.format,
        size=part.size,
        notes=part.notes,
        inner=part,
        split=split,
    )


def _split(name: str) -> str | None:
    """The split that a path's words name; the last word that names one counts."""
    found = [SPLITS[word] for word in _WORD.findall(name.lower()) if word in SPLITS]
    return found[-1] if found else None
