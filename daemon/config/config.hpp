// All settings of an installation in one value: defaults, then the TOML file, then the environment, then flags. Made at
// start and again on SIGHUP. Plain value.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace qflow::config {

struct ServerSection {
  std::string listen = "127.0.0.1:8000";
  std::vector<std::string> hosts;            ///< names that requests may address, besides localhost and IP addresses
  std::vector<std::string> cors_origins;     ///< "https://editor.example"
  std::vector<std::string> trusted_proxies;  ///< addresses whose X-Forwarded-For is trusted
  bool secure_cookies = false;
  std::uint64_t max_body_mib = 16;
  std::uint64_t max_webhook_kib = 1024;
  std::uint64_t max_connections = 10'000;
  std::uint64_t max_sockets = 4'000;
  double drain_seconds = 10;
};

struct AuthSection {
  double session_hours = 168;
  bool rate_limits = true;
  std::uint64_t requests_per_hour = 1000;
  std::uint64_t executions_per_hour = 100;
  std::uint64_t containers_per_hour = 50;
  std::uint64_t webhooks_per_hour = 1000;
  std::string key_file;  ///< empty: secret.key in the data directory
};

struct PythonSection {
  std::string pyhost_dir;
  std::string default_version;  ///< empty: 3.11, else the newest
  std::string venv;             ///< a virtual environment for all nodes; empty or "none": none
};

/// What nodes get. A workflow can ask for less of everything.
struct SandboxSection {
  std::uint64_t min_isolation = 2;
  double timeout = 30;  ///< seconds per node
  double max_timeout = 3600;
  std::uint64_t memory_mib = 512;
  double cpu = 0.5;            ///< processors of one execution
  std::uint64_t tmp_mib = 64;  ///< each of /tmp, /dev/shm and /node
  std::uint64_t processes = 64;
  std::uint64_t output_kib = 1024;  ///< kept from each stream of each node
  bool allow_network = false;       ///< what workflows may ask for beyond the default
  bool allow_programs = false;
  std::vector<std::string> share;  ///< directories shown to every node, read-only
};

struct EngineSection {
  std::uint64_t max_running = 0;  ///< 0: four per core, at least eight
  std::uint64_t max_waiting = 10'000;
  double idle_minutes = 10;
  double keep_minutes = 10;       ///< that a worker stays with the values of an execution by hand; 0: none stays
  std::uint64_t keep_mib = 1024;  ///< of memory that those workers may have together
};

struct FilesSection {
  std::uint64_t max_upload_mib = 64;
  double temporary_hours = 24;  ///< life of a temporary upload
};

struct EnvironmentsSection {
  std::vector<std::string> directories;  ///< virtual environments that workflows may name
};

struct StorageSection {
  std::uint64_t user_mib = 10'240;  ///< what one user may keep; 0: any number
};

/// Days to keep records; 0: forever.
struct RetentionSection {
  double executions_days = 30;
  double metrics_days = 90;
  double audit_days = 365;
  std::uint64_t workflow_versions = 100;  ///< of each workflow
  double every_minutes = 60;
};

struct AiSection {
  std::string url;  ///< of an OpenAI-compatible server: "http://127.0.0.1:11434/v1"
  std::string model;
  std::string key_file;  ///< its API key; empty: none is sent
  double timeout = 120;
};

struct LogSection {
  std::string level = "info";
};

struct Config {
  std::string data_dir;  ///< empty: see cli::default_data_dir()
  ServerSection server;
  AuthSection auth;
  PythonSection python;
  EnvironmentsSection environments;
  SandboxSection sandbox;
  EngineSection engine;
  FilesSection files;
  StorageSection storage;
  RetentionSection retention;
  AiSection ai;
  LogSection log;
};

/// The description of a setting, besides its value.
struct Setting {
  const char* key;   ///< "server.listen": table and name in the file, QFLOW_SERVER_LISTEN in the environment
  const char* flag;  ///< on the command line; empty: none
  const char* help;
  double least = 0, most = 1e12;  ///< of numbers
  bool reload = false;            ///< SIGHUP changes it in a running server
};

/// Calls `f(Setting, value&)` for every setting: the one list behind the file, the environment, the flags, `config
/// check` and the documentation.
template <class C, class F>
void for_each_setting(C& c, F&& f) {
  f(Setting{"data_dir", "--data-dir", "where records, files and the key are kept"}, c.data_dir);

  f(Setting{"server.listen", "--listen", "HOST:PORT to listen on; port 0: any free port"}, c.server.listen);
  f(Setting{"server.hosts", "--host", "an additional host name that requests may address"}, c.server.hosts);
  f(Setting{"server.cors_origins", "--cors-origin",
            "an origin whose pages may call the API, e.g. https://editor.example", 0, 0, true},
    c.server.cors_origins);
  f(Setting{"server.trusted_proxies", "--trusted-proxy", "an address whose X-Forwarded-For is trusted", 0, 0, true},
    c.server.trusted_proxies);
  f(Setting{"server.secure_cookies", "--secure-cookies",
            "send the session cookie over https only (behind a TLS proxy)"},
    c.server.secure_cookies);
  f(Setting{"server.max_body_mib", "--max-body", "largest request body in MiB", 1, 1024}, c.server.max_body_mib);
  f(Setting{"server.max_webhook_kib", "",
            "largest body of a webhook's call in KiB: anybody may send one, and it is stored", 1, 1048576},
    c.server.max_webhook_kib);
  f(Setting{"server.max_connections", "--max-connections", "most connections at a time", 16, 1e6},
    c.server.max_connections);
  f(Setting{"server.max_sockets", "--max-sockets", "most WebSockets at a time", 1, 1e6}, c.server.max_sockets);
  f(Setting{"server.drain_seconds", "--drain", "seconds that running executions get to finish when the server stops", 0,
            86400, true},
    c.server.drain_seconds);

  f(Setting{"auth.session_hours", "", "hours that a sign-in lasts", 0.001, 87600, true}, c.auth.session_hours);
  f(Setting{"auth.rate_limits", "--rate-limits", "limit the requests per hour", 0, 0, true}, c.auth.rate_limits);
  f(Setting{"auth.requests_per_hour", "", "requests per hour from one client; 0: no limit", 0, 1e12, true},
    c.auth.requests_per_hour);
  f(Setting{"auth.executions_per_hour", "", "executions per hour that one client starts; 0: no limit", 0, 1e12, true},
    c.auth.executions_per_hour);
  f(Setting{"auth.containers_per_hour", "", "environment operations per hour by one client; 0: no limit", 0, 1e12,
            true},
    c.auth.containers_per_hour);
  f(Setting{"auth.webhooks_per_hour", "", "calls per hour to one webhook; 0: no limit", 0, 1e12, true},
    c.auth.webhooks_per_hour);
  f(Setting{"auth.key_file", "--key-file",
            "file with the key that decrypts stored credentials (default: secret.key in the data directory)"},
    c.auth.key_file);

  f(Setting{"python.pyhost_dir", "--pyhost-dir", "where the pyhost-X.Y executables are (default: next to qflow)"},
    c.python.pyhost_dir);
  f(Setting{"python.default_version", "--default-python",
            "for workflows that name none (default: 3.11, else the newest)"},
    c.python.default_version);
  f(
      Setting{
          "python.venv", "--venv",
          "a virtual environment that nodes import from, read-only (run and check: default $VIRTUAL_ENV); none: none"},
      c.python.venv);
  f(Setting{"environments.directories", "--environment",
            "a virtual environment that workflows may name: settings.container is its directory's name"},
    c.environments.directories);

  f(Setting{"sandbox.min_isolation", "--min-isolation", "refuse to run code below this isolation level: 3, 2, 1 or 0",
            0, 3},
    c.sandbox.min_isolation);
  f(Setting{"sandbox.timeout", "--timeout", "seconds that a node may take unless it asks otherwise", 0.001, 86400},
    c.sandbox.timeout);
  f(Setting{"sandbox.max_timeout", "--max-timeout", "most seconds that a node may ask for", 0.001, 864000},
    c.sandbox.max_timeout);
  f(Setting{"sandbox.memory_mib", "--memory", "MiB of memory for the processes of one execution", 64, 1 << 20},
    c.sandbox.memory_mib);
  f(Setting{"sandbox.cpu", "--cpu", "processors that one execution may use, e.g. 0.5", 0.01, 1024}, c.sandbox.cpu);
  f(Setting{"sandbox.tmp_mib", "--tmp", "MiB for each of a sandbox's /tmp, /dev/shm and /node", 1, 1 << 20},
    c.sandbox.tmp_mib);
  f(Setting{"sandbox.processes", "--processes", "most processes and threads of one execution", 1, 32768},
    c.sandbox.processes);
  f(Setting{"sandbox.output_kib", "--output", "KiB kept from each stream of each node", 1, 1 << 20},
    c.sandbox.output_kib);
  f(Setting{"sandbox.allow_network", "--allow-network",
            "let workflows ask for the host's whole network, this daemon's own port included (sandbox.network: "
            "\"host\")"},
    c.sandbox.allow_network);
  f(Setting{"sandbox.allow_programs", "--allow-programs",
            "let workflows ask to start programs (sandbox.programs: true)"},
    c.sandbox.allow_programs);
  f(Setting{"sandbox.share", "--share", "a directory that every node may read, at the same path"}, c.sandbox.share);

  f(Setting{"engine.max_running", "--max-running",
            "most executions at a time; others wait (default: four per core, at least eight)", 0, 100000},
    c.engine.max_running);
  f(Setting{"engine.max_waiting", "--max-waiting", "most executions that may wait; more are refused (503)", 1, 1e7},
    c.engine.max_waiting);

  f(Setting{"engine.idle_minutes", "",
            "minutes until an unused environment, or set of imported packages, keeps fewer workers ready", 0.001, 1e6},
    c.engine.idle_minutes);
  f(Setting{"engine.keep_minutes", "",
            "minutes that the worker of an execution by hand stays with its values, for running single nodes; 0: none",
            0, 1440},
    c.engine.keep_minutes);
  f(Setting{"engine.keep_mib", "", "MiB of memory that these workers may have together", 0, 1e6}, c.engine.keep_mib);

  f(Setting{"files.max_upload_mib", "--max-upload", "largest upload in MiB", 1, 1024}, c.files.max_upload_mib);
  f(Setting{"files.temporary_hours", "", "hours until a temporary upload is deleted", 0.001, 87600, true},
    c.files.temporary_hours);

  f(Setting{"storage.user_mib", "", "MiB that one user's executions, files, workflows and nodes may take; 0: no limit",
            0, 1e9, true},
    c.storage.user_mib);

  f(Setting{"retention.executions_days", "", "days to keep finished executions; 0: forever", 0, 36500, true},
    c.retention.executions_days);
  f(Setting{"retention.metrics_days", "", "days to keep metrics and errors; 0: forever", 0, 36500, true},
    c.retention.metrics_days);
  f(Setting{"retention.audit_days", "", "days to keep the audit log; 0: forever", 0, 36500, true},
    c.retention.audit_days);
  f(Setting{"retention.workflow_versions", "", "versions to keep of each workflow", 1, 1e9, true},
    c.retention.workflow_versions);
  f(Setting{"retention.every_minutes", "", "minutes between clean-ups of the store", 0.001, 10080, true},
    c.retention.every_minutes);

  f(Setting{"ai.url", "--ai-url", "an OpenAI-compatible server for /ai/generate, e.g. http://127.0.0.1:11434/v1", 0, 0,
            true},
    c.ai.url);
  f(Setting{"ai.model", "--ai-model", "the model to request from it", 0, 0, true}, c.ai.model);
  f(Setting{"ai.key_file", "", "a file with the API key for it", 0, 0, true}, c.ai.key_file);
  f(Setting{"ai.timeout", "", "seconds that a reply may take", 1, 3600, true}, c.ai.timeout);

  f(Setting{"log.level", "--log-level", "debug, info, warning or error", 0, 0, true}, c.log.level);
}

}  // namespace qflow::config
