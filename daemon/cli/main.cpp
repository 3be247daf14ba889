// qflow: the command line.
#include <fmt/format.h>
#include <sodium.h>

#include <CLI/CLI.hpp>
#include <csignal>

#include "daemon/cli/commands.hpp"
#include "daemon/fault.hpp"
#include "daemon/observe/log.hpp"

namespace {

using namespace qflow;

void add_common(CLI::App& command, cli::Common& common) {
  command.add_option("--data-dir", common.data_dir,
                     "where records, files and the token are kept (default: $QFLOW_DATA_DIR, or qflow below the user's "
                     "data directory)");
  command.add_option("--pyhost-dir", common.pyhost_dir, "where the pyhost-X.Y executables are (default: beside qflow)");
  command
      .add_option("--min-isolation", common.min_isolation, "refuse to run code when this host gives less: 3, 2, 1 or 0")
      ->capture_default_str()
      ->check(CLI::Range(0, 3));
  command.add_option("--timeout", common.timeout, "seconds that a node may take unless it says otherwise")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command.add_option("--memory", common.memory_mib, "MiB that the processes of one execution may hold")
      ->capture_default_str()
      ->check(CLI::Range(64, 1 << 20));
  command.add_option("--cpu", common.cpu, "processors that one execution may use, e.g. 0.5")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 1024.0));
  command.add_option("--tmp", common.tmp_mib, "MiB of each of a sandbox's /tmp, /dev/shm and /node")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 20));
  command.add_option("--processes", common.processes, "processes and threads of one execution")
      ->capture_default_str()
      ->check(CLI::Range(1, 32768));
  command.add_flag("--allow-network", common.allow_network,
                   "let workflows ask for the host's network (sandbox.network: \"host\")");
  command.add_flag("--allow-programs", common.allow_programs,
                   "let workflows ask to start programs (sandbox.programs: true)");
  command.add_option("--share", common.share, "a directory that every node may read, at the same path")
      ->allow_extra_args(false);
}

int dispatch(int argc, char** argv) {
  CLI::App app{"Qflow runs Python workflows on one Linux machine: every execution sandboxed, every node recorded."};
  app.set_version_flag("--version", std::string("qflow ") + QFLOW_VERSION);
  app.require_subcommand(1);
  app.footer(
      "Exit status of `run`: 0 done, 1 a node failed, 2 bad input, 130 interrupted. Of `doctor`: 1 when code would be "
      "refused.");
  cli::Common common;

  cli::RunOptions run;
  CLI::App* run_command = app.add_subcommand("run", "run one workflow here and now, without a server");
  run_command->add_option("FLOW.json", run.flow, "the workflow")->required();
  run_command
      ->add_option("-i,--input", run.inputs,
                   "NAME=VALUE for the workflow's input; VALUE is JSON or text, @FILE is that file's text")
      ->allow_extra_args(false);
  run_command->add_option("--input-file", run.input_file, "a JSON file with the whole input");
  run_command->add_option("--node", run.node, "run this node and what it needs, and show its value");
  run_command->add_option("--python", run.python, "the Python version, instead of what the workflow says");
  run_command->add_flag("--json", run.json, "print one JSON object: outputs, nodes, files, error");
  run_command->add_flag("-q,--quiet", run.quiet, "no progress, only the outputs");
  add_common(*run_command, common);

  cli::ServeOptions serve;
  CLI::App* serve_command = app.add_subcommand("serve", "serve the HTTP API");
  serve_command->add_option("--listen", serve.listen, "HOST:PORT; port 0 takes any")->capture_default_str();
  serve_command->add_option("--max-running", serve.max_running,
                            "executions at a time; the others wait (default: four for each core, at least eight)");
  serve_command->add_option("--max-body", serve.max_body_mib, "MiB of a request's body")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024));
  serve_command
      ->add_option("--drain", serve.drain_seconds, "seconds that running executions get when the server is stopped")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  add_common(*serve_command, common);

  bool doctor_json = false;
  CLI::App* doctor_command =
      app.add_subcommand("doctor", "say what this host gives for the sandbox, and what to do about the rest");
  doctor_command->add_flag("--json", doctor_json, "print one JSON object");
  bool doctor_policy = false;
  doctor_command->add_flag("--policy", doctor_policy, "print what a node may do: limits, files, system calls");
  add_common(*doctor_command, common);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::kOk : cli::kBadInput;
  }
  if (common.data_dir.empty()) common.data_dir = cli::default_data_dir();
  if (run_command->parsed()) return cli::run(common, run);
  if (serve_command->parsed()) return cli::serve(common, serve);
  return cli::doctor(common, doctor_json, doctor_policy);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  if (sodium_init() < 0) {
    fmt::print(stderr, "qflow: libsodium could not start\n");
    return cli::kFailed;
  }
  try {
    return dispatch(argc, argv);
  } catch (const Fault& fault) {
    fmt::print(stderr, "qflow: {}\n", cli::printable(fault.message));
    return fault.kind == FaultKind::internal ? cli::kFailed : cli::kBadInput;
  } catch (const std::exception& error) {
    fmt::print(stderr, "qflow: {}\n", cli::printable(error.what()));
    return cli::kFailed;
  }
}
