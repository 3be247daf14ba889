"""Adds a title to the text: both are fields of a dataclass, which the other nodes receive as a live object."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    title: str
    text: str

    @property
    def lines(self) -> int:
        return self.text.count("\n")


def read(text: str) -> Document:
    title = next((line.strip() for line in text.splitlines() if line.strip()), "untitled")
    print(f"{len(text)} characters, titled {title!r}")
    return Document(title, text)
