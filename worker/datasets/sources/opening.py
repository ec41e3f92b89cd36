"""Recognises by its content what a file is, and gives its parts."""

from pathlib import Path

from worker.datasets.sources.batch import Limits, Part
from worker.datasets.sources.content import PlainFile
from worker.datasets.sources.jsonl import Lines


def opened(path: Path, limits: Limits) -> list[Part]:
    """The parts of a file.

    Raises:
        StudioError: the file cannot be used as a whole.
    """
    content = PlainFile(path)
    return [Lines(name="", format="jsonl", size=content.size, content=content, path=path)]
