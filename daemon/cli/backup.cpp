// `qflow backup` and `qflow restore`: everything in one SQLite file: the records and, in two more tables, the files'
// bytes and, on request, the key that decrypts the credentials.
#include "daemon/cli/backup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string_view>
#include <thread>

#include "daemon/auth/secrets.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/cli/installation.hpp"
#include "daemon/cli/runtime.hpp"
#include "daemon/store/migrations.hpp"
#include "sandbox/sys.hpp"

namespace qflow::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what) { throw Fault(FaultKind::unavailable, "backup", what); }

std::string blob_path(const std::string& data_dir, const std::string& hash) {
  return fmt::format("{}/blobs/{}/{}", data_dir, hash.substr(0, 2), hash.substr(2));
}

bool is_hash(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Copies the pages as they are at one moment, whatever is written meanwhile.
void copy_pages(sqlite::Db& from, sqlite::Db& to) {
  sqlite3_backup* copy = sqlite3_backup_init(to.handle(), "main", from.handle(), "main");
  if (copy == nullptr) fail(fmt::format("the copy could not start: {}", sqlite3_errmsg(to.handle())));
  int result = SQLITE_OK;
  for (int tries = 0; tries < 10'000 && (result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_LOCKED);
       ++tries) {
    result =
        sqlite3_backup_step(copy, -1);  // all at once: a reader's snapshot, which writers in WAL mode do not disturb
    if (result == SQLITE_BUSY || result == SQLITE_LOCKED) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  sqlite3_backup_finish(copy);
  if (result != SQLITE_DONE) fail(fmt::format("the copy failed: {}", sqlite3_errstr(result)));
}

void check_integrity(sqlite::Db& db, const std::string& file) {
  const auto verdict = db.one<std::string>("PRAGMA quick_check");
  if (verdict != "ok") fail(fmt::format("{} is damaged: {}", file, verdict.value_or("no answer")));
}

std::string sha256(const std::string& bytes) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  std::string hex(hash.size() * 2 + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
  hex.pop_back();
  return hex;
}

void write_file(const std::string& path, const std::string& bytes) {
  const sandbox::UniqueFd fd = sandbox::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!sandbox::write_all(fd.get(), bytes) || ::fsync(fd.get()) < 0)
    fail(fmt::format("{} could not be written: {}", path, std::strerror(errno)));
}

// A backup is a database of one file, without a log beside it: its bytes are all of it.
void copy_bytes(int from, const std::string& to) {
  const sandbox::UniqueFd fd = sandbox::open_file(to, O_WRONLY, 0600);
  std::array<char, 65536> bytes;  // NOLINT: filled by the read
  for (;;) {
    const ssize_t got = sandbox::retry([&] { return ::read(from, bytes.data(), bytes.size()); });
    if (got < 0) fail(fmt::format("the backup could not be read: {}", std::strerror(errno)));
    if (got == 0) return;
    if (!sandbox::write_all(fd.get(), {bytes.data(), static_cast<std::size_t>(got)}))
      fail(fmt::format("{} could not be written: {}", to, std::strerror(errno)));
  }
}

// An unfinished backup or database. The destructor removes it unless it was renamed.
class Partial {
 public:
  explicit Partial(std::string path) : path_(std::move(path)) { fs::remove(path_); }
  ~Partial() {
    std::error_code ignored;
    for (const char* end : {"", "-wal", "-shm", "-journal"}) fs::remove(path_ + end, ignored);
  }
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

int backup(const config::Config& config, const std::string& file, bool with_key, bool force) {
  if (!force && fs::exists(file)) fail(fmt::format("{} exists; --force replaces it", file));
  const std::string source = config.data_dir + "/qflow.db";
  if (!fs::exists(source)) fail(fmt::format("there is no database in {}", config.data_dir));
  const Partial unfinished(file + ".partial");
  const std::string& partial = unfinished.path();
  std::int64_t files = 0, missing = 0;
  {
    sandbox::open_file(partial, O_WRONLY | O_CREAT | O_EXCL, 0600);  // unreadable for others, whatever the umask
    sqlite::Db from(source, true);
    sqlite::Db to(partial, false);
    copy_pages(from, to);
    to.script(
        "PRAGMA journal_mode=DELETE; BEGIN; CREATE TABLE backup_blobs (hash TEXT PRIMARY KEY, bytes BLOB NOT NULL); "
        "CREATE "
        "TABLE backup_key (key TEXT NOT NULL)");
    for (const std::string& hash :
         to.all<std::string>("SELECT hash_sha256 FROM files UNION SELECT hash_sha256 FROM kept_values")) {
      try {
        constexpr std::size_t kLargest = 1U << 30U;
        to.exec("INSERT INTO backup_blobs (hash, bytes) VALUES (?, CAST(? AS BLOB))", hash,
                sandbox::read_file(blob_path(config.data_dir, hash), kLargest));
        ++files;
      } catch (const sandbox::SysError&) {
        ++missing;  // deleted meanwhile: tidying removes its row after a restore
      }
    }
    const std::string key = config.auth.key_file.empty() ? config.data_dir + "/secret.key" : config.auth.key_file;
    if (with_key) to.exec("INSERT INTO backup_key (key) VALUES (?)", sandbox::read_file(key, 4096));
    to.script("COMMIT");
    check_integrity(to, partial);
  }
  const sandbox::UniqueFd fd = sandbox::open_file(partial, O_RDONLY, 0);
  ::fsync(fd.get());
  fs::rename(partial, file);
  fmt::print("{}: {} bytes, {} files{}{}\n", file, fs::file_size(file), files,
             missing > 0 ? fmt::format(", {} more were deleted meanwhile", missing) : "",
             with_key ? ", with the key that decrypts the credentials: keep it safe"
                      : "; without the key that decrypts the credentials (--with-key, or back up secret.key, too)");
  return kOk;
}

int restore(const config::Config& config, const std::string& file) {
  const std::string target = config.data_dir + "/qflow.db";
  if (!fs::exists(file)) fail(fmt::format("there is no file {}", file));
  const sandbox::UniqueFd source = sandbox::open_file(file, O_RDONLY, 0);
  constexpr std::string_view kBegins = "SQLite format 3";  // https://sqlite.org/fileformat.html, 1.3.1
  std::array<char, 16> begins{};
  if (::pread(source.get(), begins.data(), begins.size(), 0) != static_cast<ssize_t>(begins.size()) ||
      kBegins != std::string_view(begins.data(), kBegins.size()))
    fail(fmt::format("{} is not a backup made by `qflow backup`: it is not a SQLite database", file));
  // Root reads the file, and the directory's owner gets what is made of it.
  become_owner(config.data_dir);
  if (fs::exists(target))
    fail(fmt::format("{} already holds a database; move it away, or choose another --data-dir", config.data_dir));
  fs::create_directories(config.data_dir);
  fs::permissions(config.data_dir, fs::perms::owner_all);
  const Partial unfinished(target + ".partial");
  const std::string& partial = unfinished.path();
  std::int64_t files = 0;
  bool key_restored = false;
  const std::string key_path = config.auth.key_file.empty() ? config.data_dir + "/secret.key" : config.auth.key_file;
  {
    sandbox::open_file(partial, O_WRONLY | O_CREAT | O_EXCL, 0600);
    copy_bytes(source.get(), partial);
    if (!sandbox::read_file(partial, 16).starts_with("SQLite format 3"))
      fail(fmt::format("{} is not a backup made by `qflow backup`: it is not a SQLite database", file));
    sqlite::Db to(partial, false);
    check_integrity(to, file);
    if (!to.one<std::string>("SELECT name FROM sqlite_master WHERE name='backup_blobs'"))
      fail(fmt::format("{} is not a backup made by `qflow backup`", file));
    store::migrate(to);  // also refuses a backup of a newer release
    for (const std::string& hash : to.all<std::string>("SELECT hash FROM backup_blobs")) {
      const std::string bytes = to.one<std::string>("SELECT bytes FROM backup_blobs WHERE hash=?", hash).value_or("");
      if (!is_hash(hash) || sha256(bytes) != hash)
        fail(fmt::format("{}: the file {} in it is damaged", file, hash.substr(0, 64)));
      const std::string path = blob_path(config.data_dir, hash);
      fs::create_directories(fs::path(path).parent_path());
      write_file(path, bytes);
      ++files;
    }
    if (const auto key = to.one<std::string>("SELECT key FROM backup_key"); key && !fs::exists(key_path)) {
      write_file(key_path, *key);
      key_restored = true;
    }
    to.script(
        "DROP TABLE backup_blobs; DROP TABLE backup_key; PRAGMA auto_vacuum=2; VACUUM; PRAGMA journal_mode=DELETE");
  }
  fs::rename(partial, target);
  fmt::print("{}: {} files{}\n", target, files,
             key_restored ? " and the key"
             : fs::exists(key_path)
                 ? "; the existing key is kept"
                 : fmt::format("; without the key: put it at {} to decrypt stored credentials", key_path));
  return kOk;
}

}  // namespace qflow::cli
