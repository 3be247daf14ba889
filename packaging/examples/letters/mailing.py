"""What the nodes share: `import mailing` finds this file beside the flow, with `qflow run` and with `qflow push`."""

from dataclasses import dataclass
from string import Template


@dataclass(frozen=True)
class Person:
    name: str
    town: str
    since: str


@dataclass(frozen=True)
class Letter:
    file_name: str
    text: str

    @classmethod
    def to(cls, person: Person, template: str, year: int) -> "Letter":
        text = Template(template).substitute(name=person.name, town=person.town, years=year - int(person.since))
        return cls(person.name.lower().replace(" ", "-") + ".txt", text)
