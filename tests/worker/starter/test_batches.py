"""Rows of one shape, in which every conversation is alone with itself."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from worker.starter import batches, corpus, tokenizer
from worker.starter.recipe import Recipe

RECIPE = Recipe(conversations=60, rows=2, length=256)
TALKS = corpus.conversations(RECIPE.conversations, RECIPE.seed)
WORDS = tokenizer.train(TALKS, 600, 1024)
MADE = batches.make(WORDS, TALKS, RECIPE)


def conversations_in(batch: batches.Batch) -> list[torch.Tensor]:
    """Return the tokens of each conversation of a batch."""
    found = []
    for row in range(len(batch.tokens)):
        for talk in range(int(batch.talks[row].max()) + 1):
            found.append(batch.tokens[row][batch.talks[row] == talk])
    return found


def test_all_batches_have_one_shape() -> None:
    assert {tuple(batch.tokens.shape) for batch in MADE} == {(2, 256)}


def test_every_conversation_is_one_of_the_corpus_and_none_comes_twice() -> None:
    taught = sorted(tuple(WORDS.apply_chat_template(talk)["input_ids"]) for talk in TALKS)
    packed = sorted(tuple(ids.tolist()) for batch in MADE for ids in conversations_in(batch))
    assert len(packed) > 0.7 * len(taught)
    for ids in packed:
        taught.remove(ids)


def test_labels_are_the_answers() -> None:
    for batch in MADE:
        learned = batch.labels != batches.IGNORED
        assert torch.equal(batch.labels[learned], batch.tokens[learned])
        assert not learned[batch.talks < 0].any()
        ends = (batch.labels == WORDS.eos_token_id).sum()
        starts = WORDS.decode(batch.tokens[batch.talks >= 0]).count("<|im_start|>assistant")
        assert int(ends) == starts


def test_most_of_a_row_is_filled() -> None:
    many = corpus.conversations(400, 1)
    made = batches.make(WORDS, many, RECIPE)
    empty = sum(int((batch.talks < 0).sum()) for batch in made)
    assert empty < 0.05 * sum(batch.tokens.numel() for batch in made)


def test_a_packed_conversation_is_read_as_if_it_were_alone() -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=600,
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
        )
    ).eval()
    batch = MADE[0]
    with torch.no_grad():
        packed = model(
            batch.tokens, attention_mask=batch.mask(), position_ids=batch.positions
        ).logits
        talk = int(batch.talks[0].max())
        assert talk >= 1
        inside = batch.talks[0] == talk
        alone = model(batch.tokens[0][inside][None]).logits[0]
    assert torch.allclose(packed[0][inside], alone, atol=1e-5)


def test_a_conversation_longer_than_a_row_is_left_out() -> None:
    long = [{"role": "user", "content": "word " * 600}, {"role": "assistant", "content": "Yes."}]
    assert len(batches.make(WORDS, [long, *TALKS], RECIPE)) == len(MADE)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_hangs_on_the_seed(seed: int) -> None:
    recipe = Recipe(**{**vars(RECIPE), "seed": seed})
    first, again = (batches.make(WORDS, TALKS, recipe) for _ in range(2))
    assert all(torch.equal(a.tokens, b.tokens) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a.tokens, b.tokens) for a, b in zip(first, MADE, strict=True))
