"""API: an exception whose text fails and whose name is not an identifier.

must: outcome raised
"""

class Bad(Exception):
    def __str__(self):
        raise Bad()


Bad.__name__ = "\x1b[2J\r\n<script>alert(1)</script>"


def attempt():
    raise Bad()
