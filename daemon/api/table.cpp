#include "daemon/api/table.hpp"

#include "daemon/api/executions/executions.hpp"
#include "daemon/api/executions/webhooks.hpp"
#include "daemon/api/installation/containers.hpp"
#include "daemon/api/installation/credentials.hpp"
#include "daemon/api/installation/files.hpp"
#include "daemon/api/installation/health.hpp"
#include "daemon/api/installation/pages.hpp"
#include "daemon/api/installation/settings.hpp"
#include "daemon/api/installation/usage.hpp"
#include "daemon/api/nodes/compatible_nodes.hpp"
#include "daemon/api/nodes/library.hpp"
#include "daemon/api/nodes/node_code.hpp"
#include "daemon/api/nodes/types.hpp"
#include "daemon/api/people/keys.hpp"
#include "daemon/api/people/session.hpp"
#include "daemon/api/people/users.hpp"
#include "daemon/api/workflows/ai.hpp"
#include "daemon/api/workflows/folders.hpp"
#include "daemon/api/workflows/state.hpp"
#include "daemon/api/workflows/tags.hpp"
#include "daemon/api/workflows/validation.hpp"
#include "daemon/api/workflows/versions.hpp"
#include "daemon/api/workflows/workflows.hpp"

namespace qflow::api {
namespace {

using enum http::Access;
using enum auth::Rate;
using http::BodySize;
using store::kExecutions;
using store::kLibrary;
using store::kWorkflows;

// A line is a route: method, path, who may call, the scope that a key must reach, how calls are counted, the
// operation's name; who answers, and the parts of the store that a remembered reply depends on.
// clang-format off
constexpr gate::Route kRoutes[] = {
    // Who
    {{"GET", "/me", user, "users:read", standard, "getMe"}, get_me},
    {{"GET", "/users/me", user, "users:read", standard, "getUserMe"}, get_me},
    {{"POST", "/login", open, "", standard, "login"}, login},
    {{"POST", "/logout", user, "", standard, "logout"}, logout},
    {{"GET", "/session", user, "users:read", standard, "getSession"}, get_session},
    {{"POST", "/session", open, "", standard, "createSession"}, create_session},
    {{"DELETE", "/session", user, "", standard, "deleteSession"}, delete_session},
    {{"GET", "/users", admin, "users:read", standard, "listUsers"}, list_users},
    {{"POST", "/users", open, "users:write", standard, "createUser"}, create_user},
    {{"GET", "/users/{id}", user, "users:read", standard, "getUser"}, get_user},
    {{"PATCH", "/users/{id}", user, "users:write", standard, "updateUser"}, update_user},
    {{"DELETE", "/users/{id}", admin, "users:write", standard, "deleteUser"}, delete_user},
    {{"GET", "/users/{id}/settings", user, "users:read", standard, "getUserSettings"}, get_user_settings},
    {{"PATCH", "/users/{id}/settings", user, "users:write", standard, "updateUserSettings"}, update_user_settings},
    {{"GET", "/api-keys", user, "keys:read", standard, "listApiKeys"}, list_api_keys},
    {{"POST", "/api-keys", user, "keys:write", standard, "createApiKey"}, create_api_key},
    {{"DELETE", "/api-keys/{id}", user, "keys:write", standard, "deleteApiKey"}, delete_api_key},
    {{"GET", "/audit", admin, "audit:read", standard, "listAudit"}, list_audit},

    // Workflows
    {{"GET", "/workflows", user, "workflows:read", standard, "listWorkflows"}, list_workflows, kWorkflows},
    {{"POST", "/workflows", user, "workflows:write", standard, "createWorkflow"}, create_workflow},
    {{"GET", "/workflows/new", user, "workflows:read", standard, "newWorkflow"}, new_workflow},
    {{"GET", "/workflows/{id}", user, "workflows:read", standard, "getWorkflow"}, get_workflow, kWorkflows},
    {{"PATCH", "/workflows/{id}", user, "workflows:write", standard, "updateWorkflow"}, update_workflow},
    {{"DELETE", "/workflows/{id}", user, "workflows:write", standard, "deleteWorkflow"}, delete_workflow},
    {{"POST", "/workflows/{id}/activate", user, "workflows:write", standard, "activateWorkflow"}, activate_workflow},
    {{"POST", "/workflows/{id}/deactivate", user, "workflows:write", standard, "deactivateWorkflow"}, deactivate_workflow},
    {{"POST", "/workflows/{id}/execute", user, "workflows:execute", executions, "executeWorkflow"}, execute_workflow},
    {{"GET", "/active-workflows", user, "workflows:read", standard, "listActiveWorkflows"}, list_active_workflows, kWorkflows},
    {{"POST", "/workflows/validate", user, "nodes:execute", standard, "validateWorkflow"}, validate_workflow},
    {{"POST", "/workflows/{id}/validate", user, "nodes:execute", standard, "validateStoredWorkflow"}, validate_stored_workflow},
    {{"GET", "/workflows/{id}/state", user, "workflows:read", standard, "getWorkflowState"}, get_workflow_state},
    {{"PUT", "/workflows/{id}/state", user, "workflows:write", standard, "setWorkflowState"}, set_workflow_state},
    {{"GET", "/workflows/{id}/versions", user, "workflows:read", standard, "listWorkflowVersions"}, list_workflow_versions},
    {{"GET", "/workflows/{id}/versions/{version}", user, "workflows:read", standard, "getWorkflowVersion"}, get_workflow_version},
    {{"POST", "/workflows/{id}/versions/{version}/restore", user, "workflows:write", standard, "restoreWorkflowVersion"}, restore_workflow_version},
    {{"GET", "/tags", user, "workflows:read", standard, "listWorkflowTags"}, list_workflow_tags, kWorkflows},
    {{"POST", "/tags", user, "workflows:write", standard, "createWorkflowTag"}, create_workflow_tag},
    {{"PATCH", "/tags/{id}", user, "workflows:write", standard, "updateWorkflowTag"}, update_workflow_tag},
    {{"DELETE", "/tags/{id}", user, "workflows:write", standard, "deleteWorkflowTag"}, delete_workflow_tag},
    {{"GET", "/templates", user, "workflows:read", standard, "listTemplates"}, list_templates, kWorkflows},
    {{"GET", "/templates/{id}", user, "workflows:read", standard, "getTemplate"}, get_template},
    {{"POST", "/templates/{id}/import", user, "workflows:write", standard, "importTemplate"}, import_template},

    // Folders
    {{"GET", "/projects/{projectId}/folders", user, "workflows:read", standard, "listFolders"}, list_folders},
    {{"POST", "/projects/{projectId}/folders", user, "workflows:write", standard, "createFolder"}, create_folder},
    {{"GET", "/projects/{projectId}/folders/{folderId}", user, "workflows:read", standard, "getFolder"}, get_folder},
    {{"PATCH", "/projects/{projectId}/folders/{folderId}", user, "workflows:write", standard, "updateFolder"}, update_folder},
    {{"DELETE", "/projects/{projectId}/folders/{folderId}", user, "workflows:write", standard, "deleteFolder"}, delete_folder},
    {{"GET", "/projects/{projectId}/folders/{folderId}/tree", user, "workflows:read", standard, "getFolderTree"}, get_folder_tree},
    {{"GET", "/projects/{projectId}/folders/{folderId}/content", user, "workflows:read", standard, "getFolderContent"}, get_folder_content},
    {{"GET", "/projects/{projectId}/folders/{folderId}/credentials", user, "credentials:read", standard, "getFolderCredentials"}, get_folder_credentials},

    // Executions
    {{"GET", "/executions", user, "executions:read", standard, "listExecutions"}, list_executions, kExecutions},
    {{"GET", "/executions/active", user, "executions:read", standard, "listActiveExecutions"}, list_active_executions, kExecutions},
    {{"GET", "/executions/{id}", user, "executions:read", standard, "getExecution"}, get_execution, kExecutions},
    {{"GET", "/executions/{id}/data", user, "executions:read", standard, "getExecutionData"}, get_execution_data, kExecutions},
    {{"GET", "/executions/{id}/workflow", user, "executions:read", standard, "getExecutionWorkflow"}, get_execution_workflow},
    {{"GET", "/executions/{id}/report", user, "executions:read", standard, "getExecutionReport"}, get_execution_report},
    {{"DELETE", "/executions/{id}", user, "executions:write", standard, "deleteExecution"}, delete_execution},
    {{"POST", "/executions/{id}/retry", user, "workflows:execute", executions, "retryExecution"}, retry_execution},
    {{"POST", "/executions/{id}/resume", user, "workflows:execute", executions, "resumeExecution"}, resume_execution},
    {{"POST", "/executions/{id}/stop", user, "executions:write", standard, "stopExecution"}, stop_execution},

    // Credentials
    {{"GET", "/credentials", user, "credentials:read", standard, "listCredentials"}, list_credentials},
    {{"POST", "/credentials", user, "credentials:write", standard, "createCredential"}, create_credential},
    {{"GET", "/credentials/types", user, "credentials:read", standard, "listCredentialTypes"}, list_credential_types},
    {{"GET", "/credentials/types/{type}", user, "credentials:read", standard, "getCredentialType"}, get_credential_type},
    {{"GET", "/credentials/{id}", user, "credentials:read", standard, "getCredential"}, get_credential},
    {{"PATCH", "/credentials/{id}", user, "credentials:write", standard, "updateCredential"}, update_credential},
    {{"DELETE", "/credentials/{id}", user, "credentials:write", standard, "deleteCredential"}, delete_credential},

    // Nodes
    {{"GET", "/nodes", user, "nodes:read", standard, "listNodes"}, list_nodes},
    {{"POST", "/nodes", user, "nodes:write", standard, "createNode"}, create_node},
    {{"GET", "/nodes/tags", user, "nodes:read", standard, "listNodeTags"}, list_node_tags},
    {{"POST", "/nodes/tags", user, "nodes:write", standard, "createNodeTag"}, create_node_tag},
    {{"PATCH", "/nodes/tags/{id}", user, "nodes:write", standard, "updateNodeTag"}, update_node_tag},
    {{"DELETE", "/nodes/tags/{id}", user, "nodes:write", standard, "deleteNodeTag"}, delete_node_tag},
    {{"POST", "/nodes/python/validate", user, "nodes:execute", standard, "validateNode"}, validate_node},
    {{"POST", "/nodes/python/execute", user, "nodes:execute", executions, "executeNode"}, execute_node},
    {{"GET", "/nodes/python/types", user, "types:read", standard, "listPythonTypes"}, supported_types},
    {{"POST", "/nodes/python/types/validate", user, "types:read", standard, "validatePythonTypes"}, check_types},
    {{"GET", "/nodes/compatible", user, "nodes:read", standard, "listCompatibleNodes"}, compatible_nodes},
    {{"GET", "/nodes/{id}", user, "nodes:read", standard, "getNode"}, get_node},
    {{"GET", "/nodes/{id}/description", user, "nodes:read", standard, "getNodeDescription"}, get_node_description},
    {{"PATCH", "/nodes/{id}", user, "nodes:write", standard, "updateNode"}, update_node},
    {{"DELETE", "/nodes/{id}", user, "nodes:write", standard, "deleteNode"}, delete_node},
    {{"GET", "/nodes/{id}/versions", user, "nodes:read", standard, "listNodeVersions"}, list_node_versions},
    {{"GET", "/nodes/{id}/versions/{version}", user, "nodes:read", standard, "getNodeVersion"}, get_node_version},
    {{"POST", "/nodes/{id}/test", user, "nodes:execute", executions, "testNode"}, test_node},

    // Types
    {{"GET", "/types", user, "types:read", standard, "listTypes"}, list_types, kLibrary},
    {{"POST", "/types", user, "types:write", standard, "createType"}, create_type},
    {{"GET", "/types/compatibility", user, "types:read", standard, "getTypeMatrix"}, get_type_matrix, kLibrary},
    {{"POST", "/types/compatibility/check", user, "types:read", standard, "checkTypes"}, check_types},
    {{"POST", "/types/conversion", user, "types:read", standard, "convertType"}, convert_type},
    {{"GET", "/types/{id}", user, "types:read", standard, "getType"}, get_type, kLibrary},
    {{"PATCH", "/types/{id}", user, "types:write", standard, "updateType"}, update_type},
    {{"DELETE", "/types/{id}", user, "types:write", standard, "deleteType"}, delete_type},
    {{"POST", "/api/type-validation/validate-types", user, "types:read", standard, "validateTypes"}, check_types},
    {{"POST", "/api/type-validation/validate-connection", user, "types:read", standard, "validateConnection"}, check_types},
    {{"GET", "/api/type-validation/compatible-types/{type}", user, "types:read", standard, "compatibleTypes"}, compatible_types},
    {{"GET", "/api/type-validation/supported-types", user, "types:read", standard, "supportedTypes"}, supported_types},

    // Environments
    {{"GET", "/containers", user, "containers:read", containers, "listContainers"}, list_containers},
    {{"POST", "/containers", user, "containers:write", containers, "createContainer"}, create_container},
    {{"GET", "/containers/{id}", user, "containers:read", containers, "getContainer"}, get_container},
    {{"DELETE", "/containers/{id}", user, "containers:write", containers, "deleteContainer"}, delete_container},
    {{"GET", "/containers/{id}/resources", user, "containers:read", containers, "getContainerResources"}, get_container_resources},
    {{"GET", "/containers/{id}/logs", user, "containers:read", containers, "getContainerLogs"}, get_container_logs},
    {{"GET", "/containers/{id}/dependencies", user, "containers:read", containers, "listDependencies"}, list_dependencies},
    {{"POST", "/containers/{id}/dependencies", user, "containers:write", containers, "installDependencies"}, install_dependencies},
    {{"DELETE", "/containers/{id}/dependencies/{package}", user, "containers:write", containers, "deleteDependency"}, delete_dependency},

    // Files
    {{"POST", "/files/upload", user, "files:write", standard, "uploadFile", BodySize::upload}, upload_file},
    {{"GET", "/files", user, "files:read", standard, "listFiles"}, list_files},
    {{"GET", "/files/{id}", user, "files:read", standard, "getFile"}, get_file},
    {{"GET", "/files/{id}/metadata", user, "files:read", standard, "getFileMetadata"}, get_file_metadata},
    {{"GET", "/files/{id}/accesses", user, "files:read", standard, "getFileAccesses"}, get_file_accesses},
    {{"DELETE", "/files/{id}", user, "files:write", standard, "deleteFile"}, delete_file},

    // Settings, webhooks, AI, usage
    {{"GET", "/settings", user, "settings:read", standard, "getSettings"}, get_settings},
    {{"PATCH", "/settings", admin, "settings:write", standard, "updateSettings"}, update_settings},
    {{"GET", "/webhooks", user, "webhooks:read", standard, "listWebhooks"}, list_webhooks},
    {{"POST", "/webhooks", user, "webhooks:write", standard, "createWebhook"}, create_webhook},
    {{"GET", "/webhooks/{id}", user, "webhooks:read", standard, "getWebhook"}, get_webhook},
    {{"DELETE", "/webhooks/{id}", user, "webhooks:write", standard, "deleteWebhook"}, delete_webhook},
    {{"GET", "/webhook/{path*}", open, "", webhooks, "callWebhookByGet"}, call_webhook},
    {{"POST", "/webhook/{path*}", open, "", webhooks, "callWebhookByPost"}, call_webhook},
    {{"PUT", "/webhook/{path*}", open, "", webhooks, "callWebhookByPut"}, call_webhook},
    {{"PATCH", "/webhook/{path*}", open, "", webhooks, "callWebhookByPatch"}, call_webhook},
    {{"DELETE", "/webhook/{path*}", open, "", webhooks, "callWebhookByDelete"}, call_webhook},
    {{"GET", "/resume/{id}/{token}", open, "", webhooks, "resumeByGet"}, resume_by_address},
    {{"POST", "/resume/{id}/{token}", open, "", webhooks, "resumeByPost"}, resume_by_address},
    {{"POST", "/ai/generate", user, "ai:execute", executions, "aiGenerate"}, ai_generate},
    {{"POST", "/ai/explain", user, "ai:execute", standard, "aiExplain"}, ai_explain},
    {{"POST", "/ai/optimize", user, "ai:execute", standard, "aiOptimize"}, ai_optimize},
    {{"GET", "/usage", user, "usage:read", standard, "getUsage"}, get_usage},
    {{"GET", "/usage/workflows", user, "usage:read", standard, "getWorkflowUsage"}, get_workflow_usage},
    {{"GET", "/usage/executions", user, "usage:read", standard, "getExecutionUsage"}, get_execution_usage},
    {{"GET", "/analytics/performance", user, "usage:read", standard, "getPerformance"}, get_performance},
    {{"GET", "/analytics/errors", user, "usage:read", standard, "getErrors"}, get_errors},

    // The server itself
    {{"GET", "/health", open, "", none, "health"}, health},
    {{"GET", "/health/{check}", open, "", none, "healthCheck"}, health_check},
    {{"GET", "/metrics", open, "", none, "metrics"}, metrics},
    {{"GET", "/openapi.json", open, "", none, "openapi"}, openapi},
    {{"GET", "/", open, "", none, "startPage"}, start_page},
    {{"GET", "/docs", open, "", none, "docsPage"}, docs_page},
    {{"GET", "/ws/executions", user, "executions:read", standard, "watchExecutions"}, nullptr},
    {{"GET", "/ws/containers", user, "containers:read", standard, "watchContainers"}, nullptr},
    {{"GET", "/ws/workflows", user, "workflows:read", standard, "watchWorkflows"}, nullptr},
};
// clang-format on

}  // namespace

std::span<const gate::Route> routes() { return kRoutes; }

}  // namespace qflow::api
