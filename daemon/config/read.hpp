// Reading the configuration file and the environment. Called at start and on SIGHUP; throws Fault(bad_input).
#pragma once
#include <map>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"

namespace qflow::config {

/// The file to read when none is named: $QFLOW_CONFIG, qflow/qflow.toml in $XDG_CONFIG_HOME or ~/.config, or
/// /etc/qflow/qflow.toml; empty when there is none.
std::string default_file();

/// Reads the settings of a file into `config`. Throws one Fault that lists every problem as "FILE:LINE: KEY: reason".
void read_file(const std::string& path, Config& config);
/// The same for TOML text; messages call it `name`.
void read_text(const std::string& text, const std::string& name, Config& config);
/// Reads QFLOW_… variables into `config`; lists are separated by commas.
void read_environment(Config& config);
/// Settings from the command line: key → values.
using Overrides = std::map<std::string, std::vector<std::string>>;
void apply(const Overrides& overrides, Config& config);
/// Checks what ranges and types do not: levels, addresses, origins. Throws Fault that names the setting.
void check(const Config& config);
/// The whole configuration as TOML, each setting with its meaning.
std::string to_toml(const Config& config);
/// Copies the settings that SIGHUP may change into `running`.
void take_reloadable(const Config& wanted, Config& running);
/// Keys whose values differ and that need a restart to change.
std::vector<std::string> needs_restart(const Config& running, const Config& wanted);

}  // namespace qflow::config
