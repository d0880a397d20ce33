"""Random numbers that stay the same between versions of NumPy, and for any split of the work."""

from hashlib import blake2b

import numpy as np


def words(*purpose: str | int, size: int) -> np.ndarray:
    """Random 64-bit words, (size,) uint64, a stream of its own for every `purpose`.

    They are the raw words of the counter-based generator Philox, which NumPy keeps the same
    between its versions, unlike the permutations and numbers that it makes of them.
    """
    text = " ".join(map(str, purpose)).encode()
    key = int.from_bytes(blake2b(text, digest_size=16).digest(), "little")
    return np.random.Philox(key=key).random_raw(size)


def permutation(*purpose: str | int, size: int) -> np.ndarray:
    """A uniform permutation of `size` numbers, (size,) int64, its own for every `purpose`."""
    return np.argsort(words(*purpose, size=size), kind="stable")


def mixed(numbers: np.ndarray, seed: int) -> np.ndarray:
    """One random word for each of `numbers`, (n,) uint64, no two alike: splitmix64 (Steele 2014).

    It depends on the seed and the number alone, so any part of a set can be drawn by itself.
    """
    key = np.uint64(int.from_bytes(blake2b(f"mixed {seed}".encode(), digest_size=8).digest()))
    z = (numbers.astype(np.uint64) + key) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
