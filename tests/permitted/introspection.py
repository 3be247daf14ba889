"""Types, annotations and tracebacks of the node's own definitions.

must: value "ok"
"""

import dataclasses
import enum
import inspect
import traceback
import typing


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    label: typing.Optional[str] = None


class Colour(enum.Enum):
    RED = 1


def attempt():
    hints = typing.get_type_hints(Point)
    try:
        raise ValueError("x")
    except ValueError:
        text = traceback.format_exc()
    return "ok" if hints["x"] is int and dataclasses.asdict(Point(1)) == {"x": 1, "label": None} and "ValueError" in text and Colour(1) is Colour.RED and inspect.signature(attempt) else "wrong"
