// Templates of workflows that come with Qflow, as JSON texts.
#pragma once
#include <array>
#include <string_view>
#include <utility>

namespace qflow::services {

inline constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kTemplates{{
    {"hello", R"json({
  "name": "Hello",
  "description": "One node that greets: the smallest workflow.",
  "nodes": [{"id": "greet", "name": "greet", "type": "qflow.python", "position": [0, 0],
    "parameters": {"code": "def greet(name: str = \"world\") -> str:\n    return f\"Hello, {name}!\"\n"}}],
  "connections": {}, "settings": {}
})json"},
    {"text-statistics", R"json({
  "name": "Text statistics",
  "description": "Splits a text into words, counts them, and joins both results.",
  "nodes": [
    {"id": "words", "name": "words", "type": "qflow.python", "position": [0, 0],
      "parameters": {"code": "def words(text: str) -> list[str]:\n    return text.lower().split()\n"}},
    {"id": "top", "name": "top", "type": "qflow.python", "position": [240, -80],
      "parameters": {"code": "from collections import Counter\n\n\ndef top(words: list[str]) -> dict:\n    return dict(Counter(words).most_common(10))\n"}},
    {"id": "lengths", "name": "lengths", "type": "qflow.python", "position": [240, 80],
      "parameters": {"code": "def lengths(words: list[str]) -> float:\n    return sum(map(len, words)) / max(len(words), 1)\n"}},
    {"id": "report", "name": "report", "type": "qflow.python", "position": [480, 0],
      "parameters": {"code": "def report(top: dict, mean_length: float) -> dict:\n    return {\"top\": top, \"mean_length\": mean_length}\n"}}
  ],
  "connections": [
    {"source": {"nodeId": "words"}, "target": {"nodeId": "top"}},
    {"source": {"nodeId": "words"}, "target": {"nodeId": "lengths"}},
    {"source": {"nodeId": "top"}, "target": {"nodeId": "report", "port": "top"}},
    {"source": {"nodeId": "lengths"}, "target": {"nodeId": "report", "port": "mean_length"}}
  ],
  "settings": {}
})json"},
    {"webhook-echo", R"json({
  "name": "Webhook echo",
  "description": "Answers a webhook with the request it received: make a webhook for this workflow and activate it.",
  "nodes": [{"id": "answer", "name": "answer", "type": "qflow.python", "position": [0, 0],
    "parameters": {"code": "def answer(request: dict) -> dict:\n    return {\"method\": request[\"method\"], \"query\": request[\"query\"], \"body\": request[\"body\"]}\n"}}],
  "connections": {}, "settings": {}
})json"},
}};

}  // namespace qflow::services
