// Every handler, by the file it is in. Each decodes, calls the store or the engine, and replies; the route table has
// settled who may call.
#pragma once
#include "daemon/api/services.hpp"

namespace qflow::api {

// session.cpp
Task<Reply> login(Services&, const Request&);
Task<Reply> logout(Services&, const Request&);
Task<Reply> get_session(Services&, const Request&);
Task<Reply> create_session(Services&, const Request&);
Task<Reply> delete_session(Services&, const Request&);
Task<Reply> get_me(Services&, const Request&);

// users.cpp
Task<Reply> list_users(Services&, const Request&);
Task<Reply> create_user(Services&, const Request&);
Task<Reply> get_user(Services&, const Request&);
Task<Reply> update_user(Services&, const Request&);
Task<Reply> delete_user(Services&, const Request&);
Task<Reply> get_user_settings(Services&, const Request&);
Task<Reply> update_user_settings(Services&, const Request&);

// keys.cpp
Task<Reply> list_api_keys(Services&, const Request&);
Task<Reply> create_api_key(Services&, const Request&);
Task<Reply> delete_api_key(Services&, const Request&);
Task<Reply> list_audit(Services&, const Request&);

// workflows.cpp
Task<Reply> list_workflows(Services&, const Request&);
Task<Reply> create_workflow(Services&, const Request&);
Task<Reply> new_workflow(Services&, const Request&);
Task<Reply> get_workflow(Services&, const Request&);
Task<Reply> update_workflow(Services&, const Request&);
Task<Reply> delete_workflow(Services&, const Request&);
Task<Reply> activate_workflow(Services&, const Request&);
Task<Reply> deactivate_workflow(Services&, const Request&);
Task<Reply> list_active_workflows(Services&, const Request&);
Task<Reply> execute_workflow(Services&, const Request&);

// versions.cpp
Task<Reply> list_workflow_versions(Services&, const Request&);
Task<Reply> get_workflow_version(Services&, const Request&);
Task<Reply> restore_workflow_version(Services&, const Request&);
Task<Reply> list_templates(Services&, const Request&);
Task<Reply> get_template(Services&, const Request&);
Task<Reply> import_template(Services&, const Request&);

// tags.cpp
Task<Reply> list_workflow_tags(Services&, const Request&);
Task<Reply> create_workflow_tag(Services&, const Request&);
Task<Reply> update_workflow_tag(Services&, const Request&);
Task<Reply> delete_workflow_tag(Services&, const Request&);
Task<Reply> list_node_tags(Services&, const Request&);
Task<Reply> create_node_tag(Services&, const Request&);
Task<Reply> update_node_tag(Services&, const Request&);
Task<Reply> delete_node_tag(Services&, const Request&);

// folders.cpp
Task<Reply> list_folders(Services&, const Request&);
Task<Reply> create_folder(Services&, const Request&);
Task<Reply> get_folder(Services&, const Request&);
Task<Reply> update_folder(Services&, const Request&);
Task<Reply> delete_folder(Services&, const Request&);
Task<Reply> get_folder_tree(Services&, const Request&);
Task<Reply> get_folder_content(Services&, const Request&);
Task<Reply> get_folder_credentials(Services&, const Request&);

// executions.cpp
Task<Reply> list_executions(Services&, const Request&);
Task<Reply> list_active_executions(Services&, const Request&);
Task<Reply> get_execution(Services&, const Request&);
Task<Reply> get_execution_data(Services&, const Request&);
Task<Reply> delete_execution(Services&, const Request&);
Task<Reply> stop_execution(Services&, const Request&);

// credentials.cpp
Task<Reply> list_credentials(Services&, const Request&);
Task<Reply> create_credential(Services&, const Request&);
Task<Reply> get_credential(Services&, const Request&);
Task<Reply> update_credential(Services&, const Request&);
Task<Reply> delete_credential(Services&, const Request&);
Task<Reply> list_credential_types(Services&, const Request&);
Task<Reply> get_credential_type(Services&, const Request&);

// validation.cpp
Task<Reply> validate_workflow(Services&, const Request&);
Task<Reply> validate_stored_workflow(Services&, const Request&);
Task<Reply> compatible_nodes(Services&, const Request&);

// nodes.cpp
Task<Reply> execute_node(Services&, const Request&);
Task<Reply> validate_node(Services&, const Request&);

// library.cpp
Task<Reply> list_nodes(Services&, const Request&);
Task<Reply> create_node(Services&, const Request&);
Task<Reply> get_node(Services&, const Request&);
Task<Reply> get_node_description(Services&, const Request&);
Task<Reply> update_node(Services&, const Request&);
Task<Reply> delete_node(Services&, const Request&);
Task<Reply> list_node_versions(Services&, const Request&);
Task<Reply> get_node_version(Services&, const Request&);
Task<Reply> test_node(Services&, const Request&);

// types.cpp
Task<Reply> list_types(Services&, const Request&);
Task<Reply> create_type(Services&, const Request&);
Task<Reply> get_type(Services&, const Request&);
Task<Reply> update_type(Services&, const Request&);
Task<Reply> delete_type(Services&, const Request&);
Task<Reply> get_type_matrix(Services&, const Request&);
Task<Reply> check_types(Services&, const Request&);
Task<Reply> convert_type(Services&, const Request&);
Task<Reply> compatible_types(Services&, const Request&);
Task<Reply> supported_types(Services&, const Request&);

// containers.cpp
Task<Reply> list_containers(Services&, const Request&);
Task<Reply> create_container(Services&, const Request&);
Task<Reply> get_container(Services&, const Request&);
Task<Reply> delete_container(Services&, const Request&);
Task<Reply> get_container_resources(Services&, const Request&);
Task<Reply> get_container_logs(Services&, const Request&);
Task<Reply> list_dependencies(Services&, const Request&);
Task<Reply> install_dependencies(Services&, const Request&);
Task<Reply> delete_dependency(Services&, const Request&);

// files.cpp
Task<Reply> upload_file(Services&, const Request&);
Task<Reply> list_files(Services&, const Request&);
Task<Reply> get_file(Services&, const Request&);
Task<Reply> get_file_metadata(Services&, const Request&);
Task<Reply> get_file_accesses(Services&, const Request&);
Task<Reply> delete_file(Services&, const Request&);

// settings.cpp
Task<Reply> get_settings(Services&, const Request&);
Task<Reply> update_settings(Services&, const Request&);

// webhooks.cpp
Task<Reply> list_webhooks(Services&, const Request&);
Task<Reply> create_webhook(Services&, const Request&);
Task<Reply> get_webhook(Services&, const Request&);
Task<Reply> delete_webhook(Services&, const Request&);
Task<Reply> call_webhook(Services&, const Request&);

// ai.cpp
Task<Reply> ai_generate(Services&, const Request&);
Task<Reply> ai_explain(Services&, const Request&);
Task<Reply> ai_optimize(Services&, const Request&);

// usage.cpp
Task<Reply> get_usage(Services&, const Request&);
Task<Reply> get_workflow_usage(Services&, const Request&);
Task<Reply> get_execution_usage(Services&, const Request&);
Task<Reply> get_performance(Services&, const Request&);
Task<Reply> get_errors(Services&, const Request&);

// health.cpp
Task<Reply> health(Services&, const Request&);
Task<Reply> health_check(Services&, const Request&);
Task<Reply> metrics(Services&, const Request&);
Task<Reply> openapi(Services&, const Request&);

}  // namespace qflow::api
