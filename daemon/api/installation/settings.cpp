#include "daemon/api/installation/settings.hpp"

#include "daemon/services/stored_settings.hpp"

namespace qflow::api {
Task<Reply> get_settings(Services& services, const Request&) {
  co_return Reply::of(services::settings_document(*services.settings.get()));
}

Task<Reply> update_settings(Services& services, const Request& request) {
  const json::object change = request.json_object();
  const services::Actor actor = actor_of(request);
  const workers::Settings next = co_await services::change_settings(services, actor, change);
  co_return Reply::of(services::settings_document(next));
}

}  // namespace qflow::api
