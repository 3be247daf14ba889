"""Makes a letter for each person. Both inputs are files: of one it takes the path, of the other the text."""

import csv
from pathlib import Path

from mailing import Letter, Person


def fill(people: Path, template: str, year: int) -> list[Letter]:
    with people.open(newline="") as table:
        return [Letter.to(Person(**row), template, year) for row in csv.DictReader(table)]
