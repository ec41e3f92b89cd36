"""The answer cache: what would be answered the same again is not written twice."""

import asyncio
import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError

from storage import cached_answers
from storage.cached_answers import CachedAnswer
from storage.database import Database
from worker.chat.answers import Answer
from worker.chat.catalogue import Contestant
from worker.chat.exchange import Ending, Event, Piece, Reason, Usage
from worker.chat.sampling import Sampling

log = structlog.get_logger()

_WEIGHING: Final = (".safetensors", ".json", ".jinja", ".model", ".txt")
"""Endings of the files that decide what a model answers."""


class Recall:
    """Answers that are kept in the studio's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, contestant: Contestant, prompt: list[int], sampling: Sampling) -> "Keeper | None":
        """Where the answer to this is kept; None where chance decides, or its files are gone.

        It is kept by the files of the model and its adapter (names, sizes, times of change), the
        tokens of the prompt, and the settings: a model trained again under the same name answers
        anew.
        """
        folders = [contestant.base_folder, contestant.adapter_folder]
        try:
            models = [_identity(folder) for folder in folders if folder is not None]
        except OSError:  # who loads them says what is wrong
            return None
        return self.among([models, prompt], sampling)

    def among(self, asked: list[Any], sampling: Sampling) -> "Keeper | None":
        """The same for anything that is JSON."""
        if sampling.temperature > 0 and sampling.seed is None:
            return None
        settings = {name: getattr(sampling, name) for name in Sampling.model_fields}
        if sampling.temperature == 0:
            settings |= {"seed": None, "top_p": 1.0}  # without a meaning there
        told = orjson.dumps([asked, settings], option=orjson.OPT_SORT_KEYS)
        return Keeper(self._database, hashlib.sha256(told).hexdigest())


@dataclass(frozen=True)
class Keeper:
    """The place of one answer in the cache. A database that is busy loses it, and nothing else."""

    database: Database
    key: str

    def recalled(self, facts: dict[str, Any]) -> "Recalled | None":
        """The answer, where it is there; `facts` are what else is said of it."""
        try:
            found = cached_answers.find(self.database, self.key)
        except SQLAlchemyError as error:
            log.warning("answer_not_recalled", reason=str(error))
            return None
        return None if found is None else Recalled(found, {**facts, "cached": True})

    def keep(self, text: str, ending: Ending) -> None:
        """Keeps a complete answer."""
        found = CachedAnswer(text=text, ended=ending.reason, facts=asdict(ending.usage))
        try:
            cached_answers.keep(self.database, self.key, found)
        except SQLAlchemyError as error:
            log.warning("answer_not_kept", reason=str(error))


class Recalled:
    """An answer from the cache: its text in one piece, and what it took when it was written."""

    def __init__(self, found: CachedAnswer, facts: dict[str, Any]) -> None:
        self.facts = facts
        usage = replace(
            Usage(**found.facts), seconds_to_first=0.0, tokens_per_second=0.0, batch_rows=0
        )
        ending = Ending(cast("Reason", found.ended), usage)
        self._events: list[Event] = [Piece(found.text), ending] if found.text else [ending]

    async def next(self) -> Event:
        """The text, then the ending."""
        return self._events.pop(0)

    def cancel(self) -> None:
        """It is written already."""


class Kept:
    """An answer that goes into the cache when it is complete."""

    def __init__(self, answer: Answer, keeper: Keeper) -> None:
        self.facts = answer.facts
        self._answer = answer
        self._keeper = keeper
        self._pieces: list[str] = []

    async def next(self) -> Event:
        """The answer's next event."""
        event = await self._answer.next()
        if isinstance(event, Piece):
            self._pieces.append(event.text)
        elif event.reason in ("stop", "length"):
            text = "".join(self._pieces)
            asyncio.get_running_loop().run_in_executor(None, self._keeper.keep, text, event)
        return event

    def cancel(self) -> None:
        """Ends the answer, which is not kept then."""
        self._answer.cancel()


def _identity(folder: Path) -> list[Any]:
    """The folder, with the sizes and times of the files that decide on its answers."""
    files = sorted(path for path in folder.iterdir() if path.suffix in _WEIGHING)
    stats = [(path.name, path.stat()) for path in files]
    return [str(folder), [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]]
