// A database of an earlier release, with rows, is brought up to date without losing or changing any.
#include <doctest/doctest.h>

#include "daemon/store/execution_rows.hpp"
#include "daemon/store/storage_rows.hpp"
#include "daemon/store/store.hpp"
#include "migrations_list.hpp"
#include "tests/support/process.hpp"

using namespace qflow;

namespace {

// As the release with schema 6 would have left it.
void make_version_6(const std::string& directory) {
  sqlite::Db db(directory + "/qflow.db", false);
  for (int i = 0; i < 6; ++i) db.script(store::kMigrations[i]);
  db.script("PRAGMA user_version = 6");
  db.script(
      "INSERT INTO users (id, email, password_hash, role, created_at, updated_at) VALUES ('u', 'u@x', '', 'user', 1, "
      "1);"
      "INSERT INTO workflows (id, name, nodes, connections, settings, extra, created_by, created_at, updated_at) "
      "VALUES "
      "('w', 'W', '[]', '{}', '{}', '{}', 'u', 1, 1);"
      "INSERT INTO workflow_versions (workflow_id, version, name, nodes, connections, settings, created_at) VALUES "
      "('w', 1, 'W', '[1,2]', '{}', '{}', 1);"
      "INSERT INTO workflow_executions (id, workflow_id, workflow_name, status, mode, started_at, isolation_level, "
      "owner, input_data, output_data, created_by) VALUES ('done', 'w', 'W', 'completed', 'manual', 1, 2, 'x', '[1]', "
      "'{\"a\":1}', 'u'), ('lost', 'w', 'W', 'running', 'manual', 1, 2, '1:1:none', NULL, NULL, 'u');"
      "INSERT INTO node_executions (workflow_execution_id, node_id, node_name, node_type, status, output_data, stdout, "
      "execution_order) VALUES ('done', 'a', 'a', 'qflow.python', 'completed', '1', 'hello', 0);"
      "INSERT INTO files (id, filename, file_size_bytes, mime_type, hash_sha256, workflow_execution_id, created_at, "
      "created_by) VALUES ('f', 'f', 1000, 't', 'h', 'done', 1, 'u');");
}

}  // namespace

TEST_CASE("a filled database of schema 6 is brought up to date") {
  const test::TempDir directory;
  make_version_6(directory.path());
  { const store::Store store(directory.path()); }
  sqlite::Db db(directory.path() + "/qflow.db", false);
  CHECK(db.one<std::string>("PRAGMA integrity_check") == "ok");
  CHECK(db.all<std::string>("SELECT \"table\" FROM pragma_foreign_key_check").empty());
  CHECK(db.one<std::int64_t>("PRAGMA user_version") == static_cast<std::int64_t>(std::size(store::kMigrations)));
  // [1] + {"a":1} + 1 + hello; the file; the workflow and its version.
  CHECK(store::find_summary(db, "done")->bytes == 3 + 7 + 1 + 5);
  CHECK(store::bytes_kept(db, "u") == 16 + 1000 + (0 + 2 + 2 + 2 + 2) + (5 + 2 + 2));
  sqlite::Tx tx(db);
  CHECK(store::mark_crashed(tx).size() == 1);
  std::vector<std::string> orphans;
  CHECK(store::delete_execution(tx, "done", orphans));
  db.exec("DELETE FROM workflows WHERE id='w'");
  CHECK(store::bytes_kept(db, "u") == 0);
  store::Execution queued;
  queued.id = "q";
  queued.status = "queued";
  queued.mode = "manual";
  queued.owner = "1:1:none";
  store::insert_execution(tx, queued);
  CHECK(store::claim_queued(tx, store::this_process()) == std::vector<std::string>{"q"});
  CHECK(store::claim_queued(tx, store::this_process()).empty());
  queued.id = "odd";
  queued.status = "odd";
  CHECK_THROWS_AS(store::insert_execution(tx, queued), sqlite::Error);
}
