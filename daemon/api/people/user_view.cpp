#include "daemon/api/people/user_view.hpp"

#include "daemon/base/time.hpp"

namespace qflow::api {
namespace json = boost::json;

json::object user_view(const store::User& u) {
  return {{"id", u.id},
          {"email", u.email},
          {"firstName", u.first_name},
          {"lastName", u.last_name},
          {"role", u.role},
          {"isOwner", u.role == "owner"},
          {"isActive", u.is_active},
          {"createdAt", iso_time(u.created_at)},
          {"updatedAt", iso_time(u.updated_at)}};
}

}  // namespace qflow::api
