// Brings a database up to this release's schema. Writer's connection, before its thread starts.
#pragma once
#include "daemon/store/sqlite.hpp"

namespace qflow::store {

/// Applies the missing files of schema/migrations in order, each in a transaction. Throws Fault when the database comes
/// from a newer release, sqlite::Error when a step fails (which is then undone).
void migrate(sqlite::Db& db);

}  // namespace qflow::store
