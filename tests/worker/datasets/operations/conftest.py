"""A workshop: rows become a prepared folder by the real reading, operations are done for real."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from storage import rows
from storage.operations import Operation
from worker.datasets import operations
from worker.datasets.inspect import inspect


class Workshop:
    """Makes datasets and versions of them, each in a folder of its own."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self._folder = folder

    def dataset(self, made: list[dict] | bytes) -> Path:
        """The prepared folder of these rows, or of a file's bytes."""
        if not isinstance(made, bytes):
            made = b"".join(orjson.dumps(row) + b"\n" for row in made)
        folder = self._folder()
        (folder / "original").write_bytes(made)
        (folder / "rows").mkdir()
        inspect(folder / "original", folder / "rows", lambda share, words: None)
        return folder / "rows"

    def lines(self, operation: Operation, *parents: Path) -> list[bytes]:
        """What an operation writes."""
        target = self._folder() / "original"
        shares: list[float] = []
        operations.apply(operation, list(parents), target, lambda share, _: shares.append(share))
        assert shares == sorted(shares)
        assert [path.name for path in target.parent.iterdir()] == ["original"]
        return target.read_bytes().splitlines(keepends=True)

    def rows(self, operation: Operation, *parents: Path) -> list[dict]:
        """The same, parsed."""
        return [orjson.loads(line) for line in self.lines(operation, *parents)]

    def version(self, operation: Operation, *parents: Path) -> Path:
        """The prepared folder of what an operation makes; none of its rows is refused."""
        made = self.lines(operation, *parents)
        folder = self.dataset(b"".join(made))
        assert rows.count(folder) == len(made)
        return folder

    def free_folder(self) -> Path:
        """An empty folder."""
        return self._folder()


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(lambda: tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="session")
def chat() -> Callable[..., dict]:
    """Makes a row of one question and its answer."""

    def made(question: str, answer: str, system: str = "", **more: object) -> dict:
        turns = [{"role": "system", "content": system}] if system else []
        turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        return {"messages": turns} | more

    return made
