"""API: an object that lies about itself in every way.

must: ended or completed
"""

class Liar(dict):
    def __len__(self):
        return -1

    def __iter__(self):
        raise RuntimeError("no")

    def items(self):
        while True:
            yield self, self

    def __str__(self):
        raise KeyError(self)

    __repr__ = __str__
    __hash__ = None

    @property
    def __class__(self):
        raise SystemExit(7)


def attempt():
    return Liar(x=Liar())
