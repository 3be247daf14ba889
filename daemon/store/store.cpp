#include "daemon/store/store.hpp"
#include "daemon/store/waiting_rows.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <filesystem>

#include "daemon/base/fault.hpp"
#include "daemon/observe/log.hpp"
#include "daemon/store/migrations.hpp"
#include "sandbox/sys.hpp"

namespace qflow::store {
namespace fs = std::filesystem;

namespace {

// A write that finds no room says SQLITE_FULL, or an I/O error where the write-ahead log could not grow.
bool is_full(const sqlite::Error& error) {
  return (error.code() & 0xff) == SQLITE_FULL || error.code() == SQLITE_IOERR_WRITE ||
         error.code() == SQLITE_IOERR_SHMSIZE;
}

Fault disk_full() {
  return {FaultKind::no_space, "storage",
          "the disk is full; nothing was changed. Free some room, or delete executions"};
}

}  // namespace

Fault fault_of(const sqlite::Error& error) {
  // Written, but perhaps not on the disk: a restart may find either.
  if (error.code() == SQLITE_IOERR_FSYNC || error.code() == SQLITE_IOERR_DIR_FSYNC)
    return {FaultKind::no_space, "storage_uncertain",
            std::string("the disk failed while the record was written; whether it was stored is not known, so look "
                        "before you try again (") +
                error.what() + ")"};
  switch (error.code() & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
      return {FaultKind::no_space, "storage",
              std::string("the record could not be written, nothing was changed: is the disk full? (") + error.what() +
                  ")"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {FaultKind::unavailable, "database_locked",
              "another process holds the database; nothing was changed, try again"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {FaultKind::unavailable, "database_damaged",
              std::string("the database is damaged; restore a backup (qflow restore): ") + error.what()};
    default:
      return {FaultKind::internal, "internal", "an internal error; the log has the reason"};
  }
}

namespace {

// SQLite gives its write-ahead log the mode of the database, so the database exists with its mode before SQLite opens
// it.
void close_to_others(const std::string& path) {
  const sandbox::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  for (const char* part : {"", "-wal", "-shm"}) ::chmod((path + part).c_str(), 0600);
}

}  // namespace

struct Store::PostedJob final : Store::Job {
  PostedJob(std::function<void(sqlite::Tx&)> w, std::function<void()> f) : work(std::move(w)), failed(std::move(f)) {}
  void run(sqlite::Tx& tx) override { work(tx); }
  void finish(std::exception_ptr error) override {
    if (!error) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      log::error("store", std::string("a record could not be written: ") + e.what());
    }
    if (failed) failed();
  }
  std::function<void(sqlite::Tx&)> work;
  std::function<void()> failed;
};

Store::Store(std::string directory) : directory_(std::move(directory)) {
  std::error_code error;
  const bool made = fs::create_directories(directory_, error);
  if (error)
    throw Fault(FaultKind::unavailable, "data_dir", fmt::format("data directory {}: {}", directory_, error.message()));
  if (made) ::chmod(directory_.c_str(), 0700);  // one that was there keeps what its owner chose
  fs::create_directories(directory_ + "/blobs", error);
  reserve_ = std::make_unique<Reserve>(directory_);
  const std::string path = directory_ + "/qflow.db";
  try {
    close_to_others(path);
    writer_ = std::make_unique<sqlite::Db>(path, false);
    migrate(*writer_);
    // A database of an early release is rebuilt once, so that space can be given back in pieces.
    if (writer_->one<std::int64_t>("PRAGMA auto_vacuum").value_or(0) != 2)
      writer_->script("PRAGMA auto_vacuum=2; VACUUM");
    for (unsigned i = 0; i < kReaders; ++i) readers_.push_back(std::make_unique<sqlite::Db>(path, true));
  } catch (const sqlite::Error& e) {
    throw Fault(FaultKind::unavailable, "database", fmt::format("database {}: {}", path, e.what()));
  }
  writer_->on_row_change([](void* store, int, const char*, const char* table,
                            sqlite3_int64) { static_cast<Store*>(store)->touched_ |= Changes::part_of(table); },
                         this);
  thread_ = std::thread([this] { write_loop(); });
}

Store::~Store() { close(); }

void Store::close() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  readers_pool_.join();
}

void Store::enqueue(std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Store::post(std::function<void(sqlite::Tx&)> work, std::function<void()> failed) {
  enqueue(std::make_unique<PostedJob>(std::move(work), std::move(failed)));
}

void Store::write_loop() {
  constexpr std::size_t kGroup = 512;
  for (;;) {
    std::deque<std::unique_ptr<Job>> group;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      while (!queue_.empty() && group.size() < kGroup) {
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    commit_group(group);
  }
}

void Store::note_problem(std::string problem) {
  const std::lock_guard lock(mutex_);
  write_problem_ = std::move(problem);
}

std::string Store::write_problem() const {
  const std::lock_guard lock(mutex_);
  return write_problem_;
}

// All jobs of a group share one transaction and one fsync; a savepoint keeps one job's failure from the others.
void Store::commit_group(std::deque<std::unique_ptr<Job>>& group) {
  std::vector<std::exception_ptr> errors(group.size());
  sqlite::Tx tx(*writer_);
  touched_ = 0;
  try {
    writer_->exec("BEGIN IMMEDIATE");
    const bool full = reserve_->is_given_up();
    for (std::size_t i = 0; i < group.size(); ++i) {
      writer_->exec("SAVEPOINT job");
      try {
        if (full && !group[i]->always) throw disk_full();
        group[i]->run(tx);
      } catch (const sqlite::Error& error) {
        errors[i] = std::current_exception();
        if (is_full(error)) reserve_->give_up();
        writer_->exec("ROLLBACK TO job");
      } catch (...) {
        errors[i] = std::current_exception();
        writer_->exec("ROLLBACK TO job");
      }
      writer_->exec("RELEASE job");
    }
    writer_->exec("COMMIT");
    changes_.bump(touched_);
    note_problem({});
  } catch (const std::exception& e) {
    // The disk is full, or another process holds the lock for longer than the busy timeout: nothing of it is stored.
    log::error("store", std::string("a group of writes failed: ") + e.what());
    for (auto& error : errors) error = std::current_exception();
    if (const auto* sql = dynamic_cast<const sqlite::Error*>(&e); sql != nullptr && is_full(*sql)) reserve_->give_up();
    note_problem(e.what());
    try {
      writer_->exec("ROLLBACK");
    } catch (const sqlite::Error&) {
      // SQLite has rolled back by itself.
    }
  }
  if (committed_) committed_(group.size());
  for (std::size_t i = 0; i < group.size(); ++i) group[i]->finish(errors[i]);
}

std::unique_ptr<sqlite::Db> Store::own_reader() const {
  return std::make_unique<sqlite::Db>(directory_ + "/qflow.db", true);
}

Store::ReaderLease::ReaderLease(Store& store) : store_(store) {
  const std::lock_guard lock(store_.readers_mutex_);
  db_ = std::move(store_.readers_.back());  // one for each thread of the readers' pool
  store_.readers_.pop_back();
}

Store::ReaderLease::~ReaderLease() {
  const std::lock_guard lock(store_.readers_mutex_);
  store_.readers_.push_back(std::move(db_));
}

std::string Store::blob_path(const std::string& sha256) const {
  return fmt::format("{}/blobs/{}/{}", directory_, sha256.substr(0, 2), sha256.substr(2));
}

std::string Store::put_blob(std::string_view bytes) const {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  std::string hex(hash.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  hex.pop_back();
  const std::string path = blob_path(hex);
  {
    const std::lock_guard lock(blobs_mutex_);
    if (::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0) return hex;  // it exists; see drop_blob()
  }
  fs::create_directories(fs::path(path).parent_path());
  // Written under another name first, so that a blob exists whole or not at all.
  const std::string partial = fmt::format("{}.{:x}", path, randombytes_random());
  const sandbox::UniqueFd fd = sandbox::open_file(partial, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!sandbox::write_all(fd.get(), bytes) || ::fsync(fd.get()) < 0) {
    const int error = errno;
    ::unlink(partial.c_str());
    throw sandbox::SysError(error, "write blob " + partial);
  }
  fs::rename(partial, path);
  // The name must be on the disk, too, before a row refers to it (fsync(2): the directory needs its own).
  const sandbox::UniqueFd directory = sandbox::open_file(fs::path(path).parent_path(), O_RDONLY | O_DIRECTORY, 0);
  if (::fsync(directory.get()) < 0) throw sandbox::SysError(errno, "fsync the directory of blob " + path);
  return hex;
}

std::size_t Store::sweep_blobs() {
  std::size_t gone = 0;
  const ReaderLease lease(*this);
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(directory_ + "/blobs", error)) {
    if (!entry.is_regular_file(error)) continue;
    const std::string hash = entry.path().parent_path().filename().string() + entry.path().filename().string();
    const std::lock_guard lock(blobs_mutex_);
    struct stat info {};
    if (::stat(entry.path().c_str(), &info) != 0 || ::time(nullptr) - info.st_mtime < 3600) continue;
    if (is_blob_used(lease.db(), hash)) continue;
    gone += ::unlink(entry.path().c_str()) == 0 ? 1 : 0;
  }
  return gone;
}

void Store::drop_blob(const std::string& sha256) const {
  const std::string path = blob_path(sha256);
  const std::lock_guard lock(blobs_mutex_);
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && ::time(nullptr) - info.st_mtime > 60) ::unlink(path.c_str());
}

}  // namespace qflow::store
