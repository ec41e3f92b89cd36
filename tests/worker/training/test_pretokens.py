"""Pieces of text are those that the tokenizers library itself cuts."""

import random
from typing import Any

import pytest
import regex
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.fakes.tokenizers import byte_level, sentencepiece, with_beginning
from worker.training import pretokens
from worker.training.pretokens import GPT2, KNOWN, LLAMA3, QWEN2, Unsuited

TEXTS = ["It isn't: 12345 pills!!\r\n\r\n  Näher, 东京 and २०; don'T \t\n x\u00a0y\u2003z."]
ALPHABET = "aBté东²5७ '\u2019.,!\n\r\t\x0b\x1c\x85\u00a0\u2028\u3000\u0301🙂_-sSTDMLlrev"


@pytest.mark.parametrize("pattern", KNOWN)
def test_pieces_are_those_of_the_library(pattern: str) -> None:
    ours = pretokens.of(byte_level(TEXTS, pattern)).pattern
    theirs = pre_tokenizers.Split(Regex(pattern), "isolated")
    rng = random.Random(7)
    for _ in range(3000):
        text = "".join(rng.choices(ALPHABET, k=rng.randint(0, 30)))
        assert ours.findall(text) == [piece for piece, _ in theirs.pre_tokenize_str(text)], text


@pytest.mark.parametrize("pattern", KNOWN)
def test_pieces_of_every_character_that_is_sure_are_those_of_the_library(pattern: str) -> None:
    rules = pretokens.of(byte_level(TEXTS, pattern))
    theirs = pre_tokenizers.Split(Regex(pattern), "isolated")
    sure = [chr(n) for n in range(0x20000) if not 0xD800 <= n < 0xE000]
    sure = [letter for letter in sure if not rules.unsure.search(letter)]
    assert len(sure) > 60_000
    text = "".join(f"a{letter}a {letter}1" for letter in sure)
    assert rules.pattern.findall(text) == [piece for piece, _ in theirs.pre_tokenize_str(text)]


def test_they_are_those_of_the_regex_library_as_well() -> None:
    text = "".join(TEXTS)
    for pattern in KNOWN:
        ours = pretokens.of(byte_level(TEXTS, pattern)).pattern
        assert ours.findall(text) == regex.findall(pattern, text)


def test_gpt_2s_own_cutting_is_known_without_its_pattern() -> None:
    rules = pretokens.of(byte_level(TEXTS, None))
    assert rules.pattern == pretokens.of(byte_level(TEXTS, GPT2)).pattern
    assert not rules.composes


@pytest.mark.parametrize("letter", ["\U0001fae9", "\U00010400", "\u0378", "\u017f"])
def test_what_versions_of_unicode_may_differ_about_is_left_to_the_tokenizer(letter: str) -> None:
    assert pretokens.of(byte_level(TEXTS, QWEN2)).unsure.search(f"a {letter}")


def changed(**changes: Any) -> Any:
    """Return a byte-level tokenizer with another part."""
    tokenizer = byte_level(TEXTS, LLAMA3)
    for name, value in changes.items():
        setattr(tokenizer.backend_tokenizer, name, value)
    return tokenizer


def added(**flags: bool) -> Any:
    tokenizer = byte_level(TEXTS, LLAMA3)
    content = pretokens.AddedToken("<mask>", **flags)
    tokenizer.backend_tokenizer.add_tokens([content])
    return tokenizer


def word_level() -> Any:
    inner = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    return PreTrainedTokenizerFast(tokenizer_object=inner)


@pytest.mark.parametrize(
    ("tokenizer", "why"),
    [
        (sentencepiece(TEXTS), "no BPE"),
        (word_level(), "no BPE"),
        (byte_level(TEXTS, r"\S+|\s+"), "merges may cross"),
        (changed(pre_tokenizer=pre_tokenizers.Metaspace()), "merges may cross"),
        (changed(pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True)), "may cross"),
        (changed(normalizer=normalizers.Lowercase()), "rewrites texts"),
        (changed(model=models.BPE({"a": 0}, [])), "every byte"),
        (added(lstrip=True), "swallow"),
        (added(single_word=True), "swallow"),
    ],
)
def test_other_tokenizers_are_left_alone(tokenizer: Any, why: str) -> None:
    with pytest.raises(Unsuited, match=why):
        pretokens.of(tokenizer)


def test_a_beginning_token_does_not_matter_to_the_pieces() -> None:
    assert pretokens.of(with_beginning(byte_level(TEXTS, LLAMA3))).added
