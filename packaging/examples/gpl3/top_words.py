"""The most frequent words that are longer than three letters."""

from collections import Counter


def top_words(counts: Counter, limit: int = 10) -> list[tuple[str, int]]:
    long_ones = Counter({word: n for word, n in counts.items() if len(word) > 3})
    return long_ones.most_common(limit)
