"""One good base model, made once, copied for each test that spoils it."""

import shutil
from pathlib import Path

import pytest
from transformers import LlamaConfig

from tests.fakes.tiny_models import save_model, save_tokenizer

LLAMA = LlamaConfig(
    vocab_size=300,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    tie_word_embeddings=False,
)


@pytest.fixture(scope="session")
def good_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model in one weight file; not to be changed."""
    folder = tmp_path_factory.mktemp("good")
    save_model(folder, LLAMA)
    save_tokenizer(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    return folder


@pytest.fixture(scope="session")
def sharded_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in five weight files and an index; not to be changed."""
    folder = tmp_path_factory.mktemp("sharded")
    save_model(folder, LLAMA, max_shard_size="44KB")
    save_tokenizer(folder)
    return folder


@pytest.fixture
def folder(good_model: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(good_model, tmp_path / "model"))


@pytest.fixture
def shards(sharded_model: Path, tmp_path: Path) -> Path:
    """A copy in several files to spoil."""
    return Path(shutil.copytree(sharded_model, tmp_path / "model"))
