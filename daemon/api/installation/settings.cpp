#include "daemon/api/installation/settings.hpp"

#include <fmt/format.h>

#include "daemon/base/members.hpp"
#include "daemon/services/stored_settings.hpp"
#include "daemon/store/asset_rows.hpp"

namespace qflow::api {
Task<Reply> get_settings(Services& services, const Request&) {
  co_return Reply::of(services::settings_document(*services.settings.get()));
}

Task<Reply> update_settings(Services& services, const Request& request) {
  const json::object change = request.json_object();
  const workers::Settings next = co_await services::change_settings(services, change);
  const json::object whole = services::settings_document(next);
  audit(services, actor_of(request), "settings.changed", "limits", whole);
  co_return Reply::of(whole);
}

}  // namespace qflow::api
