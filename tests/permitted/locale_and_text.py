"""Locales, encodings and Unicode.

must: value "ok"
"""

import locale
import unicodedata


def attempt():
    locale.setlocale(locale.LC_ALL, "")
    with open("/tmp/ümläut-\u4e2d", "w") as f:
        f.write("é\U0001f40d")
    text = open("/tmp/ümläut-\u4e2d").read()
    print(text)
    return "ok" if text == "é\U0001f40d" and unicodedata.normalize("NFD", "é") == "e\u0301" else repr(text)
