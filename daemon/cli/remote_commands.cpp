#include "daemon/cli/remote_commands.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <iostream>
#include <thread>

#include "daemon/base/json_text.hpp"
#include "daemon/api/executions/execution_view.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/base/members.hpp"
#include "daemon/cli/flow_file.hpp"
#include "daemon/cli/password.hpp"
#include "daemon/cli/progress.hpp"
#include "daemon/cli/remote.hpp"
#include "daemon/cli/runtime.hpp"
#include "daemon/cli/timeline_text.hpp"
#include "daemon/http/message.hpp"
#include "daemon/store/execution_rows.hpp"
#include "schema/text/write_json.hpp"

namespace qflow::cli {
namespace {

namespace fs = std::filesystem;

std::string word(const json::value& object, const char* name) {
  const json::value* found = object.is_object() ? object.get_object().if_contains(name) : nullptr;
  return found != nullptr && found->is_string() ? printable(std::string_view(found->get_string())) : "";
}

std::string encoded(const std::string& text) { return http::percent_encoded(text); }

// The workflow of that id, or the only one of that name; null: none.
json::value find_workflow(const Remote& remote, const std::string& wanted) {
  const std::string filter = json::serialize(json::object{{"name", wanted}});
  const json::value page = remote.call("GET", "/workflows?take=250&filter=" + encoded(filter));
  std::vector<json::value> found;
  for (const json::value& one : page.at("data").as_array())
    if (one.at("name") == json::value(wanted)) found.push_back(one);
  if (found.size() > 1)
    throw Fault(FaultKind::bad_input, "ambiguous",
                fmt::format("{} workflows are named \"{}\"; name one by its id (`qflow list`)", found.size(), wanted));
  return found.empty() ? json::value() : found.front();
}

void print_findings(const json::value& saved) {
  const json::value* findings = saved.as_object().if_contains("findings");
  if (findings == nullptr || !findings->is_array()) return;
  for (const json::value& one : findings->get_array())
    fmt::print(stderr, "{}: {} [{}]\n", word(one, "severity"), word(one, "message"), word(one, "code"));
}

// The record of this machine; null: it is not here.
json::value local_record(const config::Config& config, const std::string& id) {
  if (!fs::exists(config.data_dir + "/qflow.db")) return nullptr;
  constexpr std::int64_t kMost = 256LL << 20U;
  sqlite::Db db(config.data_dir + "/qflow.db", true);
  const auto record = services::read_record(db, id, kMost);
  if (!record) return nullptr;
  return api::execution_view(*record);  // as the server would show it
}

json::value record_of(const config::Config& config, const RemoteOptions& options) {
  if (options.server.empty())
    if (json::value local = local_record(config, options.id); !local.is_null()) return local;
  const SignedIn who = signed_in(options.server);
  if (options.server.empty() && who.key.empty())
    throw Fault(FaultKind::bad_input, "not_found",
                fmt::format("no execution {} is recorded in {}; --server or `qflow login` looks on a server",
                            printable(options.id), config.data_dir));
  return Remote(who).call("GET", "/executions/" + encoded(options.id));
}

bool has_ended(const json::value& record) {
  const std::string status = word(record, "status");
  return status != "running" && status != "queued" && status != "waiting";
}

// Nodes in the order in which they ran.
std::vector<std::pair<std::string, const json::value*>> tasks_of(const json::value& record) {
  std::vector<std::pair<std::string, const json::value*>> out;
  for (const auto& [name, runs] : record.at("data").at("resultData").at("runData").as_object())
    if (!runs.as_array().empty()) out.emplace_back(std::string(name), &runs.as_array().front());
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.second->at("executionIndex").as_int64() < b.second->at("executionIndex").as_int64();
  });
  return out;
}

void print_text(const std::string& node, std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    fmt::print("{} | {}\n", printable(node), printable(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

}  // namespace

int login(const RemoteOptions& options) {
  SignedIn who = signed_in(options.server);
  if (options.key_stdin) {
    std::getline(std::cin, who.key);
  } else {
    std::string email = options.email;
    if (email.empty()) {
      if (::isatty(STDIN_FILENO) == 0)
        throw Fault(FaultKind::bad_input, "no_terminal", "--email is required where there is no terminal");
      fmt::print(stderr, "E-mail: ");
      std::getline(std::cin, email);
    }
    const std::string password = options.password_stdin ? read_line() : ask_password("Password: ");
    Remote plain({who.server, ""});
    const json::value session = plain.call("POST", "/login", json::object{{"email", email}, {"password", password}});
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    const Remote caller({who.server, std::string(std::string_view(session.at("token").as_string()))});
    const json::value made =
        caller.call("POST", "/api-keys", json::object{{"name", fmt::format("qflow on {}", host.data())}});
    who.key = std::string_view(made.at("key").as_string());
  }
  const json::value me = Remote(who).call("GET", "/me");
  remember(who);
  fmt::print("Signed in to {} as {}.\n", who.server, word(me, "email"));
  return kOk;
}

int push(const RemoteOptions& options) {
  LocalFlow flow = read_flow(options.flow);
  refuse_misspelt(flow);
  const Remote remote(signed_in(options.server));
  std::string name = word(flow.document, "name");
  if (name.empty()) name = flow.name;
  flow.document["name"] = name;
  flow.document.erase("id");
  const json::value known = find_workflow(remote, name);
  const json::value saved = known.is_null() ? remote.call("POST", "/workflows", flow.document)
                                            : remote.call("PATCH", "/workflows/" + word(known, "id"), flow.document);
  print_findings(saved);
  const std::int64_t version = saved.at("version").as_int64();
  const json::value* before = known.is_object() ? known.get_object().if_contains("version") : nullptr;
  const bool same = before != nullptr && before->is_int64() && before->get_int64() == version;
  fmt::print("{} \"{}\": {}, version {}\n",
             known.is_null() ? "Created"
             : same          ? "Unchanged"
                             : "Changed",
             printable(name), word(saved, "id"), version);
  return kOk;
}

int pull(const RemoteOptions& options) {
  const Remote remote(signed_in(options.server));
  json::value found = find_workflow(remote, options.id);
  // 36 characters: a UUID.
  if (found.is_null() && options.id.size() != 36)
    throw Fault(FaultKind::bad_input, "not_found",
                fmt::format("no workflow is called \"{}\", and it is no id; `qflow list` has them", options.id));
  const std::string id = found.is_null() ? options.id : word(found, "id");
  const json::value whole = remote.call("GET", "/workflows/" + encoded(id));
  json::object flow;
  for (const char* name :
       {"id", "name", "description", "nodes", "connections", "settings", "python_version", "modules", "pinData"})
    if (const json::value* part = whole.as_object().if_contains(name); part != nullptr && !part->is_null())
      flow[name] = *part;
  const std::string text = indented(flow) + "\n";
  if (options.flow.empty()) {
    fmt::print("{}", text);
    return kOk;
  }
  if (!options.force && fs::exists(options.flow))
    throw Fault(FaultKind::bad_input, "exists", fmt::format("{} exists; --force replaces it", options.flow));
  replace_file(options.flow, text, 0644);
  fmt::print("{}: \"{}\"\n", options.flow, word(whole, "name"));
  return kOk;
}

int list(const RemoteOptions& options) {
  const Remote remote(signed_in(options.server));
  json::array all;
  for (std::int64_t skip = 0;; skip += 250) {
    const json::value page = remote.call("GET", fmt::format("/workflows?take=250&skip={}", skip));
    for (const json::value& one : page.at("data").as_array())
      all.push_back(json::object{{"id", one.at("id")},
                                 {"name", one.at("name")},
                                 {"active", one.at("active")},
                                 {"updatedAt", one.at("updatedAt")}});
    if (page.at("data").as_array().size() < 250) break;
  }
  if (options.json) {
    fmt::print("{}\n", schema::write_json(all));
    return kOk;
  }
  fmt::print("{:<36}  {:<6}  {:<24}  {}\n", "ID", "ACTIVE", "CHANGED", "NAME");
  for (const json::value& one : all)
    fmt::print("{:<36}  {:<6}  {:<24}  {}\n", word(one, "id"), one.at("active") == json::value(true) ? "yes" : "no",
               word(one, "updatedAt"), word(one, "name"));
  return kOk;
}

int open(const RemoteOptions& options) {
  const std::string url = signed_in(options.server).server + "/";
  fmt::print("{}\n", url);
  std::array<char*, 3> arguments{const_cast<char*>("xdg-open"), const_cast<char*>(url.c_str()), nullptr};
  pid_t pid = -1;
  if (posix_spawnp(&pid, "xdg-open", nullptr, nullptr, arguments.data(), environ) == 0) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? kOk : kFailed;
  }
  return kOk;  // no desktop: the address is printed
}

int show(const config::Config& config, const RemoteOptions& options) {
  const json::value record = record_of(config, options);
  if (options.json) {
    fmt::print("{}\n", schema::write_json(record));
    return kOk;
  }
  fmt::print("execution  {}\nworkflow   {}\nstatus     {}\nstarted    {}\n", word(record, "id"),
             word(record, "workflowName"), word(record, "status"), word(record, "startedAt"));
  if (const json::value& duration = record.at("duration_ms"); duration.is_number())
    fmt::print("duration   {}\n", duration_text(duration.to_number<double>()));
  if (const std::string error = word(record, "error"); !error.empty()) fmt::print("error      {}\n", error);
  if (options.timeline) {
    fmt::print("\n{}", timeline_text(record, terminal_width()));
    return kOk;
  }
  for (const auto& [name, task] : tasks_of(record)) {
    const json::value& own = task->at("qflow");
    fmt::print("\n{}  {}  {}  {}\n", printable(name), word(own, "status"),
               duration_text(task->at("executionTime").to_number<double>()), word(own, "type"));
    for (const char* stream : {"stdout", "stderr"})
      if (const json::value* text = own.as_object().if_contains(stream); text != nullptr && text->is_string())
        print_text(name, text->get_string());
    for (const json::value& warning : own.at("warnings").as_array())
      fmt::print("Note: {}\n", printable(std::string_view(warning.as_string())));
  }
  fmt::print("\n");
  for (const auto& [name, value] : record.at("data").at("outputs").as_object()) {
    const std::string text = indented(value);
    fmt::print(
        "{} = {}{}\n", printable(name), printable(text.substr(0, 8000)),
        text.size() > 8000 ? fmt::format("\n… the first 8000 of {} bytes; --json prints all of it", text.size()) : "");
  }
  return kOk;
}

int logs(const config::Config& config, const RemoteOptions& options) {
  std::map<std::string, std::size_t> shown;  // bytes of each stream
  for (;;) {
    const json::value record = record_of(config, options);
    for (const auto& [name, task] : tasks_of(record))
      for (const char* stream : {"stdout", "stderr"}) {
        const std::string_view text = task->at("qflow").at(stream).as_string();
        std::size_t& before = shown[name + "/" + stream];
        if (text.size() > before) print_text(name, text.substr(before));
        before = std::max(before, text.size());
      }
    std::fflush(stdout);
    if (!options.follow || has_ended(record)) return kOk;
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

}  // namespace qflow::cli
