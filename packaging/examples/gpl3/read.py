"""Takes the text as it is and gives it a title: a dataclass that the other nodes receive as it is."""

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
