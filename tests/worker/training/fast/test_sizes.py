"""Blocks of whatever length are computed in few sizes, as each new one is compiled and kept."""

import random
from itertools import accumulate

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from worker.training.fast import answer_loss, probe
from worker.training.fast.answer_loss import STEP, Head
from worker.training.fast.rows import Rows

SHAPE = {
    "vocab_size": 300, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip


def test_attention_of_many_rows_has_few_sizes() -> None:
    source = random.Random(1)
    sizes = set()
    for _ in range(50):
        lengths = [source.randint(1, 300) for _ in range(20)]
        cuts = [cut for cut in accumulate(lengths, initial=0) if cut < 1024]
        blocks = Rows((*cuts, 1024)).blocks
        sizes |= {(block.end - block.start, block.end - block.first) for block in blocks}
    assert len(sizes) <= 1024 // STEP


def test_layers_and_head_are_given_few_sizes_and_the_loss_stays_what_it_is() -> None:
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE)).eval()
    seen = []
    model.model.register_forward_hook(
        lambda _model, _inputs, out: seen.append(out.last_hidden_state.shape[1])
    )
    for length in (1, STEP - 1, STEP, STEP + 6):
        ids = torch.randint(300, (1, length + 1))
        taken = {"input_ids": ids, "position_ids": torch.arange(length + 1)[None], "labels": ids}
        expected = probe.library_loss(model)(taken)
        seen.clear()
        with answer_loss.installed(model, Head.of(model)):
            found = model(**taken, summed=True)["loss"]
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
        assert [one % STEP for one in seen] == [0]
