#include "daemon/api/people/users.hpp"

#include <set>

#include "daemon/api/filter.hpp"
#include "daemon/api/people/user_view.hpp"
#include "daemon/base/members.hpp"
#include "daemon/services/people.hpp"
#include "daemon/services/workflow_document.hpp"

namespace qflow::api {
namespace {

using auth::Role;

std::optional<Role> role_in(Body& body) {
  const auto text = body.text("role");
  if (!text) return std::nullopt;
  const auto role = auth::role_of(*text);
  if (!role) body.problem("/role", "expected owner, admin or user");
  return role;
}

// What passes to the owner with a user who is deleted; workflows are deactivated.
json::object view(const store::Belongings& b) {
  return {{"workflows", b.workflows}, {"deactivated_workflows", b.active_workflows},
          {"nodes", b.nodes},         {"credentials", b.credentials},
          {"webhooks", b.webhooks},   {"containers", b.environments},
          {"files", b.files}};
}

}  // namespace

Task<Reply> list_users(Services& services, const Request& request) {
  store::UserQuery query;
  query.skip = request.integer("skip", 0, 0, 1'000'000'000);
  query.take = request.integer("take", request.integer("limit", 50, 1, 250), -1, 250);
  if (query.take < 0) query.take = 250;
  const Filter filter(request, "filter");
  for (const char* name : {"fullText", "email"})
    if (auto text = filter.text(name)) query.text = std::move(*text);
  if (const auto role = filter.text("role")) {
    const auto known = auth::role_of(*role);
    if (!known) throw Fault(FaultKind::bad_input, "invalid_query", "filter.role: expected owner, admin or user");
    query.role = std::string(auth::word(*known));
  }
  query.sort = request.text("sortBy").value_or("");
  static const std::set<std::string> kSorts{"", "email:asc", "email:desc", "createdAt:asc", "createdAt:desc"};
  if (kSorts.count(query.sort) == 0)
    throw Fault(FaultKind::bad_input, "invalid_query", "sortBy: expected email or createdAt, with :asc or :desc");
  const services::UserPage page = co_await services::list_users(services, std::move(query));
  json::array items;
  for (const auto& user : page.rows) items.push_back(user_view(user));
  co_return Reply::of(json::object{{"count", page.count}, {"items", std::move(items)}});
}

Task<Reply> create_user(Services& services, const Request& request) {
  Body body(request.json_object());
  const std::string token = body.text("setupToken").value_or(std::string(request.header("x-setup-token")));
  std::function<services::NewUser()> read = [&body] {
    services::NewUser wanted;
    wanted.email = body.required("email", 320);
    wanted.first_name = body.line("firstName", 200).value_or("");
    wanted.last_name = body.line("lastName", 200).value_or("");
    wanted.password = body.required("password", 1024);
    wanted.role = role_in(body).value_or(Role::user);
    body.check();
    return wanted;
  };
  const services::Actor actor = actor_of(request);
  const store::User user = co_await services::create_user(services, *request.caller, actor, token, std::move(read));
  co_return Reply::of(201, user_view(user));
}

Task<Reply> get_user(Services& services, const Request& request) {
  const store::User user = co_await services::find_user(services, *request.caller, request.parameter("id"));
  co_return Reply::of(user_view(user));
}

Task<Reply> update_user(Services& services, const Request& request) {
  Body body(request.json_object());
  services::UserChange change;
  if (body.has("email")) change.email = body.required("email", 320);
  change.first_name = body.line("firstName", 200);
  change.last_name = body.line("lastName", 200);
  change.role = role_in(body);
  change.active = body.flag("isActive");
  change.password = body.text("password", 1024);
  change.current_password = body.text("currentPassword", 1024).value_or("");
  body.check();
  const services::Actor actor = actor_of(request);
  const store::User user =
      co_await services::change_user(services, *request.caller, actor, request.parameter("id"), std::move(change));
  co_return Reply::of(user_view(user));
}

Task<Reply> delete_user(Services& services, const Request& request) {
  const bool preview = request.flag("preview").value_or(false);
  const std::string id = request.parameter("id");
  const services::Actor actor = actor_of(request);
  store::Belongings what;
  if (preview) what = co_await services::preview_deletion(services, *request.caller, id);
  else what = co_await services::delete_user(services, *request.caller, actor, id);
  co_return Reply::of(json::object{{"success", true}, {"preview", preview}, {"passes_on", view(what)}});
}

Task<Reply> get_user_settings(Services& services, const Request& request) {
  const store::User user = co_await services::find_user(services, *request.caller, request.parameter("id"));
  co_return Reply::of(services::stored_json(user.settings));
}

Task<Reply> update_user_settings(Services& services, const Request& request) {
  json::object changes = request.json_object();
  const json::object settings =
      co_await services::change_user_settings(services, *request.caller, request.parameter("id"), std::move(changes));
  co_return Reply::of(settings);
}

}  // namespace qflow::api
