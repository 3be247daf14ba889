// Everything an installation can be told, in one value: defaults, then the TOML file, then the environment, then flags.
// Made once at start and again on SIGHUP. Plain value.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace qflow::config {

struct Server {
  std::string listen = "127.0.0.1:8000";
  std::vector<std::string> hosts;            ///< names that requests may address, beside those of the listening address
  std::vector<std::string> cors_origins;     ///< "https://editor.example"
  std::vector<std::string> trusted_proxies;  ///< addresses whose X-Forwarded-For is believed
  bool secure_cookies = false;
  std::uint64_t max_body_mib = 16;
  std::uint64_t max_connections = 10'000;
  std::uint64_t max_sockets = 4'000;
  double drain_seconds = 10;
};

struct Auth {
  double session_hours = 168;
  bool rate_limits = true;
  std::uint64_t requests_per_hour = 1000;
  std::uint64_t executions_per_hour = 100;
  std::uint64_t containers_per_hour = 50;
  std::uint64_t webhooks_per_hour = 1000;
  std::string key_file;  ///< empty: secret.key in the data directory
};

struct Python {
  std::string pyhost_dir;
  std::string default_version;  ///< empty: the newest
};

/// What nodes get. All of it can be made smaller by a workflow.
struct Sandbox {
  std::uint64_t min_isolation = 2;
  double timeout = 30;  ///< seconds a node
  double max_timeout = 3600;
  std::uint64_t memory_mib = 512;
  double cpu = 0.5;            ///< processors of one execution
  std::uint64_t tmp_mib = 64;  ///< each of /tmp, /dev/shm and /node
  std::uint64_t processes = 64;
  std::uint64_t output_kib = 1024;  ///< kept of each stream of each node
  bool allow_network = false;       ///< what workflows may ask for beyond the default
  bool allow_programs = false;
  std::vector<std::string> share;  ///< directories shown to every node, read-only
};

struct Engine {
  std::uint64_t max_running = 0;  ///< 0: four for each core, at least eight
  std::uint64_t max_waiting = 10'000;
};

struct Files {
  std::uint64_t max_upload_mib = 64;
  double temporary_hours = 24;  ///< life of a file that was uploaded as temporary
};

/// Days that records are kept; 0: for ever.
struct Retention {
  double executions_days = 30;
  double metrics_days = 90;
  double audit_days = 365;
  std::uint64_t workflow_versions = 100;  ///< of each workflow
  double every_minutes = 60;
};

struct Ai {
  std::string url;  ///< of an OpenAI-compatible server: "http://127.0.0.1:11434/v1"
  std::string model;
  std::string key_file;  ///< its API key; empty: none is sent
  double timeout = 120;
};

struct Log {
  std::string level = "info";
};

struct Config {
  std::string data_dir;  ///< empty: see cli::default_data_dir()
  Server server;
  Auth auth;
  Python python;
  Sandbox sandbox;
  Engine engine;
  Files files;
  Retention retention;
  Ai ai;
  Log log;
};

/// What is said of a setting beside its value.
struct Setting {
  const char* key;   ///< "server.listen": table and name in the file, QFLOW_SERVER_LISTEN in the environment
  const char* flag;  ///< on the command line; empty: only there
  const char* help;
  double least = 0, most = 1e12;  ///< of numbers
  bool reload = false;            ///< SIGHUP changes it in a running server
};

/// Calls `f(Setting, value&)` for every setting: the one list that the file, the environment, the flags, `config check`
/// and the documentation are made from.
template <class C, class F>
void for_each_setting(C& c, F&& f) {
  f(Setting{"data_dir", "--data-dir", "where records, files and the key are kept"}, c.data_dir);

  f(Setting{"server.listen", "--listen", "HOST:PORT; port 0 takes any"}, c.server.listen);
  f(Setting{"server.hosts", "--host", "a further host name that requests may address"}, c.server.hosts);
  f(Setting{"server.cors_origins", "--cors-origin", "an origin whose pages may call, e.g. https://editor.example", 0, 0,
            true},
    c.server.cors_origins);
  f(Setting{"server.trusted_proxies", "--trusted-proxy", "an address whose X-Forwarded-For is believed", 0, 0, true},
    c.server.trusted_proxies);
  f(Setting{"server.secure_cookies", "--secure-cookies",
            "send the session's cookie over https only (behind a TLS proxy)"},
    c.server.secure_cookies);
  f(Setting{"server.max_body_mib", "--max-body", "MiB of a request's body", 1, 1024}, c.server.max_body_mib);
  f(Setting{"server.max_connections", "--max-connections", "connections at a time", 16, 1e6}, c.server.max_connections);
  f(Setting{"server.max_sockets", "--max-sockets", "WebSockets at a time", 1, 1e6}, c.server.max_sockets);
  f(Setting{"server.drain_seconds", "--drain", "seconds that running executions get when the server is stopped", 0,
            86400, true},
    c.server.drain_seconds);

  f(Setting{"auth.session_hours", "", "how long a sign-in lasts", 0.001, 87600, true}, c.auth.session_hours);
  f(Setting{"auth.rate_limits", "--rate-limits", "count requests and refuse too many", 0, 0, true}, c.auth.rate_limits);
  f(Setting{"auth.requests_per_hour", "", "requests of one client; 0: no limit", 0, 1e12, true},
    c.auth.requests_per_hour);
  f(Setting{"auth.executions_per_hour", "", "executions that one client starts; 0: no limit", 0, 1e12, true},
    c.auth.executions_per_hour);
  f(Setting{"auth.containers_per_hour", "", "operations on containers of one client; 0: no limit", 0, 1e12, true},
    c.auth.containers_per_hour);
  f(Setting{"auth.webhooks_per_hour", "", "calls of one webhook; 0: no limit", 0, 1e12, true},
    c.auth.webhooks_per_hour);
  f(Setting{"auth.key_file", "--key-file",
            "the key that opens stored credentials (default: secret.key in the data directory)"},
    c.auth.key_file);

  f(Setting{"python.pyhost_dir", "--pyhost-dir", "where the pyhost-X.Y executables are (default: beside qflow)"},
    c.python.pyhost_dir);
  f(Setting{"python.default_version", "--default-python", "for workflows that name none (default: the newest)"},
    c.python.default_version);

  f(Setting{"sandbox.min_isolation", "--min-isolation", "refuse to run code when this host gives less: 3, 2, 1 or 0", 0,
            3},
    c.sandbox.min_isolation);
  f(Setting{"sandbox.timeout", "--timeout", "seconds that a node may take unless it says otherwise", 0.001, 86400},
    c.sandbox.timeout);
  f(Setting{"sandbox.max_timeout", "--max-timeout", "seconds that a node may ask for", 0.001, 864000},
    c.sandbox.max_timeout);
  f(Setting{"sandbox.memory_mib", "--memory", "MiB that the processes of one execution may hold", 64, 1 << 20},
    c.sandbox.memory_mib);
  f(Setting{"sandbox.cpu", "--cpu", "processors that one execution may use, e.g. 0.5", 0.01, 1024}, c.sandbox.cpu);
  f(Setting{"sandbox.tmp_mib", "--tmp", "MiB of each of a sandbox's /tmp, /dev/shm and /node", 1, 1 << 20},
    c.sandbox.tmp_mib);
  f(Setting{"sandbox.processes", "--processes", "processes and threads of one execution", 1, 32768},
    c.sandbox.processes);
  f(Setting{"sandbox.output_kib", "--output", "KiB kept of each stream of each node", 1, 1 << 20},
    c.sandbox.output_kib);
  f(Setting{"sandbox.allow_network", "--allow-network",
            "let workflows ask for the host's network (sandbox.network: \"host\")"},
    c.sandbox.allow_network);
  f(Setting{"sandbox.allow_programs", "--allow-programs",
            "let workflows ask to start programs (sandbox.programs: true)"},
    c.sandbox.allow_programs);
  f(Setting{"sandbox.share", "--share", "a directory that every node may read, at the same path"}, c.sandbox.share);

  f(Setting{"engine.max_running", "--max-running",
            "executions at a time; the others wait (default: four for each core, at least eight)", 0, 100000},
    c.engine.max_running);
  f(Setting{"engine.max_waiting", "--max-waiting", "executions that may wait; more are refused (503)", 1, 1e7},
    c.engine.max_waiting);

  f(Setting{"files.max_upload_mib", "--max-upload", "MiB of an uploaded file", 1, 1024}, c.files.max_upload_mib);
  f(Setting{"files.temporary_hours", "", "life of a file uploaded as temporary", 0.001, 87600, true},
    c.files.temporary_hours);

  f(Setting{"retention.executions_days", "", "days that finished executions are kept; 0: for ever", 0, 36500, true},
    c.retention.executions_days);
  f(Setting{"retention.metrics_days", "", "days that metrics and errors are kept; 0: for ever", 0, 36500, true},
    c.retention.metrics_days);
  f(Setting{"retention.audit_days", "", "days that the audit log is kept; 0: for ever", 0, 36500, true},
    c.retention.audit_days);
  f(Setting{"retention.workflow_versions", "", "versions of each workflow that are kept", 1, 1e9, true},
    c.retention.workflow_versions);
  f(Setting{"retention.every_minutes", "", "how often the store is tidied", 0.001, 10080, true},
    c.retention.every_minutes);

  f(Setting{"ai.url", "--ai-url", "an OpenAI-compatible server for /ai/generate, e.g. http://127.0.0.1:11434/v1", 0, 0,
            true},
    c.ai.url);
  f(Setting{"ai.model", "--ai-model", "the model it is asked for", 0, 0, true}, c.ai.model);
  f(Setting{"ai.key_file", "", "a file with its API key", 0, 0, true}, c.ai.key_file);
  f(Setting{"ai.timeout", "", "seconds that it may take", 1, 3600, true}, c.ai.timeout);

  f(Setting{"log.level", "--log-level", "debug, info, warning or error", 0, 0, true}, c.log.level);
}

}  // namespace qflow::config
