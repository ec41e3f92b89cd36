"""Nobody sees, changes or learns of what somebody else has made."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from storage import adapters as stored_adapters
from storage import artifacts, attempts, ids
from storage import runs as stored_runs
from storage.errors import NotFound, Refused
from storage.ids import LOCAL_PERSON as ME
from storage.settings import Settings
from storage.tables import AnalysisRow
from studio.services import (
    adapters,
    analyses,
    answering,
    base_models,
    chat,
    columns,
    comparison,
    conversations,
    dataset_files,
    dataset_rows,
    datasets,
    diagnoses,
    evaluation_files,
    evaluations,
    histories,
    plans,
    presets,
    probes,
    prompt_sets,
    queue,
    runs,
    sample,
    saved_states,
    sweeps,
    system_prompts,
    telemetry,
    uploads,
    versions,
)
from studio.services import studio as studios
from studio.services.answering import Heard
from studio.services.plans import Places
from studio.services.studio import Studio
from studio.services.telling import Told
from tests.fakes import quick_home
from tests.fakes.workplace import Workplace

BEN = "ben"
MODULES = (
    adapters, analyses, answering, base_models, chat, columns, comparison, conversations,
    dataset_files, dataset_rows,
    datasets, diagnoses, evaluation_files, evaluations, histories, plans, presets, probes,
    prompt_sets, queue, runs, sample, saved_states,
    sweeps, system_prompts, telemetry, uploads, versions,
)  # fmt: skip
EXTRA: dict[str, tuple[Any, ...]] = {
    "dataset_rows.page": (0, 10),
    "dataset_rows.search": ("What", (0, 10)),
    "dataset_files.table": ("csv",),
    "analyses.ask": ("care", {}),
    "uploads.put": (0, b"xyz"),
    "runs.news": (None,),
    "probes.proposed": (0.1,),
    "queue.move": ("front", None),
    "queue.set_priority": ("high",),
    "queue.run_after": (None,),
    "saved_states.delete": (3,),
    "sweeps.keep_best": ("Best",),
    "answering.question": (1, 0),
    "conversations.ask": ({"prompt": "And now?"},),
    "conversations.change": ({"name": "Mine"},),
    "evaluation_files.export": ("csv",),
    "prompt_sets.change": ({"name": "Mine"},),
    "conversations.judge": ((1, 0), {"mark": "good"}),
    "system_prompts.change": ({"name": "Mine"},),
}
"""What a function needs beside the person and the id."""

BY_OTHER_MEANS = {
    "datasets.receive", "datasets.receive_file", "datasets.add_sample", "datasets.add_samples",
    "datasets.remember", "uploads.begin", "versions.write", "versions.from_hub", "versions.make",
    "versions.compare", "analyses.length", "columns.answer", "columns.preview",
    "dataset_files.faults", "runs.first_batch",
    "base_models.add_folder", "base_models.add_hub", "base_models.add_starter", "sample.start",
    "plans.preset", "plans.plan", "runs.start", "adapters.settings", "analyses.token_lengths",
    "plans.count_tokens", "comparison.compare", "comparison.differences", "adapters.page",
    "plans.try_memory", "runs.extend", "presets.keep", "queue.line", "queue.pause",
    "saved_states.spaces", "saved_states.clean", "saved_states.starts_of", "saved_states.start",
    "conversations.begin", "conversations.page", "prompt_sets.keep", "evaluations.ask",
    "system_prompts.keep",
    "saved_states.branch", "chat.own", "sweeps.proposals", "sweeps.plan", "sweeps.start",
}  # fmt: skip
"""They make something of the person's own, are tried below with somebody else's ids, or in the
stories of their own modules."""


def everything() -> dict[str, Callable[..., Any]]:
    """Return every public function of the services that is told the person."""
    return {
        f"{module.__name__.rsplit('.', 1)[-1]}.{name}": function
        for module in MODULES
        for name, function in vars(module).items()
        if _is_service(module, name, function)
    }


def _is_service(module: ModuleType, name: str, function: object) -> bool:
    return (
        inspect.isfunction(function)
        and not name.startswith("_")
        and function.__module__ == module.__name__
        and "owner" in inspect.signature(function).parameters
    )


LISTS = sorted(name for name in everything() if name.endswith((".listing", ".queue")))
BY_ID = sorted(set(everything()) - set(LISTS) - BY_OTHER_MEANS)
CHANGES = (
    "delete", "restore", "retry", "stop", "resume", "discard", "put", "finish", "move", "priority",
    "after", "again", "go_on", "keep_best", "conversations.ask", "change", "judge",
)  # fmt: skip
READS = [name for name in BY_ID if not name.endswith(CHANGES)]


class Possessions:
    """One of each kind, made by the local person; and what it is called by."""

    def __init__(self, workplace: Workplace) -> None:
        self.studio = workplace.studio
        self.data, self.model = workplace.data(), workplace.model()
        self.values = {"dataset_id": self.data.id, "base_model_id": self.model.id, "rank": 4}
        run = runs.start(self.studio, ME, {**self.values, "max_length": 64})
        claimed = attempts.claim(self.studio.database, "test", 60)
        assert claimed
        self.adapter = publish(self.studio, claimed)
        self.run = runs.get(self.studio, ME, run.id)
        self.upload = uploads.begin(self.studio, ME, "answers.jsonl", 3, 0)
        self.analysis = analyses.ask(self.studio, ME, self.data.id, "care", {})
        self.preset = presets.keep(self.studio, ME, "Careful", {"learning_rate": 1e-4})
        self.wish = {
            "name": "Ranks", "space": {"rank": {"choices": [4, 8]}}, "trials": 2,
            "spec": {**self.values, "name": "Ranks", "max_length": 64},
        }  # fmt: skip
        self.sweep = sweeps.start(self.studio, ME, self.wish)
        self.conversation = talk(self.studio, f"base:{self.model.id}")
        self.system_prompt = system_prompts.keep(self.studio, ME, {"text": "Be brief."})
        self.questions = prompt_sets.keep(self.studio, ME, {"text": "What helps?"}).found
        self.asking = {
            "contestants": [f"base:{self.model.id}"], "prompt_set_id": self.questions.id,
        }  # fmt: skip
        self.evaluation = evaluations.ask(self.studio, ME, self.asking)

    def id_for(self, name: str) -> str:
        """Return the id of what a service function is about."""
        if name == "chat.find":
            return f"adapter:{self.adapter.id}"
        mine: dict[str, Any] = {
            "base_models": self.model, "runs": self.run, "adapters": self.adapter,
            "uploads": self.upload, "analyses.get": self.analysis, "probes.of": self.run,
            "presets": self.preset, "sweeps": self.sweep, "diagnoses": self.run,
            "histories": self.run, "queue": self.run, "saved_states": self.run,
            "telemetry": self.run, "answering": self.conversation,
            "conversations": self.conversation, "system_prompts": self.system_prompt,
            "prompt_sets": self.questions, "evaluations": self.evaluation,
            "evaluation_files": self.evaluation,
        }  # fmt: skip
        return str(mine.get(name, mine.get(name.split(".")[0], self.data)).id)

    def seen(self) -> list[Any]:
        """Return all that its owner sees."""
        modules: tuple[Any, ...] = (
            datasets, base_models, runs, adapters, presets, sweeps, system_prompts,
            prompt_sets, evaluations,
        )  # fmt: skip
        talks = conversations.page(self.studio, ME)
        return [talks, *(module.listing(self.studio, ME) for module in modules)]


def publish(studio: Studio, claimed: stored_runs.Run) -> stored_adapters.Adapter:
    """Leave an adapter behind, as a training does."""
    identifier = ids.new("adapter")
    with artifacts.staged(studio.artifacts.adapter(identifier)) as staging:
        (staging / "adapter_config.json").write_text("{}")
    found = {"step": 3, "eval_loss": 0.5, "bytes": 2, "sha256": "c" * 64}
    return stored_adapters.publish(studio.database, claimed.id, claimed.attempt, identifier, found)


def talk(studio: Studio, name: str) -> Told:
    """Leave a conversation with one answer."""
    begun = conversations.begin(studio, ME, {"contestants": [name]})
    conversations.ask(studio, ME, begun.id, {"prompt": "What helps?"})
    answering.keep(studio, Heard(answering.question(studio, ME, begun.id, 1, 0)))
    return begun


@pytest.fixture
def mine(workplace: Workplace) -> Possessions:
    """Return what the local person has."""
    return Possessions(workplace)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Possessions]:
    """Return the same, made once: for tests in which nothing of it changes."""
    home = tmp_path_factory.mktemp("studio") / "home"
    home.mkdir()
    quick_home.with_schema(home)
    studio = studios.opened(Settings(home=home))
    yield Possessions(Workplace(studio))
    studio.database.close()


def call(name: str, studio: Studio, owner: str, identifier: str) -> Any:
    """Call a service function about the thing of that id."""
    found = everything()[name](studio, owner, identifier, *EXTRA.get(name, ()))
    if isinstance(found, AbstractContextManager) and not isinstance(found, Path):
        with found as inside:
            return inside
    return found


def test_the_matrix_has_every_service() -> None:
    assert len(BY_ID) > 20
    assert {"runs.log", "dataset_rows.faults", "adapters.download", "uploads.put"} <= set(BY_ID)


@pytest.mark.parametrize("name", BY_ID)
def test_somebody_else_learns_only_that_there_is_nothing(name: str, kept: Possessions) -> None:
    before, theirs = kept.seen(), kept.id_for(name)
    with pytest.raises(NotFound) as refused:
        call(name, kept.studio, BEN, theirs)
    with pytest.raises(NotFound) as missing:
        call(name, kept.studio, BEN, "run_000000000000")
    assert str(refused.value).replace(theirs, "?") == str(missing.value).replace(
        "run_000000000000", "?"
    )
    assert kept.seen() == before


@pytest.mark.parametrize("name", READS)
def test_the_owner_is_given_the_same_thing(name: str, kept: Possessions) -> None:
    call(name, kept.studio, ME, kept.id_for(name))


@pytest.mark.parametrize("name", LISTS)
def test_lists_hold_the_persons_own_alone(name: str, kept: Possessions) -> None:
    assert everything()[name](kept.studio, BEN) == []
    if name != "runs.queue":
        assert everything()[name](kept.studio, ME)


@pytest.mark.parametrize("place", ["dataset_id", "base_model_id"])
def test_nobody_trains_with_what_is_somebody_elses(
    place: str, mine: Possessions, workplace: Workplace
) -> None:
    own = {
        "dataset_id": workplace.data(owner=BEN).id,
        "base_model_id": workplace.model(owner=BEN).id,
    }
    values = {**mine.values, **own, "max_length": 64, place: mine.values[place]}
    with pytest.raises(Refused) as refused:
        runs.start(mine.studio, BEN, values)
    (fault,) = refused.value.faults
    assert fault.field == place
    assert mine.data.name not in fault.message
    assert mine.model.name not in fault.message
    with pytest.raises(NotFound):
        plans.preset(
            mine.studio, BEN, "quick", Places(values["dataset_id"], values["base_model_id"])
        )


def test_how_somebody_elses_run_was_set_and_how_long_their_rows_are_is_not_told(
    mine: Possessions,
) -> None:
    assert adapters.settings(mine.studio, ME, [mine.run.id]).keys() == {mine.run.id}
    assert adapters.settings(mine.studio, BEN, [mine.run.id]) == {}
    whose = (mine.data.id, mine.model.id)
    assert analyses.token_lengths(mine.studio, ME, *whose, response_only=True) is None
    with pytest.raises(NotFound):
        analyses.token_lengths(mine.studio, BEN, *whose, response_only=True)


def test_nobody_compares_somebody_elses_run(mine: Possessions) -> None:
    assert len(comparison.compare(mine.studio, ME, [mine.run.id]).runs) == 1
    with pytest.raises(NotFound):
        comparison.compare(mine.studio, BEN, [mine.run.id])


def test_nobody_goes_on_from_somebody_elses_run(mine: Possessions) -> None:
    name = f"adapter:{mine.adapter.id}"
    with pytest.raises(NotFound):
        runs.extend(mine.studio, BEN, mine.run.id, epochs=9)
    with pytest.raises(NotFound):
        saved_states.start(mine.studio, BEN, name)
    with pytest.raises(NotFound):
        saved_states.branch(mine.studio, BEN, mine.run.id, name)
    assert saved_states.starts_of(mine.studio, BEN, mine.model.id) == []


def test_nobody_sees_or_cleans_what_somebody_elses_things_take(mine: Possessions) -> None:
    assert adapters.page(mine.studio, ME, 10)[1] == 1
    assert adapters.page(mine.studio, BEN, 10) == ([], 0)
    assert saved_states.spaces(mine.studio, BEN) == []
    with pytest.raises(NotFound):
        saved_states.clean(mine.studio, BEN, [mine.run.id])


def test_nobody_finds_somebody_elses_conversation(mine: Possessions) -> None:
    assert conversations.page(mine.studio, ME).total == 1
    assert conversations.page(mine.studio, BEN).lines == []
    with pytest.raises(Refused) as refused:
        conversations.begin(mine.studio, BEN, {"contestants": [f"base:{mine.model.id}"]})
    assert mine.model.name not in str(refused.value)


def test_nobody_asks_somebody_elses_questions_or_model(mine: Possessions) -> None:
    with pytest.raises(Refused) as refused:
        evaluations.ask(mine.studio, BEN, mine.asking)
    assert {fault.field for fault in refused.value.faults} == {"contestants", "prompt_set_id"}
    assert mine.model.name not in str(refused.value)
    assert mine.questions.name not in str(refused.value)
    with pytest.raises(NotFound):
        prompt_sets.keep(mine.studio, BEN, {"dataset_id": mine.data.id})


def test_nobody_searches_with_what_is_somebody_elses(mine: Possessions) -> None:
    with pytest.raises(Refused) as refused:
        sweeps.start(mine.studio, BEN, mine.wish)
    assert {fault.field for fault in refused.value.faults} == {"dataset_id", "base_model_id"}
    assert sweeps.listing(mine.studio, BEN) == []


def test_the_line_holds_the_persons_own_alone(mine: Possessions) -> None:
    waiting = runs.start(mine.studio, ME, {**mine.values, "name": "Next", "max_length": 64})
    assert [one.run.id for one in queue.line(mine.studio, ME).waiting] == [waiting.id]
    assert queue.line(mine.studio, BEN).waiting == []


def test_nobody_has_somebody_elses_rows_counted(mine: Possessions) -> None:
    def asked() -> int:
        with mine.studio.database.read() as session:
            return session.query(AnalysisRow).count()

    before, whose = asked(), Places(mine.data.id, mine.model.id)
    plans.count_tokens(mine.studio, BEN, whose)
    assert not plans.try_memory(mine.studio, BEN, {**mine.values, "max_length": 64})
    assert asked() == before
    plans.count_tokens(mine.studio, ME, whose)
    assert asked() == before + 1


def test_nobody_learns_from_somebody_elses_model(mine: Possessions, workplace: Workplace) -> None:
    own = {"dataset_id": workplace.data(owner=BEN).id, "base_model_id": workplace.model(BEN).id}
    values = {**mine.values, **own, "method": "distill", "teacher_model_id": mine.model.id}
    with pytest.raises(Refused) as refused:
        runs.start(mine.studio, BEN, values)
    assert [fault.field for fault in refused.value.faults] == ["teacher_model_id"]


def test_what_two_people_add_are_two_things(mine: Possessions, workplace: Workplace) -> None:
    first, second = sample.start(mine.studio, ME), sample.start(mine.studio, BEN)
    assert first.id != second.id
    assert first.dataset_id != second.dataset_id
    assert first.base_model_id != second.base_model_id
    assert [run.id for run in runs.listing(mine.studio, BEN)] == [second.id]
