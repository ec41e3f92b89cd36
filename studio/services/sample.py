"""The sample: starter model, sample data and a first run, through the same services as the form."""

from storage.runs import Run
from studio.services import base_models, datasets, plans, runs
from studio.services.plans import Places
from studio.services.studio import Studio

SAMPLE_PRESET = "balanced"
SAMPLE_DATA = "patient_friendly"
"""The file of the sample data that the run learns from; the others are there to go on with."""


def start(studio: Studio, owner: str) -> Run:
    """Set the sample up and put its run into the queue; it starts when the model is built.

    A sample run that waits or is under way already is returned instead of a second one.
    """
    model = base_models.add_starter(studio, owner)
    datasets.add_samples(studio, owner)
    data = datasets.add_sample(studio, owner, SAMPLE_DATA)
    for run in runs.listing(studio, owner):
        same = (run.dataset_id, run.base_model_id) == (data.id, model.id)
        if same and (run.is_active or run.status == "queued"):
            return run
    spec = plans.preset(studio, owner, SAMPLE_PRESET, Places(data.id, model.id))
    return runs.start(studio, owner, {**spec.model_dump(mode="json"), "name": "Sample run"})
