#include "daemon/config/read.hpp"

#include <fmt/format.h>
#include <unistd.h>

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "daemon/base/address.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/base/near_name.hpp"
#include "daemon/base/text.hpp"
#include "sandbox/sys.hpp"

namespace qflow::config {
namespace {

using Strings = std::vector<std::string>;

std::string shown(double number) { return fmt::format("{:.15g}", number); }

std::string range_problem(const Setting& setting, double value) {
  if (value >= setting.least && value <= setting.most) return {};
  return fmt::format("expected a number from {} to {}", shown(setting.least), shown(setting.most));
}

// toml++ 3.3 has undefined behaviour on some characters above ASCII (found by tests/fuzz/config_fuzz), so it never sees
// any: each of their bytes is spelt out before parsing and put back in the result.
constexpr std::string_view kSpelt = "qflow_byte_";

std::string spelt_out(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool plain = static_cast<unsigned char>(text[i]) < 0x80 && !text.substr(i).starts_with(kSpelt);
    if (plain) out += text[i];
    else out += fmt::format("{}{:02x}", kSpelt, static_cast<unsigned char>(text[i]));
  }
  return out;
}

std::string put_back(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    const std::string_view digits =
        text.substr(i).starts_with(kSpelt) ? text.substr(i + kSpelt.size(), 2) : std::string_view();
    const bool spelt =
        digits.size() == 2 && std::from_chars(digits.data(), digits.data() + 2, byte, 16).ptr == digits.data() + 2;
    out += spelt ? static_cast<char>(byte) : text[i];
    if (spelt) i += kSpelt.size() + 1;
  }
  return out;
}

// Each assigns a TOML value to `value`; the result says what is wrong with it.
std::string assign(const Setting&, const toml::node& node, std::string& value) {
  const auto text = node.value_exact<std::string>();
  if (!text) return "expected a string in quotes";
  value = put_back(*text);
  return {};
}
std::string assign(const Setting&, const toml::node& node, bool& value) {
  const auto flag = node.value_exact<bool>();
  if (!flag) return "expected true or false";
  value = *flag;
  return {};
}
std::string assign(const Setting& setting, const toml::node& node, double& value) {
  const auto number = node.is_number() ? node.value<double>() : std::nullopt;
  if (!number) return "expected a number";
  if (auto problem = range_problem(setting, *number); !problem.empty()) return problem;
  value = *number;
  return {};
}
std::string assign(const Setting& setting, const toml::node& node, std::uint64_t& value) {
  const auto number = node.value_exact<std::int64_t>();
  if (!number) return "expected a whole number";
  if (auto problem = range_problem(setting, static_cast<double>(*number)); !problem.empty()) return problem;
  value = static_cast<std::uint64_t>(*number);
  return {};
}
std::string assign(const Setting&, const toml::node& node, Strings& value) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return "expected a list of strings";
  Strings texts;
  for (const auto& element : *list) {
    const auto text = element.value_exact<std::string>();
    if (!text) return "expected a list of strings";
    texts.push_back(put_back(*text));
  }
  value = std::move(texts);
  return {};
}

// The same for the text of an environment variable or a flag.
std::string parse(const Setting&, const std::string& text, std::string& value) {
  value = text;
  return {};
}
std::string parse(const Setting&, const std::string& text, bool& value) {
  if (text != "true" && text != "1" && text != "false" && text != "0") return "expected true or false";
  value = text == "true" || text == "1";
  return {};
}
template <class N>
std::string parse_number(const Setting& setting, const std::string& text, N& value) {
  N number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return "expected a number";
  if (auto problem = range_problem(setting, static_cast<double>(number)); !problem.empty()) return problem;
  value = number;
  return {};
}
std::string parse(const Setting& s, const std::string& text, double& value) { return parse_number(s, text, value); }
std::string parse(const Setting& s, const std::string& text, std::uint64_t& value) {
  return parse_number(s, text, value);
}
std::string parse(const Setting&, const std::string& text, Strings& value) {
  value.clear();
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    if (comma > at) value.push_back(text.substr(at, comma - at));
    at = comma + 1;
  }
  return {};
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else out += c;
  }
  return out + '"';
}
std::string written(const std::string& value) { return quoted(value); }
std::string written(bool value) { return value ? "true" : "false"; }
std::string written(double value) {
  const std::string text = shown(value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}
std::string written(std::uint64_t value) { return std::to_string(value); }
std::string written(const Strings& value) {
  std::string out = "[";
  for (const auto& text : value) out += (out.size() > 1 ? ", " : "") + quoted(text);
  return out + "]";
}

std::string variable(const char* key) {
  std::string name = "QFLOW_";
  for (const char* c = key; *c != '\0'; ++c)
    name += *c == '.' ? '_' : static_cast<char>(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
  return name;
}

void flatten(const toml::table& table, const std::string& prefix, std::map<std::string, const toml::node*>& found) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (const toml::table* inner = node.as_table(); inner != nullptr && prefix.empty())
      flatten(*inner, name + ".", found);
    else found[name] = &node;
  }
}

// The known key that is most like an unknown key: by the longest common prefix or the same last word.
std::string similar(const std::string& unknown) {
  std::string best;
  std::size_t best_score = 2;
  Config config;
  for_each_setting(config, [&](const Setting& setting, auto&) {
    const std::string key = setting.key;
    const auto [a, b] = std::mismatch(key.begin(), key.end(), unknown.begin(), unknown.end());
    auto score = static_cast<std::size_t>(a - key.begin());
    const auto last = [](const std::string& text) { return text.substr(text.rfind('.') + 1); };
    if (last(key) == last(unknown)) score += 20;
    if (score > best_score) {
      best_score = score;
      best = key;
    }
  });
  return best;
}

// Variables that begin like a setting's (QFLOW_SANDBOX_…), or are nearly one, but are none.
void add_unknown_variables(Strings& problems) {
  Config config;
  std::vector<std::string> known{"QFLOW_CONFIG", "QFLOW_DATA_DIR", "QFLOW_SERVER", "QFLOW_KEY"};
  std::set<std::string> sections;
  for_each_setting(config, [&](const Setting& setting, auto&) {
    known.push_back(variable(setting.key));
    const std::string key = setting.key;
    if (const auto dot = key.find('.'); dot != std::string::npos)
      sections.insert(variable(key.substr(0, dot + 1).c_str()));
  });
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string name(text.substr(0, text.find('=')));
    if (!name.starts_with("QFLOW_") || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const bool of_section =
        std::any_of(sections.begin(), sections.end(), [&](const std::string& one) { return name.starts_with(one); });
    const std::string like = did_you_mean(name, known);
    if (of_section || !like.empty()) problems.push_back(fmt::format("${}: there is no such setting{}", name, like));
  }
}

[[noreturn]] void fail(const Strings& problems) {
  std::string text;
  boost::json::array list;
  for (const auto& problem : problems) {
    text += (text.empty() ? "" : "\n  ") + problem;
    list.push_back(boost::json::value(problem));
  }
  throw Fault(FaultKind::bad_input, "invalid_config", text, {{"problems", std::move(list)}});
}

}  // namespace

std::string default_file() {
  if (const char* named = std::getenv("QFLOW_CONFIG"); named != nullptr && *named != '\0') return named;
  Strings places;
  if (const char* dir = std::getenv("XDG_CONFIG_HOME"); dir != nullptr && *dir == '/')
    places.push_back(std::string(dir) + "/qflow/qflow.toml");
  else if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    places.push_back(std::string(home) + "/.config/qflow/qflow.toml");
  places.emplace_back("/etc/qflow/qflow.toml");
  std::error_code ignored;
  for (const auto& place : places)
    if (std::filesystem::exists(place, ignored)) return place;
  return {};
}

void read_text(const std::string& text, const std::string& name, Config& config) {
  if (!is_utf8(text)) fail({fmt::format("{}: is not UTF-8", name)});
  const toml::parse_result parsed = toml::parse(spelt_out(text), name);
  if (!parsed)
    fail({fmt::format("{}:{}: {}", name, parsed.error().source().begin.line, put_back(parsed.error().description()))});
  std::map<std::string, const toml::node*> found;
  flatten(parsed.table(), "", found);
  Strings problems;
  const auto problem = [&](const toml::node& node, const std::string& key, const std::string& what) {
    problems.push_back(fmt::format("{}:{}: {}: {}", name, node.source().begin.line, put_back(key), what));
  };
  for_each_setting(config, [&](const Setting& setting, auto& value) {
    const auto at = found.find(setting.key);
    if (at == found.end()) return;
    if (const std::string what = assign(setting, *at->second, value); !what.empty())
      problem(*at->second, setting.key, what);
    found.erase(at);
  });
  for (const auto& [key, node] : found) {
    const std::string like = similar(key);
    problem(
        *node, key,
        like.empty() ? "there is no such setting" : fmt::format("there is no such setting; did you mean {}?", like));
  }
  if (!problems.empty()) fail(problems);
}

void read_file(const std::string& path, Config& config) {
  constexpr std::size_t kLargest = 1U << 20U;
  try {
    read_text(sandbox::read_file(path, kLargest), path, config);
  } catch (const sandbox::SysError& error) {
    throw Fault(
        FaultKind::bad_input, "invalid_config",
        fmt::format("{}: {}", path, error.code().value() == ENOENT ? "there is no such file" : error.code().message()));
  }
}

void read_environment(Config& config) {
  Strings problems;
  for_each_setting(config, [&](const Setting& setting, auto& value) {
    const std::string name = variable(setting.key);
    const char* text = std::getenv(name.c_str());
    if (text == nullptr || *text == '\0') return;
    if (const std::string what = parse(setting, text, value); !what.empty())
      problems.push_back(fmt::format("${}: {}", name, what));
  });
  add_unknown_variables(problems);
  if (!problems.empty()) fail(problems);
}

void apply(const Overrides& overrides, Config& config) {
  Strings problems;
  for_each_setting(config, [&](const Setting& setting, auto& value) {
    const auto found = overrides.find(setting.key);
    if (found == overrides.end()) return;
    std::string what;
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, Strings>) value = found->second;
    else what = parse(setting, found->second.back(), value);
    if (!what.empty()) problems.push_back(fmt::format("{}: {}", setting.flag, what));
  });
  if (!problems.empty()) fail(problems);
}

void check(const Config& config) {
  Strings problems;
  try {
    split_address(config.server.listen);
  } catch (const Fault& fault) {
    problems.push_back(fault.message);
  }
  static const std::set<std::string> kLevels{"debug", "info", "warning", "error"};
  if (kLevels.count(config.log.level) == 0)
    problems.push_back(fmt::format("log.level: \"{}\" is not one of debug, info, warning, error", config.log.level));
  for (const auto& origin : config.server.cors_origins) {
    const auto slashes = origin.find("://");
    if (slashes == std::string::npos || origin.find('/', slashes + 3) != std::string::npos ||
        origin.find('*') != std::string::npos)
      problems.push_back(fmt::format(
          "server.cors_origins: \"{}\" is not an origin; expected scheme, host and port: https://editor.example",
          origin));
  }
  for (const auto& host : config.server.hosts)
    if (host.empty() || host.find_first_of("/ :*") != std::string::npos)
      problems.push_back(fmt::format("server.hosts: \"{}\" is not a host name; omit scheme and port", host));
  if (config.sandbox.timeout > config.sandbox.max_timeout)
    problems.push_back("sandbox.timeout: larger than sandbox.max_timeout");
  if (!config.ai.url.empty() && !config.ai.url.starts_with("http://") && !config.ai.url.starts_with("https://"))
    problems.push_back(fmt::format("ai.url: \"{}\" begins with neither http:// nor https://", config.ai.url));
  if (!config.ai.url.empty() && config.ai.model.empty())
    problems.push_back("ai.model: required with ai.url; name the model to ask");
  if (!config.ai.key_file.empty() && ::access(config.ai.key_file.c_str(), R_OK) != 0)
    problems.push_back(fmt::format("ai.key_file: {} cannot be read", config.ai.key_file));
  if (!problems.empty()) fail(problems);
}

std::string to_toml(const Config& config) {
  std::string out, section;
  for_each_setting(config, [&](const Setting& setting, const auto& value) {
    const std::string key = setting.key;
    const auto dot = key.find('.');
    if (dot != std::string::npos && key.substr(0, dot) != section) {
      section = key.substr(0, dot);
      out += fmt::format("\n[{}]\n", section);
    }
    out += fmt::format("# {}{}\n{} = {}\n", setting.help, setting.reload ? " (reloaded on SIGHUP)" : "",
                       key.substr(dot == std::string::npos ? 0 : dot + 1), written(value));
  });
  return out;
}

void take_reloadable(const Config& wanted, Config& running) {
  // Goes through text, because the two configurations cannot be walked side by side.
  std::map<std::string, std::string> texts;
  for_each_setting(wanted, [&](const Setting& setting, const auto& value) {
    if (setting.reload) texts[setting.key] = written(value);
  });
  for_each_setting(running, [&](const Setting& setting, auto& value) {
    const auto found = texts.find(setting.key);
    if (found == texts.end()) return;
    const toml::parse_result parsed = toml::parse("value = " + spelt_out(found->second));
    assign(setting, *parsed.table()["value"].node(), value);
  });
}

std::vector<std::string> needs_restart(const Config& running, const Config& wanted) {
  std::map<std::string, std::string> before;
  for_each_setting(running, [&](const Setting& setting, const auto& value) { before[setting.key] = written(value); });
  Strings keys;
  for_each_setting(wanted, [&](const Setting& setting, const auto& value) {
    if (!setting.reload && before[setting.key] != written(value)) keys.emplace_back(setting.key);
  });
  return keys;
}

}  // namespace qflow::config
