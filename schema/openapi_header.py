"""Writes a C++ header with the API's description as JSON and as HTML: openapi_header.py openapi.yaml out.hpp"""

import json
import pathlib
import sys

import yaml

from docs_page import docs_html


def literal(text):
    """In pieces: compilers limit the length of a literal, and they join adjacent literals."""
    pieces = [text[i : i + 8000] for i in range(0, len(text), 8000)]
    return "\n".join(f'R"openapi({piece})openapi"' for piece in pieces)


description = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text())
# Fails on a date or the like: every scalar that YAML reads must be a JSON value.
text = json.dumps(description, ensure_ascii=False, separators=(",", ":"))
out = pathlib.Path(sys.argv[2])
out.parent.mkdir(parents=True, exist_ok=True)
out.write_text(
    "// Made from schema/openapi.yaml by CMake.\n#pragma once\nnamespace qflow::api {\n"
    f"inline constexpr const char kOpenApi[] =\n{literal(text)};\n"
    f"inline constexpr const char kDocs[] =\n{literal(docs_html(description))};\n}}  // namespace qflow::api\n"
)
