"""Downloads with the real client from a hub on this machine: resumed, refused and said in words."""

import errno
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import LlamaConfig

from storage.errors import StudioError
from storage.model_facts import ModelFacts
from tests.fakes.hub import FakeHub
from tests.fakes.tiny_models import save_model, save_tokenizer
from worker.models import hub_errors, importing
from worker.models.check import UnusableModel
from worker.models.hub import Hub

NAME = "clinic/tiny-llama"

# More than the 10 MiB that the library hands on at a time, so that a cut leaves a part behind.
BIG = LlamaConfig(
    vocab_size=300,
    hidden_size=512,
    intermediate_size=2048,
    num_hidden_layers=2,
    num_attention_heads=4,
)


class Reports(list[tuple[float, str]]):
    """What the download told."""

    def __call__(self, share: float, text: str) -> None:
        self.append((share, text))


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A token of the person who runs the tests must not reach the fake hub."""
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))


@pytest.fixture
def hub(good_model: Path) -> Iterator[FakeHub]:
    with FakeHub() as hub:
        hub.add(NAME, good_model)
        yield hub


@pytest.fixture(scope="session")
def big_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("big")
    save_model(folder, BIG)
    save_tokenizer(folder)
    return folder


def fetch(
    hub: FakeHub,
    target: Path,
    *,
    name: str = NAME,
    revision: str | None = None,
    token: str | None = None,
    report: Reports | None = None,
) -> ModelFacts:
    reports = Reports() if report is None else report
    return importing.download(name, revision, target, token, reports, hub.endpoint)


def test_a_model_arrives_whole_with_nothing_beside_it(
    hub: FakeHub, tmp_path: Path, good_model: Path
) -> None:
    files = hub.repositories[NAME].files
    files |= {"pytorch_model.bin": b"pickle", "modeling.py": b"code", "flax.msgpack": b"other"}
    files["consolidated.safetensors"] = b"the same weights again"
    reports = Reports()
    facts = fetch(hub, tmp_path / "model", report=reports)
    assert facts.architecture == "LlamaForCausalLM"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    arrived = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    assert arrived == {path.name: path.read_bytes() for path in good_model.iterdir()}
    shares = [share for share, _ in reports]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    total = sum(map(len, arrived.values())) / 1000
    assert reports[-1][1] == f"Downloading {total:.1f} of {total:.1f} kB"


def test_shards_of_an_index_arrive(hub: FakeHub, tmp_path: Path, sharded_model: Path) -> None:
    hub.add("clinic/shards", sharded_model)
    fetch(hub, tmp_path / "model", name="clinic/shards")
    assert importing.fingerprint(tmp_path / "model") == importing.fingerprint(sharded_model)


def test_a_second_call_after_success_asks_for_nothing(hub: FakeHub, tmp_path: Path) -> None:
    first = fetch(hub, tmp_path / "model")
    hub.requests.clear()
    assert fetch(hub, tmp_path / "model") == first
    assert hub.requests == []


def test_a_killed_download_goes_on_where_it_was(
    hub: FakeHub, tmp_path: Path, big_model: Path
) -> None:
    hub.add(NAME, big_model)
    hub.seconds_a_block = 0.01
    child = start_download(hub, tmp_path / "model")
    partial = wait_for_partial(tmp_path)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = partial.stat().st_size
    assert not (tmp_path / "model").exists()
    hub.seconds_a_block = 0
    hub.requests.clear()
    fetch(hub, tmp_path / "model")
    assert [r.range for r in hub.downloads("model.safetensors")] == [f"bytes={kept}-"]
    assert hub.downloads("config.json") == []
    assert importing.fingerprint(tmp_path / "model") == importing.fingerprint(big_model)


def start_download(hub: FakeHub, target: Path) -> subprocess.Popen[bytes]:
    code = (
        "from pathlib import Path; from worker.models import importing\n"
        f"importing.download({NAME!r}, None, Path({str(target)!r}), None, "
        f"lambda share, text: None, {hub.endpoint!r})"
    )
    return subprocess.Popen([sys.executable, "-c", code])


def wait_for_partial(folder: Path) -> Path:
    """Wait until a part of the weights lies on disk."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for path in folder.glob("*.part/model.safetensors.incomplete"):
            if path.stat().st_size:
                return path
        time.sleep(0.01)
    raise AssertionError("no part of the weights arrived")


def test_a_connection_that_breaks_is_taken_up_again(
    hub: FakeHub, tmp_path: Path, big_model: Path
) -> None:
    hub.add(NAME, big_model)
    hub.cut_after, hub.cuts_left = 12 << 20, 1
    fetch(hub, tmp_path / "model")
    ranges = [r.range for r in hub.downloads("model.safetensors")]
    assert ranges == [None, f"bytes={10 << 20}-"]
    assert importing.fingerprint(tmp_path / "model") == importing.fingerprint(big_model)


def test_a_server_that_ignores_the_range_does_not_spoil_the_file(
    hub: FakeHub, tmp_path: Path, big_model: Path
) -> None:
    hub.add(NAME, big_model)
    hub.cut_after, hub.cuts_left, hub.ignore_range = 12 << 20, 1, True
    fetch(hub, tmp_path / "model")
    assert importing.fingerprint(tmp_path / "model") == importing.fingerprint(big_model)


def test_a_part_that_does_not_belong_there_is_noticed_and_fetched_anew(
    hub: FakeHub, tmp_path: Path, good_model: Path
) -> None:
    aside = tmp_path / f"model.{'a' * 12}.part"
    aside.mkdir()
    (aside / "tokenizer.json.incomplete").write_bytes(b"something else")
    with pytest.raises(StudioError, match=r"tokenizer.json arrived damaged"):
        fetch(hub, tmp_path / "model")
    fetch(hub, tmp_path / "model")
    assert importing.fingerprint(tmp_path / "model") == importing.fingerprint(good_model)


def test_parts_of_another_version_are_not_mixed_in(hub: FakeHub, tmp_path: Path) -> None:
    old = tmp_path / f"model.{'b' * 12}.part"
    old.mkdir()
    (old / "config.json").write_text("of the version before")
    fetch(hub, tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_report_that_raises_cancels_and_keeps_what_arrived(hub: FakeHub, tmp_path: Path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(share: float, _text: str) -> None:
        if share > 0.1:
            raise Cancelled

    with pytest.raises(Cancelled):
        importing.download(NAME, None, tmp_path / "model", None, cancel, hub.endpoint)
    assert not (tmp_path / "model").exists()
    assert list(tmp_path.glob("*.part/config.json"))
    importing.discard_partial(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_passing_failures_are_tried_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.fail_next = 2
    assert fetch(hub, tmp_path / "model").layers == 3


def test_failures_that_stay_are_said_in_words(hub: FakeHub, tmp_path: Path) -> None:
    hub.fail_next = 100
    with pytest.raises(StudioError, match=r"answered with an error \(503\)"):
        fetch(hub, tmp_path / "model")
    assert len(hub.requests) == 4


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("clinic/tiny-lama", "no model called 'clinic/tiny-lama' on the hub"),
        ("clinic/private", "no model called 'clinic/private'.*paste an access token"),
        ("clinic/gated", "gated.*accept the conditions.*Settings page"),
    ],
)
def test_what_cannot_be_had_without_a_token(
    hub: FakeHub, tmp_path: Path, good_model: Path, name: str, words: str
) -> None:
    hub.add("clinic/private", good_model).private = True
    hub.add("clinic/gated", good_model).gated = True
    with pytest.raises(StudioError, match=words):
        fetch(hub, tmp_path / "model", name=name)
    assert not (tmp_path / "model").exists()


def test_a_token_opens_gated_and_private_models(
    hub: FakeHub, tmp_path: Path, good_model: Path
) -> None:
    closed = hub.add("clinic/closed", good_model)
    closed.gated, closed.private, closed.allowed = True, True, {"hf_good"}
    fetch(hub, tmp_path / "model", name="clinic/closed", token="hf_good")
    assert {request.token for request in hub.requests} == {"hf_good"}


def test_a_token_is_not_sent_on_to_the_file_store(
    hub: FakeHub, tmp_path: Path, good_model: Path
) -> None:
    with FakeHub() as store:
        store.add(NAME, good_model)
        hub.repositories[NAME].file_store = store.endpoint
        fetch(hub, tmp_path / "model", token="hf_good")
    assert {request.token for request in hub.requests} == {"hf_good"}
    assert {request.token for request in store.requests} == {None}


def test_a_token_without_the_right_is_told_where_to_ask(
    hub: FakeHub, tmp_path: Path, good_model: Path
) -> None:
    hub.add("clinic/gated", good_model).gated = True
    with pytest.raises(StudioError, match=r"not allowed.*huggingface.co/clinic/gated"):
        fetch(hub, tmp_path / "model", name="clinic/gated", token="hf_other")


def test_a_token_that_the_hub_does_not_know(hub: FakeHub, tmp_path: Path) -> None:
    hub.valid_tokens = set()
    with pytest.raises(StudioError, match="does not accept your access token") as refused:
        fetch(hub, tmp_path / "model", token="hf_secret")
    assert "hf_secret" not in str(refused.value)


def test_a_version_that_does_not_exist(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="no version called 'v9'"):
        fetch(hub, tmp_path / "model", revision="v9")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gpt2", "owner/name"),
        ("", "owner/name"),
        ("a/b/c", "owner/name"),
        ("../../etc", "local folder"),
        ("/home/me/model", "local folder"),
        ("a b/c", "owner/name"),
        ("<script>/x", "owner/name"),
        ("https://huggingface.co/Qwen/Qwen3-0.6B/tree/main", "Did you mean Qwen/Qwen3-0.6B"),
    ],
)
def test_what_is_no_name_is_refused_before_anything_is_asked(
    hub: FakeHub, tmp_path: Path, name: str, words: str
) -> None:
    with pytest.raises(StudioError, match=words):
        fetch(hub, tmp_path / "model", name=name)
    assert hub.requests == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"pytorch_model.bin": b""}, "unsafe format"),
        ({"model-q4.gguf": b""}, "GGUF"),
        ({"adapter_config.json": b"{}"}, "an adapter, not a base model"),
    ],
)
def test_a_hub_model_that_cannot_work_is_refused_from_its_list_of_files(
    hub: FakeHub, tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    kept = {} if "adapter_config.json" in files else hub.repositories[NAME].files.copy()
    kept.pop("model.safetensors", None)
    hub.repositories[NAME].files = kept | files
    with pytest.raises(UnusableModel, match=words):
        fetch(hub, tmp_path / "model")
    assert len(hub.requests) == 1


def test_a_model_that_needs_code_is_refused_before_its_weights_are_fetched(
    hub: FakeHub, tmp_path: Path
) -> None:
    files = hub.repositories[NAME].files
    files["config.json"] = files["config.json"].replace(b"{", b'{"auto_map": {},', 1)
    with pytest.raises(UnusableModel, match="trust_remote_code"):
        fetch(hub, tmp_path / "model")
    assert hub.downloads("model.safetensors") == []


def test_a_model_that_does_not_fit_on_the_disk_is_not_begun(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories[NAME].claimed_sizes["model.safetensors"] = 10**16
    with pytest.raises(StudioError, match=r"Disk full: need 11000000.0 GB, have "):
        fetch(hub, tmp_path / "model")
    assert hub.downloads("model.safetensors") == []


def test_a_disk_that_fills_up_on_the_way_is_said_in_words() -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    said = hub_errors.in_words(full, NAME, None, token=False)
    assert said.message == f"The disk is full; '{NAME}' did not fit."


def test_names_on_the_hub_cannot_write_outside_the_folder(hub: FakeHub, tmp_path: Path) -> None:
    hub.repositories[NAME].files["../tokenizer.json"] = b"{}"
    assert "../tokenizer.json" not in Hub(NAME, None, hub.endpoint).listing(None).sizes
    fetch(hub, tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_no_network_is_said_in_words(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(StudioError, match=r"cannot be reached.*network connection"):
            importing.download(NAME, None, tmp_path / "model", None, Reports(), endpoint)


def test_working_offline_is_said_in_words(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(StudioError, match="HF_HUB_OFFLINE"):
        fetch(hub, tmp_path / "model")
    assert hub.requests == []
