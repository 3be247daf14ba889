// The name of a node's module. Any thread.
#pragma once
#include <cctype>
#include <string>

namespace qflow::schema {

/// "Clean Text.py" → "clean_text"; "lib/clean.py" → "clean": what other nodes import it by, as `nodes.NAME`.
inline std::string module_name(std::string file) {
  if (file.size() > 3 && file.ends_with(".py")) file.resize(file.size() - 3);
  if (const auto slash = file.rfind('/'); slash != std::string::npos) file.erase(0, slash + 1);
  std::string name;
  for (const char c : file) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) != 0 && u < 0x80) name += static_cast<char>(std::tolower(u));
    else if (!name.empty() && name.back() != '_') name += '_';
  }
  while (!name.empty() && name.back() == '_') name.pop_back();
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name.front())) != 0) name.insert(0, "node_");
  return name;
}

}  // namespace qflow::schema
