#include "daemon/cli/completion.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "daemon/cli/runtime.hpp"

namespace qflow::cli {
namespace {

struct Word {
  std::string path;  ///< of commands before it: "", "user", "user add"
  std::string word, help;
};

// Every command and long option, with the commands before it.
void collect(const CLI::App& app, const std::string& path, std::vector<Word>& words) {
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames())
      words.push_back({path, "--" + name, option->get_description()});
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    words.push_back({path, command->get_name(), command->get_description()});
    collect(*command, path.empty() ? command->get_name() : path + " " + command->get_name(), words);
  }
}

// In single quotes of a POSIX shell.
std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4) text.replace(at, 1, "'\\''");
  return "'" + text + "'";
}

// A function that prints the words that may follow; the commands so far are its arguments. bash and zsh run it alike.
std::string shell_function(const std::vector<Word>& words) {
  std::map<std::string, std::string> by_path;
  for (const Word& one : words) by_path[one.path] += (by_path[one.path].empty() ? "" : " ") + one.word;
  std::string out = "_qflow_words() {\n  case \"$*\" in\n";
  for (const auto& [path, all] : by_path) out += fmt::format("    {}) echo {} ;;\n", quoted(path), quoted(all));
  return out + "  esac\n}\n";
}

constexpr const char* kBash = R"sh(
_qflow() {
  local word path=() i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case " $(_qflow_words "${path[@]}") " in *" $word "*) [[ $word == -* ]] || path+=("$word") ;; esac
  done
  COMPREPLY=($(compgen -W "$(_qflow_words "${path[@]}")" -- "${COMP_WORDS[COMP_CWORD]}"))
  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o filenames -F _qflow qflow
)sh";

constexpr const char* kZsh = R"sh(
_qflow() {
  local -a path all
  local word
  for word in ${words[2,CURRENT-1]}; do
    case " $(_qflow_words $path) " in *" $word "*) [[ $word == -* ]] || path+=("$word") ;; esac
  done
  all=(${=$(_qflow_words $path)})
  compadd -a all
  _files
}
compdef _qflow qflow
)sh";

std::string fish(const std::vector<Word>& words) {
  std::string out;
  for (const Word& one : words) {
    std::string condition = one.path.empty() ? "__fish_use_subcommand" : "";
    for (std::size_t at = 0; at < one.path.size();) {
      const auto space = std::min(one.path.find(' ', at), one.path.size());
      condition +=
          (condition.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + one.path.substr(at, space - at));
      at = space + 1;
    }
    const bool option = one.word.starts_with("--");
    out += fmt::format("complete -c qflow -n {} {} {} -d {}\n", quoted(condition), option ? "-l" : "-f -a",
                       quoted(option ? one.word.substr(2) : one.word), quoted(one.help));
  }
  return out;
}

}  // namespace

int completion(const CLI::App& app, const std::string& shell) {
  std::vector<Word> words;
  collect(app, "", words);
  if (shell == "fish") fmt::print("{}", fish(words));
  else fmt::print("{}{}", shell_function(words), shell == "bash" ? kBash : kZsh);
  return kOk;
}

}  // namespace qflow::cli
