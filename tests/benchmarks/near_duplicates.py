"""Prints how long near duplicates take to find and how many of those planted are found.

    python tests/benchmarks/near_duplicates.py [--rows 10000 100000] [--words 200]

Rows are random chat answers of a vocabulary with a natural distribution. Every tenth row is a copy
of an earlier one with some of its words changed. A planted pair counts as one to be found where the
similarity of its word 3-grams, computed from the texts by plain Python, is at least the threshold.
"""

import argparse
import random
import resource
import time
from collections.abc import Iterator

from worker.datasets.care import near

THRESHOLD = 0.8


def vocabulary(chance: random.Random, size: int = 20_000) -> tuple[list[str], list[float]]:
    """Returns words and the sums of their frequencies, by Zipf's law."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 11))) for _ in range(size)]
    total, sums = 0.0, []
    for rank in range(1, size + 1):
        total += 1 / rank
        sums.append(total)
    return words, sums


def rows(count: int, length: int) -> Iterator[tuple[str, int | None]]:
    """Yields texts and, for a planted copy, the number of the row it is a copy of."""
    chance = random.Random(11)
    words, sums = vocabulary(chance)
    earlier: list[tuple[int, list[str]]] = []
    for number in range(count):
        if number % 10 == 9:
            source, text = chance.choice(earlier)
            changed = list(text)
            for place in chance.sample(range(len(text)), k=chance.randint(0, len(text) // 15)):
                changed[place] = chance.choice(words)
            yield " ".join(changed), source
            continue
        text = chance.choices(words, cum_weights=sums, k=chance.randint(length // 2, 2 * length))
        earlier = [*earlier[-200:], (number, text)]
        yield " ".join(text), None


def grams(text: str) -> set[tuple[str, ...]]:
    """Returns the word 3-grams of a text of plain words."""
    words = text.split()
    return set(zip(words, words[1:], words[2:], strict=False))


def measure(count: int, length: int) -> None:
    """Prints seconds, recall and precision for so many rows."""
    made = list(rows(count, length))
    texts = [text for text, _ in made]
    began = time.perf_counter(), time.process_time()
    found = near.groups(texts, THRESHOLD, lambda share, words: None, total=count)
    wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    group_of = {row: place for place, group in enumerate(found) for row in group.rows}
    planted = [(row, source) for row, (_, source) in enumerate(made) if source is not None]
    alike = [pair for pair in planted if _jaccard(*(texts[row] for row in pair)) >= THRESHOLD]
    caught = sum(group_of.get(row, -1) == group_of.get(source, -2) for row, source in alike)
    family = {row: row if source is None else source for row, (_, source) in enumerate(made)}
    right = sum(len({family[row] for row in group.rows}) == 1 for group in found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = sum(map(len, texts)) / 1e6
    print(
        f"{count:>8,} rows, {size:6.1f} MB: {wall:6.1f} s ({cpu:.1f} s of processor), recall "
        f"{caught / len(alike):.4f} of {len(alike):,} pairs, precision "
        f"{right / len(found):.4f} of {len(found):,} groups, peak {peak:.0f} MB with the texts"
    )


def _jaccard(one: str, other: str) -> float:
    first, second = grams(one), grams(other)
    return len(first & second) / len(first | second)


def main() -> None:
    """Measures each number of rows asked for."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    options.add_argument("--words", type=int, default=160)
    chosen = options.parse_args()
    for count in chosen.rows:
        measure(count, chosen.words)


if __name__ == "__main__":
    main()
