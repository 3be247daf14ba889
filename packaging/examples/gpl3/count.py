"""Counts how often each word occurs. A Counter reaches the next node as a Counter."""

from collections import Counter


def count(words: list[str]) -> Counter:
    return Counter(words)
