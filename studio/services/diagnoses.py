"""What a run's curves say in words, from the few points that its page opens with."""

from storage.errors import NotFound
from storage.runs import Run
from storage.status import RunStatus
from studio.advice import diagnosis, presets
from studio.advice.diagnosis import About, Diagnosis
from studio.services import base_models, runs
from studio.services.studio import Studio

_OVER = (RunStatus.FINISHED, RunStatus.STOPPED, RunStatus.FAILED, RunStatus.DISCARDED)


def of(studio: Studio, owner: str, run_id: str) -> Diagnosis:
    """Return what a run's curves say, and what to change. Raises NotFound."""
    run = runs.get(studio, owner, run_id)
    curves = {curve.name: curve for curve in runs.opening(studio, owner, run_id).curves}
    return diagnosis.of(curves, _about(studio, run))


def _about(studio: Studio, run: Run) -> About:
    return About(
        spec=run.spec,
        total_steps=run.total_steps,
        is_over=run.status in _OVER,
        has_failed=run.status is RunStatus.FAILED,
        is_cut=run.status is not RunStatus.FINISHED or run.step < run.total_steps,
        usual_rate=_usual_rate(studio, run),
    )


def _usual_rate(studio: Studio, run: Run) -> float | None:
    """Return the learning rate that presets give; None where the model was deleted."""
    try:
        model = base_models.get(studio, run.owner, run.base_model_id)
    except NotFound:
        return None
    small = presets.is_small(model, base_models.facts(model))
    return presets.learning_rate(run.spec.method, run.spec.adapter, small=small)
