"""Whatever people, two workers, deaths and clocks do to runs: one owner, and no run is lost.

Hypothesis invents the stories: it submits, claims, extends leases, lets them run out, kills,
stops, deletes, restores, resumes and extends in any order, and shortens what breaks a promise.
Workers that were taken for dead go on writing here, as a paused one does that wakes up.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select

from storage import attempts, base_models, datasets, leases, metrics, owned, runs, work
from storage.database import Database
from storage.errors import StudioError, Superseded
from storage.leases import Heard
from storage.specs import RunSpec
from storage.status import ACTIVE, RUN_MOVES, RunStatus, StopRequest
from storage.tables import AttemptRow, BaseModelRow, DatasetRow, RunRow, Table

ANNA = "anna"
LEASE = 30.0
WORKERS = ("alpha.example:1:0.00", "beta.example:1:0.00")
ENDS = (RunStatus.FINISHED, RunStatus.STOPPED, RunStatus.FAILED, RunStatus.DISCARDED)
MOST_RUNS = 3


_LOOKED_AT = select(
    RunRow.id, RunRow.status, RunRow.attempt, RunRow.worker, RunRow.lease_until,
    RunRow.stop_request, RunRow.deleted_at,
)  # fmt: skip
_WHOLE = select(*RunRow.__table__.columns)


class Clock:
    """The clock of both workers; only the story moves it."""

    now = 0.0

    def monotonic(self) -> float:
        """Return its time in seconds."""
        return self.now


@dataclass(frozen=True)
class Hold:
    """What a worker believes to hold; it may be wrong."""

    worker: str
    run_id: str
    attempt: int


class Studio(RuleBasedStateMachine):
    """One database, one person, two workers.

    Attributes:
        database: emptied before each story; statements that it has seen are quick.
    """

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(leases, "time", self.clock)
        with self.database.write() as session:
            for table in reversed(Table.metadata.sorted_tables):
                session.execute(delete(table))
        self.heard = {worker: Heard(LEASE) for worker in WORKERS}
        self.holds: list[Hold] = []
        self.beats: dict[str, float] = {}  # when a run's lease was last extended
        self.seen: dict[str, tuple[str, int]] = {}  # status and attempt before the rule
        self.claims: dict[str, int] = {}

    def teardown(self) -> None:
        """See that what a dead worker held comes back to the queue; close."""
        self.recover("alpha.example:1:0.00")
        self.clock.now += LEASE
        for table in (DatasetRow, BaseModelRow):
            work.recover(self.database, table, self.heard[WORKERS[0]])
        attempts.recover(self.database, self.heard[WORKERS[0]])
        assert not [run for run in self.rows().values() if run.status in ACTIVE]
        self.patch.undo()

    @initialize()
    def prepare(self) -> None:
        """Bring in data and a base model."""
        self.data = datasets.add(self.database, ANNA, "Answers", "a" * 64, 10).id
        place = (base_models.Source.STARTER, "starter")
        self.model = base_models.add(self.database, ANNA, "Starter", *place).id
        for table in (DatasetRow, BaseModelRow):
            row = work.claim(self.database, table, "test", LEASE)
            work.finish(self.database, table, (row.id, row.attempt))

    # What a person does.

    @precondition(lambda self: len(self.claims) < MOST_RUNS)
    @rule()
    def submit(self) -> None:
        """Press Start."""
        spec = RunSpec(dataset_id=self.data, base_model_id=self.model, max_steps=1)
        run = runs.add(self.database, ANNA, spec)
        self.claims[run.id], self.seen[run.id] = 0, (run.status, 0)

    @precondition(lambda self: self.claims)
    @rule(
        number=st.integers(0, MOST_RUNS - 1),
        wish=st.sampled_from(["keep", "discard", "delete", "restore", "resume", "extend"]),
    )
    def ask(self, number: int, wish: str) -> None:
        """Press one of the buttons of a run, whether it is there or not."""
        run_id = list(self.claims)[number % len(self.claims)]
        before = self.whole(run_id)
        try:
            self.wishes()[wish](run_id, before)
        except StudioError:
            assert self.whole(run_id) == before, "refused, and yet done"

    def wishes(self) -> dict[str, Callable[[str, Any], object]]:
        """Return what a person may wish of a run."""
        key = (self.database, RunRow, ANNA)
        return {
            "keep": lambda run, _: runs.request_stop(self.database, ANNA, run, StopRequest.KEEP),
            "discard": lambda run, _: runs.request_stop(
                self.database, ANNA, run, StopRequest.DISCARD
            ),
            "delete": lambda run, _: owned.mark_deleted(*key, run, deleted=True),
            "restore": lambda run, _: owned.mark_deleted(*key, run, deleted=False),
            "resume": lambda run, _: runs.resume(self.database, ANNA, run),
            "extend": lambda run, row: runs.extend(
                self.database, ANNA, run, max_steps=row.step + 10
            ),
        }

    # What workers do.

    @rule(worker=st.sampled_from(WORKERS))
    def claim(self, worker: str) -> None:
        """Look for a run to start."""
        before = self.rows()
        run = attempts.claim(self.database, worker, LEASE)
        waiting = [
            one.id
            for one in before.values()
            if one.status == RunStatus.QUEUED and one.deleted_at is None
        ]
        assert (run.id in waiting) if run else not waiting, "a run was lost, or taken twice"
        if run is not None:
            self.claims[run.id] += 1
            self.holds.append(Hold(worker, run.id, run.attempt))
            self.beats[run.id] = self.clock.now

    @precondition(lambda self: self.holds)
    @rule(
        number=st.integers(0, 50),
        act=st.sampled_from(["begin", "beat", "beat", "step", "die", "release", "end"]),
        status=st.sampled_from(ENDS),
        step=st.integers(1, 9),
    )
    def act(self, number: int, act: str, status: RunStatus, step: int) -> None:
        """Let a worker write something about what it believes to hold."""
        hold = self.holds[number % len(self.holds)]
        key = (self.database, hold.run_id, hold.attempt)
        point = metrics.Point("loss", step, 1.0)
        acts: dict[str, Callable[[], object]] = {
            "begin": lambda: attempts.begin(*key),
            "beat": lambda: attempts.heartbeat(*key, LEASE + self.clock.now),
            "step": lambda: metrics.report(*key, [point], step=step),
            "die": lambda: attempts.put_back(*key, "killed"),
            "release": lambda: attempts.release(*key),
            "end": lambda: attempts.end(*key, status, "over"),
        }
        before = self.rows()[hold.run_id]
        is_owner = before.worker == hold.worker and before.attempt == hold.attempt
        try:
            acts[act]()
            assert is_owner, "an attempt that is over has written"
            if act == "beat":
                self.beats[hold.run_id] = self.clock.now
        except Superseded:
            assert not is_owner
        except StudioError:
            assert is_owner  # a move that there is none of, such as beginning twice

    @rule(seconds=st.sampled_from([1.0, 10.0, 29.0, 31.0]))
    def wait(self, seconds: float) -> None:
        """Let time go by: leases run out where nobody extends them."""
        self.clock.now += seconds

    @rule(worker=st.sampled_from(WORKERS))
    def recover(self, worker: str) -> None:
        """Let a worker's reconciler look for what nobody works on any more."""
        for run_id in attempts.recover(self.database, self.heard[worker]):
            assert self.clock.now - self.beats[run_id] >= LEASE, "a live lease was taken"

    @rule(worker=st.sampled_from(WORKERS))
    def restart(self, worker: str) -> None:
        """Kill a worker with all it knows, and start another one in its place."""
        self.heard[worker] = Heard(LEASE)
        self.holds = [hold for hold in self.holds if hold.worker != worker]

    # What must hold whatever happens.

    @invariant()
    def every_run_moved_along_the_table_and_none_is_lost(self) -> None:
        """Statuses move along RUN_MOVES; attempts only rise, by claims alone."""
        there = self.rows()
        assert there.keys() == self.claims.keys()
        for run_id, row in there.items():
            status, attempt = self.seen[run_id]
            assert row.status == status or row.status in RUN_MOVES[RunStatus(status)]
            assert attempt <= row.attempt == self.claims[run_id]
            self.seen[run_id] = (row.status, row.attempt)

    @invariant()
    def a_run_has_an_owner_exactly_while_it_is_under_way(self) -> None:
        """One worker holds it, under the newest attempt, which alone has not ended."""
        with self.database.read() as session:
            open_ones = session.scalars(select(AttemptRow).where(AttemptRow.ended_at.is_(None)))
            under_way = sorted((one.run_id, one.attempt, one.worker) for one in open_ones)
        rows = self.rows().values()
        held = [row for row in rows if row.status in ACTIVE]
        assert under_way == sorted((row.id, row.attempt, row.worker) for row in held)
        for row in rows:
            assert (row.worker is None) == (row.lease_until is None) == (row.status not in ACTIVE)
            assert row.stop_request is None or row.status in ACTIVE

    def rows(self) -> dict[str, Any]:
        """Return what counts of all rows, deleted ones too, by id."""
        with self.database.read() as session:
            return {row.id: row for row in session.execute(_LOOKED_AT)}

    def whole(self, run_id: str) -> Any:
        """Return all columns of a row."""
        with self.database.read() as session:
            return session.execute(_WHOLE.where(RunRow.id == run_id)).one()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stories", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_one_owner_rising_attempts_and_no_run_lost_in_any_story(stories: int) -> None:
    Studio.database = Database("sqlite://")
    Table.metadata.create_all(Studio.database.engine)
    run_state_machine_as_test(
        Studio,
        settings=settings(
            max_examples=stories,
            stateful_step_count=30,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    Studio.database.close()
