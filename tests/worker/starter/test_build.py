"""A short build: a whole folder without pickle, the same bytes twice, a report that rises."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from worker.starter import build as building
from worker.starter.build import build
from worker.starter.recipe import Recipe


def test_the_folder_is_an_ordinary_one(short: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(short, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(short, local_files_only=True)
    assert type(model) is LlamaForCausalLM
    assert 2_500_000 < model.num_parameters() < 3_500_000
    assert model.config.max_position_embeddings >= 1024
    assert len(tokenizer) <= model.config.vocab_size == 2048
    assert model.config.eos_token_id == tokenizer.eos_token_id
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


def test_the_folder_holds_weights_and_text_only(short: Path) -> None:
    names = {path.name for path in short.iterdir()}
    assert names == {
        "README.md", "chat_template.jinja", "config.json", "generation_config.json",
        "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    for path in short.glob("*.json"):
        json.loads(path.read_text("utf-8"))


def test_weights_are_finite(short: Path) -> None:
    for name, weight in load_file(short / "model.safetensors").items():
        assert torch.isfinite(weight).all(), name


def test_two_builds_write_the_same_bytes(short: Path, tmp_path: Path, quick: Recipe) -> None:
    torch.manual_seed(99)  # what happened before must not matter
    build(tmp_path, lambda _share, _words: None, quick)
    for path in short.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_build_leaves_random_numbers_and_threads_as_they_were(
    tmp_path: Path, quick: Recipe
) -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build(tmp_path, lambda _share, _words: None, Recipe(**{**vars(quick), "steps": 1}))
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_the_report_rises_from_nothing_to_all(tmp_path: Path, quick: Recipe) -> None:
    heard: list[tuple[float, str]] = []
    build(tmp_path, lambda share, words: heard.append((share, words)), quick)
    shares = [share for share, _ in heard]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len([words for _, words in heard if "rounds" in words]) == quick.steps


def test_it_learns_without_fast_16_bit_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: Recipe
) -> None:
    monkeypatch.setattr(building, "_bfloat16_is_fast", lambda: False)
    build(tmp_path, lambda _share, _words: None, quick)
    assert (tmp_path / "model.safetensors").is_file()


def test_the_pace_rises_and_falls_to_almost_nothing() -> None:
    recipe = Recipe(steps=10, warm_up=4)
    paces = [building._pace(step, recipe) for step in range(10)]
    assert paces[:4] == [0.25, 0.5, 0.75, 1.0]
    assert paces[4:] == sorted(paces[4:], reverse=True)
    assert 0 < paces[-1] < 0.2
