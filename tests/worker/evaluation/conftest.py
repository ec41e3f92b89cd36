"""Two tiny models that know their answers by heart, and a worker that asks them in this process."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage import base_models, evaluations, work
from storage.evaluations import Evaluation, Wanted
from storage.ids import LOCAL_PERSON
from storage.status import WorkStatus
from storage.tables import BaseModelRow
from storage.trust_tables import EvaluationRow
from tests.fakes.learned_models import learned
from tests.worker.conftest import Home
from worker import entries
from worker.chat import author
from worker.chat.prompts import Prompts
from worker.duties import WorkDuty
from worker.endings import Ending
from worker.evaluation import answers
from worker.prepare import Place

ENDLESS = "and so on and on and on "
KIND = {"a?": "Yes, gladly.", "bb?": "Of course.", "d?": ENDLESS, "e?": ""}
TERSE = {"a?": "No.", "bb?": "Of course.", "d?": ENDLESS, "e?": ""}
GREEDY = {"temperature": 0.0, "max_tokens": 16}


@pytest.fixture(scope="package")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folders of two models that have learned their answers by heart."""
    folder = tmp_path_factory.mktemp("models")
    said = {"Kind": KIND, "Terse": TERSE}
    return {name: learned(folder / name, known) for name, known in said.items()}


@pytest.fixture(scope="package")
def renderer() -> Iterator[Prompts]:
    """Return the process that writes prompts; one for all tests, as it takes seconds to start."""
    made = Prompts()
    yield made
    made.close()


class Desk:
    """A home with two models, and what the worker makes of an evaluation."""

    def __init__(self, home: Home, models: dict[str, Path]) -> None:
        self.home = home
        self.names = [self._model(name, folder) for name, folder in models.items()]

    def _model(self, name: str, folder: Path) -> str:
        database = self.home.database
        place = (base_models.Source.FOLDER, str(folder))
        added = base_models.add(database, LOCAL_PERSON, name, *place)
        row = work.claim(database, BaseModelRow, "test", 60)
        assert row is not None
        found = {"folder": str(folder), "fingerprint": "f" * 64}
        work.finish(database, BaseModelRow, (added.id, row.attempt), **found)
        return f"base:{added.id}"

    def ask(
        self, *texts: str | dict[str, str], names: list[str] | None = None, **more: object
    ) -> Evaluation:
        """Return an evaluation that waits."""
        contestants = names or self.names
        titles = [name.partition(":")[2] for name in contestants]
        prompts = [{"text": one} if isinstance(one, str) else one for one in texts]
        told = {"sampling": GREEDY, **more}
        wanted = Wanted("Asked", contestants, titles, prompts, **told)  # type: ignore[arg-type]
        return evaluations.ask(self.home.database, LOCAL_PERSON, wanted)

    def duty(self) -> WorkDuty:
        """Claim the next evaluation."""
        row = work.claim(self.home.database, EvaluationRow, "test", 60)
        assert row is not None
        return WorkDuty(self.home.database, self.home.settings, row, entries.ENTRIES)

    def make(self, report: Callable[[float, str], None] | None = None) -> list[str]:
        """Do the next evaluation, as the worker does; returns what was told on the way."""
        duty, heard = self.duty(), list[str]()
        key = (duty.row.id, duty.row.attempt)

        def told(share: float, words: str) -> None:
            assert 0 <= share <= 1
            work.report(self.home.database, EvaluationRow, key, share, words)
            heard.append(words)
            if report is not None:
                report(share, words)

        place = Place(self.home.settings, self.home.database)
        found = answers.evaluate(place, duty.row, told)
        duty.end(Ending(WorkStatus.READY, found=found))
        return heard

    def found(self, asked: Evaluation) -> Evaluation:
        """Return an evaluation as it is now."""
        return evaluations.get(self.home.database, LOCAL_PERSON, asked.id)

    def texts(self, asked: Evaluation) -> dict[tuple[int, int], str]:
        """Return the answers by side and question."""
        given = evaluations.answers(self.home.database, asked.id)
        return {(one.side, one.number): one.text for one in given}


@pytest.fixture
def desk(
    home: Home, models: dict[str, Path], renderer: Prompts, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """Return a fresh desk."""
    monkeypatch.setattr(renderer, "close", lambda: None)
    monkeypatch.setattr(author, "Prompts", lambda: renderer)
    return Desk(home, models)
