#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/base/fault.hpp"
#include "daemon/store/execution_rows.hpp"
#include "daemon/store/store.hpp"
#include "daemon/store/workflow_rows.hpp"
#include "tests/support/process.hpp"
#include "tests/unit/waiting.hpp"

using namespace qflow;
using namespace qflow::store;
using test::wait;

namespace {

template <class F>
Task<int> written(Store& store, F work) {
  auto job = std::move(work);
  co_return co_await store.write(std::move(job));
}

template <class F>
auto reading(Store& store, F work) -> Task<std::invoke_result_t<F&, sqlite::Db&>> {
  auto job = std::move(work);
  co_return co_await store.read(std::move(job));
}

Execution running(const std::string& id, const std::string& owner) {
  Execution e;
  e.id = id;
  e.workflow_name = "w";
  e.status = "running";
  e.mode = "manual";
  e.started_at = 1;
  e.owner = owner;
  return e;
}

}  // namespace

TEST_CASE("written data is there after the store is opened again") {
  const test::TempDir directory;
  {
    Store store(directory.path());
    wait(written(store, [](sqlite::Tx& tx) {
      Workflow w{"id1", "Name", "", "[]", "{}", "{}", "{}", "", false, 1, 5, 5};
      insert_workflow(tx, w);
      return 0;
    }));
  }
  Store store(directory.path());
  const auto found = wait(reading(store, [](sqlite::Db& db) { return find_workflow(db, "id1", std::nullopt); }));
  REQUIRE(found);
  CHECK(found->name == "Name");
}

TEST_CASE("one job's failure undoes that job alone") {
  const test::TempDir directory;
  Store store(directory.path());
  store.post([](sqlite::Tx& tx) { insert_execution(tx, running("a", "x")); });
  CHECK_THROWS(wait(written(store, [](sqlite::Tx& tx) {
    insert_execution(tx, running("b", "x"));
    insert_execution(tx, running("a", "x"));  // again
    return 0;
  })));
  const auto page = wait(reading(store, [](sqlite::Db& db) { return list_executions(db, {}); }));
  CHECK(page.rows.size() == 1);
}

TEST_CASE("only executions left running by a dead process are marked as crashed") {
  const test::TempDir directory;
  Store store(directory.path());
  const std::string mine = this_process();
  CHECK(is_alive(mine));
  CHECK_FALSE(is_alive("1:1:another-boot"));
  CHECK(wait(written(store, [&](sqlite::Tx& tx) {
          insert_execution(tx, running("mine", mine));
          insert_execution(tx, running("dead", "4194304:1:" + mine.substr(mine.rfind(':') + 1)));
          return static_cast<int>(mark_crashed(tx).size());
        })) == 1);
  CHECK(wait(reading(store, [](sqlite::Db& db) { return find_execution(db, "dead")->status; })) == "crashed");
  CHECK(wait(reading(store, [](sqlite::Db& db) { return find_execution(db, "mine")->status; })) == "running");
}

TEST_CASE("lists are paged by key and filtered") {
  const test::TempDir directory;
  Store store(directory.path());
  wait(written(store, [](sqlite::Tx& tx) {
    for (int i = 0; i < 50; ++i) {
      Execution e = running((i < 10 ? "0" : "") + std::to_string(i), "x");
      if (i % 2 == 0) e.status = "failed";
      e.workflow_id = i < 10 ? "w1" : "w2";
      insert_execution(tx, e);
    }
    return 0;
  }));
  const auto list = [&](ExecutionQuery query) {
    return wait(reading(store, [query](sqlite::Db& db) { return list_executions(db, query); }));
  };
  ExecutionQuery query;
  query.limit = 3;
  CHECK(list(query).rows[0].id == "49");
  query.before = "49";
  CHECK(list(query).rows[0].id == "48");
  query.before.clear();
  query.status = "failed";
  CHECK(list(query).count == 25);
  query.workflow_id = "w1";
  CHECK(list(query).count == 5);
  CHECK(list(query).rows[0].id == "08");
}

TEST_CASE("a database from a newer release is refused, and so is a damaged database") {
  const test::TempDir directory;
  { Store store(directory.path()); }
  {
    sqlite::Db db(directory.path() + "/qflow.db", false);
    db.script("PRAGMA user_version = 999");
  }
  CHECK_THROWS_WITH_AS(Store{directory.path()}, doctest::Contains("newer qflow"), Fault);
  const test::TempDir damaged;
  damaged.file("qflow.db", std::string(10'000, 'x'));
  CHECK_THROWS_AS(Store{damaged.path()}, Fault);
  CHECK_THROWS_AS(Store{damaged.file("plain", "x") + "/below"}, Fault);
}

TEST_CASE("deleting an execution deletes its nodes and files; a blob goes when nothing refers to it") {
  const test::TempDir directory;
  Store store(directory.path());
  const std::string hash = store.put_blob("shared");
  wait(written(store, [&](sqlite::Tx& tx) {
    for (const char* id : {"a", "b"}) {
      insert_execution(tx, running(id, "x"));
      insert_file(tx, {std::string("f") + id, "n.txt", 6, "text/plain", hash, id, std::nullopt, 1});
    }
    return 0;
  }));
  std::vector<std::string> orphans;
  const auto remove = [&](const char* id) {
    return wait(
        written(store, [&, id](sqlite::Tx& tx) { return static_cast<int>(delete_execution(tx, id, orphans)); }));
  };
  CHECK(remove("a") == 1);
  CHECK(orphans.empty());
  CHECK(remove("b") == 1);
  CHECK(orphans == std::vector<std::string>{hash});
  CHECK(remove("b") == 0);
  store.drop_blob(hash);  // too young
  CHECK(sandbox::read_file(store.blob_path(hash), 100) == "shared");
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  REQUIRE(::utimensat(AT_FDCWD, store.blob_path(hash).c_str(), old, 0) == 0);
  store.drop_blob(hash);
  CHECK_THROWS(sandbox::read_file(store.blob_path(hash), 100));
}

TEST_CASE("blobs are stored once, by their hash") {
  const test::TempDir directory;
  Store store(directory.path());
  const std::string hash = store.put_blob("hello");
  CHECK(hash == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  CHECK(store.put_blob("hello") == hash);
  CHECK(sandbox::read_file(store.blob_path(hash), 100) == "hello");
}
