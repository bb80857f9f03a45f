"""Write an export of any size, for measuring: string ids, realistic popularity, a seed.

Items are chosen by Zipf's law with a flattened head (Mandelbrot), users are active by a
log-normal one, and neither's ids tell how popular or active they are. A pair can come twice.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

HEADER = b"user_id,item_id,timestamp\n"
FIRST_SECOND, SECONDS = 1_500_000_000, 100_000_000
ROWS_AT_ONCE = 1_000_000
EXPONENT, HEAD = 0.9, 20.0  # the most popular item then has about 1 percent of the rows
ACTIVITY = 1.0  # standard deviation of the logarithm of a user's number of rows
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """The cumulative shares of the rows of users and of items."""

    users: Floats
    items: Floats

    @classmethod
    def drawn(cls, draw: np.random.Generator, users: int, items: int) -> "Population":
        """Draw how active users are, and which items are the popular ones."""
        popularity = draw.permutation((np.arange(items) + HEAD) ** -EXPONENT)
        activity = draw.lognormal(0, ACTIVITY, users)
        return cls(*(np.cumsum(share) / share.sum() for share in (activity, popularity)))

    def lines(self, draw: np.random.Generator, rows: int) -> bytes:
        """Return rows as lines of CSV, all equally long."""
        user = np.searchsorted(self.users, draw.random(rows) * self.users[-1])
        item = np.searchsorted(self.items, draw.random(rows) * self.items[-1])
        second = draw.integers(FIRST_SECOND, FIRST_SECOND + SECONDS, rows)
        digits = [_digits(user, 7), _digits(item, 6), _digits(second, 10)]
        texts = [_text(text, rows) for text in (b"user-", b",item-", b",", b"\n")]
        parts = [texts[0], digits[0], texts[1], digits[1], texts[2], digits[2], texts[3]]
        return np.hstack(parts).tobytes()


def main() -> None:
    """Write the files and print their size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="an empty or new folder outside of the tree")
    parser.add_argument("--rows", type=int, default=20_000_000, help="of each file")
    parser.add_argument("--files", type=int, default=1)
    parser.add_argument("--users", type=int, default=500_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if Path(__file__).resolve().parents[1] in arguments.folder.resolve().parents:
        sys.exit(f"{arguments.folder} is in the tree")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(arguments.seed)
    population = Population.drawn(draw, arguments.users, arguments.items)
    for number in range(1, arguments.files + 1):
        write(arguments.folder / f"interactions-{number}.csv", population, draw, arguments.rows)


def write(path: Path, population: Population, draw: np.random.Generator, rows: int) -> None:
    """Write one file and print its size."""
    with path.open("wb") as file:
        file.write(HEADER)
        for start in range(0, rows, ROWS_AT_ONCE):
            file.write(population.lines(draw, min(ROWS_AT_ONCE, rows - start)))
    print(f"{path}: {rows} rows, {path.stat().st_size / 1e6:.0f} MB")


def _digits(numbers: npt.NDArray[np.int64], width: int) -> npt.NDArray[np.uint8]:
    """Return rows × width: each number's last digits as ASCII."""
    powers = 10 ** np.arange(width - 1, -1, -1)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def _text(text: bytes, rows: int) -> npt.NDArray[np.uint8]:
    return np.tile(np.frombuffer(text, np.uint8), (rows, 1))


if __name__ == "__main__":
    main()
