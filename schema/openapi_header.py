"""Writes a C++ header with the API's description as JSON: openapi_header.py openapi.yaml out.hpp"""

import json
import pathlib
import sys

import yaml

description = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text())
# Fails on a date or the like: every scalar that YAML reads must be a JSON value.
text = json.dumps(description, ensure_ascii=False, separators=(",", ":"))
out = pathlib.Path(sys.argv[2])
out.parent.mkdir(parents=True, exist_ok=True)
# In pieces: compilers limit the length of a literal, and they join adjacent literals.
pieces = [text[i : i + 8000] for i in range(0, len(text), 8000)]
literal = "\n".join(f'R"openapi({piece})openapi"' for piece in pieces)
out.write_text(
    "// Made from schema/openapi.yaml by CMake.\n#pragma once\nnamespace qflow::api {\n"
    f"inline constexpr const char kOpenApi[] =\n{literal};\n}}  // namespace qflow::api\n"
)
