// A user as the API shows it: never the password hash. Any thread.
#pragma once
#include <boost/json/object.hpp>

#include "daemon/store/user_rows.hpp"

namespace qflow::api {

/// {id, email, firstName, lastName, role, isOwner, isActive, createdAt, updatedAt}
boost::json::object user_view(const store::User& user);

}  // namespace qflow::api
