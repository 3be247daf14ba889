"""Writes the letters. The Paths in the returned list hand the files over: `--out DIR` says where to."""

from pathlib import Path

from mailing import Letter


def write(letters: list[Letter]) -> list[Path]:
    for letter in letters:
        Path(letter.file_name).write_text(letter.text)
    print(len(letters), "letters")
    return [Path(letter.file_name) for letter in letters]
