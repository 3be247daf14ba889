// The limits that PATCH /settings has left.
#pragma once
#include "daemon/store/sqlite.hpp"
#include "daemon/workers/settings.hpp"

namespace qflow::api {

/// `configured` with what is stored in the database, as far as the configuration still allows it.
workers::Settings with_stored_settings(sqlite::Db& db, const workers::Settings& configured);

}  // namespace qflow::api
