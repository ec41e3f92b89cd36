"""One flipped bit in whatever file of a sealed folder is noticed before anybody uses it."""

import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from storage import artifacts, checkpoints

FLIPS = 100


def write_adapter(folder: Path) -> None:
    """Write the kinds of file that an adapter is made of."""
    weights = {f"layer.{n}": torch.randn(8, 32) for n in range(4)}
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    (folder / "adapter_config.json").write_text('{"r": 4, "peft_type": "LORA"}')


def write_checkpoint(folder: Path) -> None:
    """Write the kinds of file that a checkpoint is made of."""
    write_adapter(folder)
    torch.save({"state": torch.randn(64)}, folder / "optimizer.pt")
    torch.save({"last_epoch": 3}, folder / "scheduler.pt")
    torch.save({"python": random.getstate()}, folder / "rng_state.pth")
    (folder / "trainer_state.json").write_text('{"global_step": 7}')


def write_rows(folder: Path) -> None:
    """Write the kinds of file that a dataset's rows are made of."""
    (folder / "rows.jsonl").write_text('{"messages": []}\n' * 40)
    for name in ("rows.idx", "lines.idx"):
        (folder / name).write_bytes(bytes(range(160)))


FILES = [
    (write, name)
    for write, names in (
        (write_checkpoint, sorted(checkpoints.REQUIRED["lora"])),
        (write_rows, ["lines.idx", "rows.idx", "rows.jsonl"]),
    )
    for name in (*names, artifacts.MANIFEST)
]


@pytest.mark.parametrize(("write", "name"), FILES, ids=lambda each: getattr(each, "__name__", each))
def test_each_of_a_hundred_flipped_bits_is_noticed(
    write: object, name: str, tmp_path: Path
) -> None:
    with artifacts.staged(tmp_path / "sealed") as staging:
        write(staging)
    file = tmp_path / "sealed" / name
    whole = file.read_bytes()
    artifacts.verify(tmp_path / "sealed")
    chance = random.Random(name)
    for _ in range(FLIPS):
        place, bit = chance.randrange(len(whole)), chance.randrange(8)
        rotten = bytearray(whole)
        rotten[place] ^= 1 << bit
        file.write_bytes(rotten)
        assert file.read_bytes() != whole, "the fault did not happen"
        with pytest.raises(artifacts.Damaged):
            artifacts.verify(tmp_path / "sealed")
    file.write_bytes(whole)
    artifacts.verify(tmp_path / "sealed")
