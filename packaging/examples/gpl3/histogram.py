"""Counts the words of each length."""


def histogram(words: list[str]) -> dict[int, int]:
    lengths: dict[int, int] = {}
    for word in words:
        lengths[len(word)] = lengths.get(len(word), 0) + 1
    return dict(sorted(lengths.items()))
