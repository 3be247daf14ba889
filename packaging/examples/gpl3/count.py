"""Counts how often each word occurs. A Counter passes on as a Counter."""

from collections import Counter


def count(words: list[str]) -> Counter:
    return Counter(words)
