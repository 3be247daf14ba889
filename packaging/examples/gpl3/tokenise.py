"""Cuts a document into lower-case words."""

import re

from nodes.read import Document

WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")


def tokenise(document: Document) -> list[str]:
    return [word.lower() for word in WORD.findall(document.text)]
