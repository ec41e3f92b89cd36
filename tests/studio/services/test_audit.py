"""What a person does is in the audit trail, each thing once, by name; what fails is not."""

import pytest

from storage import audit, audit_check, purge
from storage.audit import Entry, Wanted
from storage.errors import NotFound
from storage.ids import LOCAL_PERSON as ME
from storage.tables import DatasetRow, now
from studio.services import base_models, dataset_files, datasets, runs, uploads, versions
from studio.services.studio import Studio
from tests.fakes.workplace import Workplace, examples


def told(studio: Studio) -> list[Entry]:
    """Return all entries, oldest first."""
    return audit.entries(studio.database, Wanted(), most=500)[::-1]


def actions(studio: Studio, subject: str = "") -> list[str]:
    """Return what was done, in order."""
    return [each.action for each in told(studio) if not subject or each.subject == subject]


def test_an_upload_is_noted_once_with_the_hash_of_its_content(workplace: Workplace) -> None:
    studio, content = workplace.studio, examples(20)
    for _ in range(2):  # the second time the content is known already
        upload = uploads.begin(studio, ME, "mine.jsonl", len(content), 0)
        uploads.put(studio, ME, upload.id, 0, content)
        made, _ = uploads.finish(studio, ME, upload.id)
        uploads.finish(studio, ME, upload.id)
    [entry] = told(studio)
    assert (entry.action, entry.subject, entry.actor) == ("uploaded", made.id, ME)
    assert entry.told == {"name": "mine.jsonl", "bytes": len(content), "sha256": made.sha256}


def test_what_becomes_of_a_dataset_is_noted(workplace: Workplace) -> None:
    studio, data = workplace.studio, workplace.data()
    for _ in range(2):  # what is deleted already is not deleted again
        datasets.delete(studio, ME, data.id)
    datasets.restore(studio, ME, data.id)
    dataset_files.rows(studio, ME, data.id)
    dataset_files.original(studio, ME, data.id)
    expected = ["uploaded", "deleted", "restored", "downloaded", "downloaded"]
    assert actions(studio, data.id) == expected
    assert told(studio)[1].told == {"kind": "dataset", "name": "answers.jsonl"}
    operation = {"kind": "filter", "dataset_id": data.id, "rows": [0, 1]}
    version = versions.make(studio, ME, operation, "Two")
    [made] = [each for each in told(studio) if each.subject == version.id]
    assert (made.action, made.told["how"], made.told["parents"]) == ("made", "filter", [data.id])


def test_what_is_removed_for_good_is_noted_by_the_studio_itself(workplace: Workplace) -> None:
    studio, data = workplace.studio, workplace.data()
    datasets.delete(studio, ME, data.id)
    with studio.database.write() as session:
        row = session.get_one(DatasetRow, data.id)
        row.deleted_at = now().replace(year=2020)
    purge.purge(studio.database, studio.artifacts)
    assert told(studio)[-1].action == "purged"
    assert (told(studio)[-1].subject, told(studio)[-1].actor) == (data.id, audit.STUDIO)


def test_what_happens_to_a_run_at_a_persons_wish_is_noted(workplace: Workplace) -> None:
    studio = workplace.studio
    values = {
        "name": "Mine",
        "dataset_id": workplace.data().id,
        "base_model_id": workplace.model().id,
        "max_length": 64,
    }
    run = runs.start(studio, ME, values, key="once")
    runs.start(studio, ME, values, key="once")
    runs.stop(studio, ME, run.id)
    runs.resume(studio, ME, run.id)
    runs.discard(studio, ME, run.id)
    runs.delete(studio, ME, run.id)
    runs.restore(studio, ME, run.id)
    expected = ["started", "stopped", "resumed", "stopped", "deleted", "restored"]
    assert actions(studio, run.id) == expected
    wishes = [each.told["request"] for each in told(studio) if each.action == "stopped"]
    assert wishes == ["keep", "discard"]
    assert audit_check.verify(studio.database).broken is None


def test_a_token_is_noted_and_never_told(studio: Studio) -> None:
    base_models.save_hub_token(studio, "hf_secret")
    base_models.save_hub_token(studio, "")
    assert [each.told for each in told(studio)] == [{"given": True}, {"given": False}]
    assert "hf_secret" not in str(told(studio))


def test_what_is_refused_is_not_noted(studio: Studio) -> None:
    with pytest.raises(NotFound):
        datasets.delete(studio, ME, "data_000000000000")
    assert told(studio) == []
