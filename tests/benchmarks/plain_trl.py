"""The script that a programmer writes with TRL: what is not the job's own is left at its default.

`python -m tests.benchmarks.plain_trl JOB_FOLDER OUTPUT_FOLDER EPOCHS` prints what was
read and learned; TRL prints each loss.
"""

import json
import sys
from pathlib import Path

import torch
from datasets import load_dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

from tests.benchmarks import shared_job


def main(folder: str, output: str, epochs: str) -> None:
    """Train the job's model on its rows and save the adapter."""
    job = shared_job.SharedJob(Path(folder), int(epochs))
    trainer = SFTTrainer(
        model=str(job.model),
        args=SFTConfig(
            output_dir=output,
            num_train_epochs=job.epochs,
            learning_rate=shared_job.LEARNING_RATE,
            seed=shared_job.SEED,
            assistant_only_loss=True,
            logging_steps=1,
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
        ),
        train_dataset=load_dataset("json", data_files=str(job.rows), split="train"),
        peft_config=LoraConfig(
            r=shared_job.RANK, lora_alpha=shared_job.ALPHA, target_modules="all-linear"
        ),
    )
    trainer.train()
    trainer.save_model(output)
    seen = trainer.train_dataset
    tokens = sum(map(len, seen["input_ids"]))
    learned = sum(label != -100 for row in seen["labels"] for label in row)
    print(json.dumps({"steps": trainer.state.global_step, "tokens": tokens, "learned": learned}))


if __name__ == "__main__":
    main(*sys.argv[1:])
