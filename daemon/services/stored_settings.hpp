// The limits that an admin has changed while the server runs. Kept in the database; never more than the configuration
// allows.
#pragma once
#include "daemon/services/audit.hpp"
#include "daemon/services/services.hpp"
#include "daemon/store/sqlite.hpp"

namespace qflow::services {

/// {python: {default_version, available_versions}, containers: {max_memory, max_cpu, timeout}}: as stored and shown.
json::object settings_document(const workers::Settings& settings);
/// `configured` with the stored changes, as far as the configuration still allows them.
workers::Settings with_stored_settings(sqlite::Db& db, const workers::Settings& configured);
/// Takes the members of `change`, stores the result, audits it and has the pool adopt it: the next executions get the
/// new limits. Throws Fault(bad_input) that names every member that cannot be.
Task<workers::Settings> change_settings(Services& services, const Actor& actor, const json::object& change);

}  // namespace qflow::services
