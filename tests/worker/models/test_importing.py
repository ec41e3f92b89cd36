"""A folder is used where it lies; its fingerprint notices when the model changes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from storage.errors import StudioError
from worker.models import importing
from worker.models.check import UnusableModel

SOUND = "{% for m in messages %}{{ m.content }}{% endfor %}"


def silent(_share: float, _text: str) -> None:
    """A report that nobody reads."""


def test_a_good_folder_gives_its_facts_and_stays_as_it_is(folder: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    shares: list[float] = []
    facts = importing.import_folder(str(folder), lambda share, _text: shares.append(share))
    assert (facts.architecture, facts.licence) == ("LlamaForCausalLM", "mit")
    assert shares == [0.0, 1.0]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_the_home_folder_may_be_written_as_a_tilde(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert importing.import_folder(" ~/model ", silent).layers == 3


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("models/llama", "not a full path"),
        ("", "not a full path"),
        ("/nowhere/at/all", "There is no folder '/nowhere/at/all'"),
        ("~nobody-of-that-name/x", "cannot be opened"),
        ("/null\0byte", r"There is no folder '/null\\x00byte'"),
        ("/" + "x" * 5000, "cannot be opened"),
        ("/etc/passwd", "is a file"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_in_words(path: str, words: str) -> None:
    with pytest.raises(StudioError, match=words):
        importing.import_folder(path, silent)


@pytest.fixture
def forbidden_folder() -> Iterator[Path]:
    """A folder that this process may not read, even where the tests run as root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield folder
    os.seteuid(user)
    folder.rmdir()


def test_a_folder_that_may_not_be_read_is_refused_in_words(forbidden_folder: Path) -> None:
    with pytest.raises(StudioError, match=f"may not read {forbidden_folder}"):
        importing.import_folder(str(forbidden_folder), silent)


def test_a_bad_folder_lists_every_fault(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "model.safetensors").unlink()
    with pytest.raises(UnusableModel) as refused:
        importing.import_folder(str(folder), silent)
    assert [fault.field for fault in refused.value.faults] == ["tokenizer", "weights"]
    assert "Missing: the tokenizer" in refused.value.hint
    assert "cannot be used as a base model" in refused.value.message


def test_the_fingerprint_is_that_of_the_model_not_of_the_place(
    folder: Path, good_model: Path
) -> None:
    assert importing.fingerprint(folder) == importing.fingerprint(good_model)
    (folder / "README.md").write_text("another card")
    (folder / "notes.txt").write_text("mine")
    assert importing.fingerprint(folder) == importing.fingerprint(good_model)


def test_the_fingerprint_changes_with_the_settings(folder: Path, good_model: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text().replace("0.02", "0.03"))
    assert importing.fingerprint(folder) != importing.fingerprint(good_model)


def test_the_fingerprint_notices_training_that_keeps_every_shape(
    folder: Path, good_model: Path
) -> None:
    weights = load_file(folder / "model.safetensors")
    trained = {name: tensor + 0.001 for name, tensor in weights.items()}
    save_file(trained, folder / "model.safetensors", metadata={"format": "pt"})
    before = (good_model / "model.safetensors").stat().st_size
    assert (folder / "model.safetensors").stat().st_size == before
    assert importing.fingerprint(folder) != importing.fingerprint(good_model)


def test_the_fingerprint_covers_every_shard(shards: Path, tmp_path: Path) -> None:
    before = importing.fingerprint(shards)
    copy = shutil.copytree(shards, tmp_path / "copy")
    last = sorted(copy.glob("*.safetensors"))[-1]
    weights = {name: tensor + 0.001 for name, tensor in load_file(last).items()}
    save_file(weights, last, metadata={"format": "pt"})
    assert importing.fingerprint(copy) != before


def test_a_broken_chat_format_is_a_fact_and_no_fault(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{% for m in messages %}\n{{ m.content }")
    facts = importing.import_folder(str(folder), silent)
    assert facts.chat_template_fault.startswith("Line 2 of the chat format is not right")
    (folder / "chat_template.jinja").write_text(SOUND)
    assert importing.import_folder(str(folder), silent).chat_template_fault == ""
