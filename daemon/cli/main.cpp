// qflow: the command line.
#include <fmt/format.h>
#include <sodium.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "daemon/base/fault.hpp"
#include "daemon/base/near_name.hpp"
#include "daemon/cli/accounts.hpp"
#include "daemon/cli/backup.hpp"
#include "daemon/cli/check_command.hpp"
#include "daemon/cli/completion.hpp"
#include "daemon/cli/doctor_command.hpp"
#include "daemon/cli/init_command.hpp"
#include "daemon/cli/installation.hpp"
#include "daemon/cli/remote_commands.hpp"
#include "daemon/cli/run_command.hpp"
#include "daemon/cli/runtime.hpp"
#include "daemon/cli/serve_command.hpp"
#include "daemon/observe/log.hpp"
#include "sandbox/sys.hpp"

namespace {

using namespace qflow;

// What the command line says about the configuration.
struct Told {
  std::string file;
  config::Overrides overrides;
  config::Config load() const { return cli::load_config(file, overrides); }
  // For a command that works on an installation that is there, also on the service's.
  config::Config installed() const {
    config::Config config = load();
    cli::find_installation(config);
    return config;
  }
  // The same, as the owner of its data directory.
  config::Config administered() const {
    config::Config config = installed();
    cli::become_owner(config.data_dir);
    return config;
  }
};

// Adds the settings whose keys begin with one of `parts` to `command` as options.
void add_settings(CLI::App& command, Told& told, std::initializer_list<std::string_view> parts) {
  command.add_option(
      "-c,--config", told.file,
      "the configuration file (default: $QFLOW_CONFIG, ~/.config/qflow/qflow.toml or /etc/qflow/qflow.toml)");
  config::Config defaults;
  config::for_each_setting(defaults, [&](const config::Setting& setting, auto& value) {
    using T = std::remove_cvref_t<decltype(value)>;
    const std::string key = setting.key;
    const bool wanted = std::any_of(parts.begin(), parts.end(), [&](auto part) { return key.starts_with(part); });
    if (!wanted || *setting.flag == '\0') return;
    const std::string flag = setting.flag;
    const auto take = [&told, key](const std::string& text) { told.overrides[key] = {text}; };
    if constexpr (std::is_same_v<T, bool>) {
      // When both are given, the last one wins.
      command
          .add_flag_callback(
              flag, [take] { take("true"); }, setting.help)
          ->trigger_on_parse();
      if (value)
        command
            .add_flag_callback(
                "--no-" + flag.substr(2), [take] { take("false"); }, "turn it off")
            ->trigger_on_parse();
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      const auto add = [&told, key](const std::string& text) { told.overrides[key].push_back(text); };
      command.add_option_function<std::string>(flag, add, setting.help)->trigger_on_parse()->allow_extra_args(false);
    } else {
      std::string shown;
      if constexpr (std::is_same_v<T, std::string>) shown = value;
      else shown = fmt::format("{}", value);
      CLI::Option* option = command.add_option_function<std::string>(flag, take, setting.help);
      if (!shown.empty() && shown != "0") option->default_str(shown);
      option->type_name(std::is_same_v<T, std::string> ? "TEXT" : "NUMBER");
    }
  });
}

class Commands {
 public:
  int run(int argc, char** argv) {
    app_.set_version_flag("--version", std::string("qflow ") + QFLOW_VERSION);
    app_.require_subcommand(1);
    app_.footer(
        "Exit status of `run`: 0 success, 1 a node failed, 2 bad input, 130 interrupted; of `check`: 1 with errors; of "
        "`doctor`: 1 when code would be refused. Settings come from flags, QFLOW_… variables and the configuration "
        "file, in this order of precedence; `qflow config show` prints them all.");
    add_init();
    add_run();
    add_check();
    add_records();
    add_remote();
    add_serve();
    add_doctor();
    add_config();
    add_users();
    add_tokens();
    add_backup();
    add_completion();
    if (const std::string wrong = misspelt_command(argc, argv); !wrong.empty())
      throw Fault(FaultKind::bad_input, "unknown_command", wrong);
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app_.exit(error) == 0 ? cli::kOk : cli::kBadInput;
    }
    return chosen_();
  }

 private:
  CLI::App* command(CLI::App& parent, const char* name, const char* help, std::function<int()> work) {
    CLI::App* added = parent.add_subcommand(name, help);
    added->callback([this, work = std::move(work)] { chosen_ = work; });
    return added;
  }

  // "there is no command runn; did you mean run?"
  std::string misspelt_command(int argc, char** argv) const {
    if (argc < 2 || *argv[1] == '-') return {};
    std::vector<std::string> names;
    for (const CLI::App* command : app_.get_subcommands([](const CLI::App*) { return true; }))
      names.push_back(command->get_name());
    const std::string given = argv[1];
    if (std::find(names.begin(), names.end(), given) != names.end()) return {};
    return fmt::format("there is no command {}{}", given, did_you_mean(given, names));
  }

  void add_init() {
    CLI::App* c =
        command(app_, "init", "create a folder with a small flow to start from", [this] { return cli::init(init_); });
    c->add_option("NAME", init_, "the folder (default: hello)");
  }

  void add_records() {
    CLI::App* show = command(app_, "show", "show the record of an execution, of this machine or of the server",
                             [this] { return cli::show(told_.installed(), remote_); });
    show->add_option("ID", remote_.id, "the execution's id, as `qflow run` prints it")->required();
    show->add_flag("--json", remote_.json, "print one JSON object");
    show->add_flag("--timeline", remote_.timeline, "draw when each node ran, and in which branch");
    add_server(*show);
    add_settings(*show, told_, {"data_dir"});
    CLI::App* logs = command(app_, "logs", "print what the nodes of an execution printed",
                             [this] { return cli::logs(told_.installed(), remote_); });
    logs->add_option("ID", remote_.id, "the execution's id")->required();
    logs->add_flag("-f,--follow", remote_.follow, "go on until it has ended");
    add_server(*logs);
    add_settings(*logs, told_, {"data_dir"});
  }

  void add_server(CLI::App& c) {
    c.add_option("--server", remote_.server,
                 "the server's address (default: $QFLOW_SERVER, or where `qflow login` signed in)");
  }

  void add_remote() {
    CLI::App* login = command(app_, "login", "sign in to a server, for push, pull, list, show, logs and open",
                              [this] { return cli::login(remote_); });
    add_server(*login);
    login->add_option("--email", remote_.email, "whose account (asked for on a terminal)");
    login->add_flag("--password-stdin", remote_.password_stdin, "read the password from standard input");
    login->add_flag("--key-stdin", remote_.key_stdin, "read an API key from standard input instead of signing in");
    CLI::App* push = command(app_, "push", "store a flow on the server, with its files and the modules beside it",
                             [this] { return cli::push(remote_); });
    push->add_option("FLOW.json", remote_.flow, "the workflow; one of the same name is changed")->required();
    add_server(*push);
    CLI::App* pull = command(app_, "pull", "fetch a workflow from the server", [this] { return cli::pull(remote_); });
    pull->add_option("ID|NAME", remote_.id, "which")->required();
    pull->add_option("FILE", remote_.flow, "where to write it (default: standard output)");
    pull->add_flag("--force", remote_.force, "replace an existing file");
    add_server(*pull);
    CLI::App* list = command(app_, "list", "list the workflows of the server", [this] { return cli::list(remote_); });
    list->add_flag("--json", remote_.json, "print one JSON list");
    add_server(*list);
    CLI::App* open = command(app_, "open", "open the server in the browser", [this] { return cli::open(remote_); });
    add_server(*open);
  }

  void add_completion() {
    CLI::App* c = command(app_, "completion", "print a script that completes commands and options in a shell",
                          [this] { return cli::completion(app_, shell_); });
    c->add_option("SHELL", shell_, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  }

  // For nodes of this machine, with the virtual environment that is active.
  config::Config local(bool quiet) const {
    config::Config config = told_.load();
    const std::string said = cli::use_active_venv(config);
    if (!said.empty() && !quiet) fmt::print(stderr, "{}\n", cli::printable(said));
    return config;
  }

  void add_run() {
    CLI::App* c = command(app_, "run", "run one workflow in this process, without a server",
                          [this] { return cli::run(local(run_.quiet), run_); });
    c->add_option("FLOW.json", run_.flow, "the workflow; - reads it from standard input")->required();
    c->add_option("-i,--input", run_.inputs,
                  "NAME=VALUE for the workflow's input; VALUE is JSON or text, as the parameter's type asks, or @FILE "
                  "for a file: its text, or bytes or a Path where the parameter asks for these")
        ->allow_extra_args(false);
    c->add_option("--input-file", run_.input_file, "a JSON file with the whole input");
    c->add_option("--node", run_.node, "run only this node and the nodes it needs, and show its value");
    c->add_option("--from", run_.from, "run this node and those after it again; needs --reuse");
    c->add_flag("--no-cache", run_.no_cache, "make values of nodes with \"cache\" anew");
    c->add_option("--reuse", run_.reuse,
                  "the execution whose recorded values are used again: an id, or `last` for the last one of this flow");
    c->add_option("--pin", run_.pins, "NODE=FILE: do not run the node, its value is the JSON in the file")
        ->allow_extra_args(false);
    c->add_option("--python", run_.python, "the Python version to use instead of the workflow's");
    c->add_option("-o,--out", run_.out,
                  "the directory for files that nodes hand over (default: below the data directory)");
    c->add_flag("--json", run_.json, "print one JSON object: outputs, nodes, files, error");
    c->add_option("--report", run_.report,
                  "write the execution as one HTML page: the path taken, a timeline, every node's values and errors");
    c->add_flag("-q,--quiet", run_.quiet, "print only the outputs, no progress");
    c->add_flag("-w,--watch", run_.watch,
                "run again when the flow, its code or an input file changes, and say what came out differently");
    add_settings(*c, told_, {"data_dir", "python.", "sandbox."});
  }

  void add_check() {
    CLI::App* c = command(app_, "check", "report what is wrong with a workflow, without running it",
                          [this] { return cli::check(local(false), check_); });
    c->add_option("FLOW.json", check_.flow, "the workflow")->required();
    c->add_option("--python", check_.python, "the Python version to use instead of the workflow's");
    c->add_flag("--strict", check_.strict, "require types inside lists, dicts and the like to fit, too");
    c->add_flag("--json", check_.json, "print one JSON object: valid, findings");
    add_settings(*c, told_, {"data_dir", "python.", "sandbox."});
  }

  void add_serve() {
    CLI::App* c = command(app_, "serve", "serve the HTTP API",
                          [this] { return cli::serve(told_.load(), [this] { return told_.load(); }); });
    add_settings(
        *c, told_,
        {"data_dir", "server.", "auth.", "python.", "environments.", "sandbox.", "engine.", "files.", "ai.", "log."});
  }

  void add_doctor() {
    CLI::App* c = command(app_, "doctor", "report what this host offers for the sandbox, and how to get the rest",
                          [this] { return cli::doctor(told_.load(), json_, policy_); });
    c->add_flag("--json", json_, "print one JSON object");
    c->add_flag("--policy", policy_, "print what a node may do: limits, files, system calls");
    add_settings(*c, told_, {"data_dir", "python.", "sandbox."});
  }

  void add_config() {
    CLI::App* group = app_.add_subcommand("config", "check and show the configuration");
    group->require_subcommand(1);
    CLI::App* check = command(*group, "check", "read the configuration and report what is wrong", [this] {
      const config::Config config = told_.load();
      if (config.python.pyhost_dir.empty() || !config.sandbox.share.empty()) cli::make_settings(config);
      fmt::print("The configuration is valid{}.\n", told_.file.empty() ? "" : ": " + told_.file);
      return cli::kOk;
    });
    check->add_option("FILE", told_.file, "the file (default: the file that `serve` would read)");
    CLI::App* show = command(*group, "show", "print every setting in effect, as TOML", [this] {
      fmt::print("{}", config::to_toml(told_.load()));
      return cli::kOk;
    });
    show->add_option("FILE", told_.file, "the file (default: the file that `serve` would read)");
  }

  void add_users() {
    CLI::App* group = app_.add_subcommand("user", "manage the users of this installation");
    group->require_subcommand(1);
    CLI::App* add = command(*group, "add", "add a user; the first user is the owner",
                            [this] { return cli::user_add(told_.administered(), user_); });
    add->add_option("EMAIL", user_.email, "the e-mail address to sign in with")->required();
    add->add_option("--role", user_.role, "owner, admin or user (default: user)");
    add->add_option("--first-name", user_.first_name);
    add->add_option("--last-name", user_.last_name);
    add->add_flag("--password-stdin", user_.password_stdin, "read the password from standard input");
    add_settings(*add, told_, {"data_dir"});
    CLI::App* list =
        command(*group, "list", "list the users", [this] { return cli::user_list(told_.administered(), json_); });
    list->add_flag("--json", json_, "print one JSON list");
    add_settings(*list, told_, {"data_dir"});
    CLI::App* passwd = command(*group, "passwd", "set a new password and end all sessions",
                               [this] { return cli::user_passwd(told_.administered(), user_); });
    passwd->add_option("EMAIL", user_.email)->required();
    passwd->add_flag("--password-stdin", user_.password_stdin, "read the password from standard input");
    add_settings(*passwd, told_, {"data_dir"});
    CLI::App* role = command(*group, "role", "make a user an admin, or an admin a user",
                             [this] { return cli::user_role(told_.administered(), user_); });
    role->add_option("EMAIL", user_.email)->required();
    role->add_option("ROLE", user_.role, "admin or user")->required();
    add_settings(*role, told_, {"data_dir"});
    CLI::App* remove = command(*group, "delete", "delete a user; what they own passes to the owner",
                               [this] { return cli::user_delete(told_.administered(), user_); });
    remove->add_option("EMAIL", user_.email)->required();
    add_settings(*remove, told_, {"data_dir"});
  }

  void add_tokens() {
    CLI::App* group = app_.add_subcommand("token", "manage API keys for programs");
    group->require_subcommand(1);
    CLI::App* create = command(*group, "create", "create a key and print it, once",
                               [this] { return cli::token_create(told_.administered(), token_); });
    create->add_option("NAME", token_.name, "what the key is for")->required();
    create->add_option("--user", token_.user, "e-mail address of the key's user (default: the owner)");
    create->add_option("--scope", token_.scopes, "what it may do: workflows:read, executions:*, *:read (default: *)")
        ->allow_extra_args(false);
    create->add_option("--days", token_.days, "days until it expires (default: never)")->check(CLI::PositiveNumber);
    add_settings(*create, told_, {"data_dir"});
    CLI::App* list =
        command(*group, "list", "list the keys", [this] { return cli::token_list(told_.administered(), json_); });
    list->add_flag("--json", json_, "print one JSON list");
    add_settings(*list, told_, {"data_dir"});
    CLI::App* revoke =
        command(*group, "revoke", "revoke a key", [this] { return cli::token_revoke(told_.administered(), token_); });
    revoke->add_option("ID", token_.id)->required();
    add_settings(*revoke, told_, {"data_dir"});
  }

  void add_backup() {
    CLI::App* save = command(app_, "backup", "write everything to one file, also while a server runs",
                             [this] { return cli::backup(told_.installed(), file_, with_key_, force_); });
    save->add_option("FILE", file_, "the backup to write")->required();
    save->add_flag("--force", force_, "replace an existing file");
    save->add_flag("--with-key", with_key_, "include the key that decrypts stored credentials");
    add_settings(*save, told_, {"data_dir", "auth.key_file"});
    CLI::App* load = command(app_, "restore", "create a data directory from a backup",
                             [this] { return cli::restore(told_.installed(), file_); });
    load->add_option("FILE", file_, "the backup to read")->required();
    add_settings(*load, told_, {"data_dir", "auth.key_file"});
  }

  CLI::App app_{"Qflow runs Python workflows on one Linux machine: every execution sandboxed, every node recorded."};
  std::function<int()> chosen_;
  Told told_;
  cli::RunOptions run_;
  cli::CheckOptions check_;
  cli::UserOptions user_;
  cli::TokenOptions token_;
  bool json_ = false, policy_ = false, with_key_ = false, force_ = false;
  cli::RemoteOptions remote_;
  std::string file_, shell_, init_ = "hello";
};

}  // namespace

// Standard error may be closed, too (`qflow run … 2>&1 | head`): fmt::print would throw once more.
static void complain(const std::string& text) { std::fputs(("qflow: " + text + "\n").c_str(), stderr); }

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  if (sodium_init() < 0) {
    fmt::print(stderr, "qflow: libsodium could not start\n");
    return cli::kFailed;
  }
  try {
    return Commands().run(argc, argv);
  } catch (const Fault& fault) {
    const bool host = fault.code == "sandbox_unavailable";
    complain(cli::printable(fault.message) + (host ? "; `qflow doctor` says what this host lacks" : ""));
    return fault.kind == FaultKind::internal ? cli::kFailed : cli::kBadInput;
  } catch (const std::exception& error) {
    complain(cli::printable(error.what()));
    return cli::kFailed;
  }
}
