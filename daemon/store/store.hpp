// The store: one writer thread that commits in groups, a small pool of readers, a directory of blobs. Nothing here runs
// on an io thread; coroutines wait for it.
#pragma once
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>

#include "daemon/base/async.hpp"
#include "daemon/base/fault.hpp"
#include "daemon/store/changes.hpp"
#include "daemon/store/reserve.hpp"
#include "daemon/store/sqlite.hpp"

namespace qflow::store {

/// The Fault for a failure of SQLite: no space, a lock that was not released, a damaged file.
Fault fault_of(const sqlite::Error& error);

/// Owns the database and the blobs under one data directory. Any thread may call; the destructor waits for queued jobs.
class Store {
 public:
  /// Opens or makes `directory` (mode 0700) and brings the schema up to date. Throws Fault: not a directory, not
  /// writable, a database of a newer release, a damaged database.
  explicit Store(std::string directory);
  ~Store();
  /// Finishes queued jobs and ends the threads; the store must not be used afterwards. Call it before anything is
  /// destroyed that a queued job refers to.
  void close();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Runs `work(Tx&)` on the writer's thread and resumes once its group is committed. An exception from `work` is
  /// thrown here and undoes this job alone.
  template <class F>
  auto write(F work) {
    using R = std::invoke_result_t<F&, sqlite::Tx&>;
    return asio::async_initiate<const asio::use_awaitable_t<>&, Signature<R>>(
        [this](auto handler, F job) {
          enqueue(std::make_unique<WaitedJob<R, F, decltype(handler)>>(std::move(job), std::move(handler)));
        },
        asio::use_awaitable, std::move(work));
  }
  /// The same for writes that end something or free room: while the disk is full, the others are refused at once
  /// (Fault no_space), and these have the reserve to themselves.
  template <class F>
  auto write_always(F work) {
    using R = std::invoke_result_t<F&, sqlite::Tx&>;
    return asio::async_initiate<const asio::use_awaitable_t<>&, Signature<R>>(
        [this](auto handler, F job) {
          auto made = std::make_unique<WaitedJob<R, F, decltype(handler)>>(std::move(job), std::move(handler));
          made->always = true;
          enqueue(std::move(made));
        },
        asio::use_awaitable, std::move(work));
  }
  /// As write(), without waiting; failures are logged. Jobs are committed in the order they came. `failed` is called on
  /// the writer's thread when it could not be written.
  void post(std::function<void(sqlite::Tx&)> work, std::function<void()> failed = {});

  /// Runs `work(Db&)` on a reader's thread, in a snapshot of its own.
  template <class F>
  auto read(F work) {
    return offload([this, job = std::move(work)]() mutable {
      const ReaderLease lease(*this);
      return job(lease.db());
    });
  }
  /// Runs `work()` on a thread where it may block.
  template <class F>
  auto offload(F work) {
    using R = std::invoke_result_t<F&>;
    return asio::co_spawn(
        readers_pool_, [job = std::move(work)]() mutable -> Task<R> { co_return job(); }, asio::use_awaitable);
  }

  /// A connection of the caller's own, for reading without a coroutine. Blocks.
  std::unique_ptr<sqlite::Db> own_reader() const;

  /// Calls `told` on the writer's thread with the number of jobs of each group. Set it before the first write.
  void on_commit(std::function<void(std::size_t jobs)> told) { committed_ = std::move(told); }

  /// Stores bytes under their SHA-256 (hex) and returns it. On a reader's thread.
  std::string put_blob(std::string_view bytes) const;
  /// Deletes a blob that no row refers to. A blob put within the last minute stays: its row may still be on its way.
  void drop_blob(const std::string& sha256) const;
  /// Deletes blobs that no file refers to and that are older than an hour. Blocks: reads the whole directory.
  std::size_t sweep_blobs();
  std::string blob_path(const std::string& sha256) const;
  const std::string& directory() const { return directory_; }
  /// Why the last group of writes failed; empty when it did not.
  std::string write_problem() const;
  /// What this process has changed. A counter moves before the writer of the change is resumed.
  const Changes& changes() const { return changes_; }

 private:
  template <class R>
  struct SignatureOf {
    using type = void(std::exception_ptr, R);
  };
  template <class R>
  using Signature = typename SignatureOf<R>::type;

  struct Job {
    virtual ~Job() = default;
    virtual void run(sqlite::Tx& tx) = 0;         ///< may throw: only this job is undone
    virtual void finish(std::exception_ptr) = 0;  ///< after the commit, or with the error
    bool always = false;                          ///< also while the disk is full
  };
  template <class R, class F, class Handler>
  struct WaitedJob;
  struct PostedJob;

  class ReaderLease {
   public:
    explicit ReaderLease(Store& store);
    ~ReaderLease();
    ReaderLease(const ReaderLease&) = delete;
    ReaderLease& operator=(const ReaderLease&) = delete;
    sqlite::Db& db() const { return *db_; }

   private:
    Store& store_;
    std::unique_ptr<sqlite::Db> db_;
  };

  void enqueue(std::unique_ptr<Job> job);
  void write_loop();
  void note_problem(std::string problem);
  void commit_group(std::deque<std::unique_ptr<Job>>& group);

  std::string directory_;
  std::function<void(std::size_t)> committed_;
  Changes changes_;
  std::unique_ptr<Reserve> reserve_;
  unsigned touched_ = 0;  ///< parts that the group under way has changed; writer's thread
  std::unique_ptr<sqlite::Db> writer_;
  mutable std::mutex mutex_;
  std::string write_problem_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Job>> queue_;
  bool stopping_ = false;
  mutable std::mutex blobs_mutex_;  ///< held while deciding whether a blob stays
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<sqlite::Db>> readers_;
  static constexpr unsigned kReaders = 4;
  asio::thread_pool readers_pool_{kReaders};
  std::thread thread_;
};

template <>
struct Store::SignatureOf<void> {
  using type = void(std::exception_ptr);
};

template <class R, class F, class Handler>
struct Store::WaitedJob final : Store::Job {
  WaitedJob(F job, Handler h)
      : work(std::move(job)), handler(std::move(h)), guard(asio::get_associated_executor(handler)) {}
  void run(sqlite::Tx& tx) override {
    if constexpr (std::is_void_v<R>) work(tx);
    else result = work(tx);
  }
  void finish(std::exception_ptr error) override {
    auto executor = asio::get_associated_executor(handler);
    asio::post(executor, [h = std::move(handler), r = std::move(result), error]() mutable {
      if constexpr (std::is_void_v<R>) h(error);
      else h(error, std::move(r));
    });
    guard.reset();
  }
  F work;
  Handler handler;
  asio::executor_work_guard<asio::associated_executor_t<Handler>> guard;
  std::conditional_t<std::is_void_v<R>, int, R> result{};
};

}  // namespace qflow::store
