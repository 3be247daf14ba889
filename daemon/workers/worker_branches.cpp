// The part of Worker that deals with branches: the forks of a worker, which share its sandbox and its limits.
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <set>

#include "daemon/workers/worker.hpp"

namespace qflow::workers {

std::shared_ptr<Worker> Worker::fork() {
  Worker& main = root();
  Channels channels = make_channels();
  std::shared_ptr<Worker> self = main.shared_from_this();
  auto branch = std::make_shared<Worker>(std::move(self), main.next_branch_++, channels);
  if (main.leaf_ && main.branches_.empty()) main.leaf_->end_singly();
  std::erase_if(main.branches_, [](const std::weak_ptr<Worker>& one) { return one.expired(); });
  main.branches_.push_back(branch);
  Outgoing request;
  schema::pack(schema::Kind::branch, branch->id_, schema::Branch{branch->nonce_}, request.bytes);
  request.fds.push_back(std::move(channels.worker_socket));
  request.fds.push_back(std::move(channels.worker_out));
  request.fds.push_back(std::move(channels.worker_err));
  post(std::move(request));
  return branch;
}

std::vector<std::shared_ptr<Worker>> Worker::branches() const {
  std::vector<std::shared_ptr<Worker>> out;
  for (const std::weak_ptr<Worker>& one : branches_)
    if (std::shared_ptr<Worker> branch = one.lock(); branch && branch->end_ == End::none)
      out.push_back(std::move(branch));
  return out;
}

// By the time that a hello is read, its number may be another process's; the pidfd is that of whoever has it now.
bool Worker::is_of_parent() const {
  const std::vector<pid_t> tree = ProcessTable().tree_of(parent_->pid_, std::size_t{limits_.processes} + 2);
  return std::find(tree.begin(), tree.end(), pid_) != tree.end();
}

// Itself and its descendants, each through a pidfd that was opened while it was one: a number may have been given to
// another process meanwhile. What has been orphaned belongs to the worker, and ends with it.
void Worker::kill_tree() {
  if (!pidfd_) return;  // it has not said hello: it ends when its socket closes
  std::vector<std::pair<pid_t, sandbox::UniqueFd>> found;
  if (parent_->end_ == End::none) {  // otherwise all of them end by themselves
    const std::size_t most = std::size_t{limits_.processes} + 2;
    for (const pid_t pid : ProcessTable().tree_of(pid_, most)) {
      if (pid == pid_) continue;
      try {
        found.emplace_back(pid, sandbox::open_pidfd(pid));
      } catch (const sandbox::SysError&) {  // gone
      }
    }
    if (!found.empty()) {
      const std::vector<pid_t> still = ProcessTable().tree_of(pid_, most);
      std::erase_if(found,
                    [&](const auto& one) { return std::find(still.begin(), still.end(), one.first) == still.end(); });
    }
    // Another branch, forked from this one, lives on.
    for (const std::shared_ptr<Worker>& other : parent_->branches())
      if (const pid_t pid = other.get() == this ? 0 : other->peeked_pid(); pid > 0)
        std::erase_if(found, [&](const auto& one) { return one.first == pid; });
  }
  sandbox::signal_pidfd(pidfd_.get(), SIGKILL);
  for (const auto& [pid, fd] : found) sandbox::signal_pidfd(fd.get(), SIGKILL);
}

// Nobody reports its end, but until its parent waits for it, which happens when the daemon says so, the kernel tells.
Task<> Worker::wait_exit_of_branch(Clock::duration patience) {
  const auto until = Clock::now() + patience;
  while (!exited_ && pidfd_) {
    pollfd wait{pidfd_.get(), POLLIN, 0};
    if (::poll(&wait, 1, 0) != 0) {
      exited_ = exit_of(pid_);
      break;
    }
    if (Clock::now() > until) break;
    co_await sleep_for(std::chrono::milliseconds(1));
  }
}

// Which process belongs to whom: to the nearest branch above it, otherwise to the worker. Its own come first.
Worker::Trees Worker::trees(const ProcessTable& table, const std::vector<std::shared_ptr<Worker>>& forks) {
  const std::size_t most = std::size_t{limits_.processes} + 2;
  Trees out;
  for (const std::shared_ptr<Worker>& fork : forks)
    if (fork->pid_ > 0) out.emplace_back(fork.get(), table.tree_of(fork->pid_, most));
  // Of a branch of a branch, the smaller tree is the inner one.
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  out.emplace_back(this, table.tree_of(pid_, most));
  std::set<pid_t> taken;
  for (auto& [worker, tree] : out) std::erase_if(tree, [&](pid_t pid) { return !taken.insert(pid).second; });
  std::rotate(out.begin(), out.end() - 1, out.end());
  return out;
}

std::uint64_t Worker::own_memory(const std::vector<pid_t>& tree) const {
  std::uint64_t sum = 0;
  for (const pid_t pid : tree) {
    const std::uint64_t held = status_of(pid).anonymous;
    sum += held - std::min(held, root().base_memory_);
  }
  return sum;
}

// The limits hold for all of them together. Who is above his own share of time, or has the most when they have too much
// together, is ended; it may be the worker itself.
void Worker::look_with_branches(const ProcessTable& table, const std::vector<std::shared_ptr<Worker>>& forks) {
  const Trees all = trees(table, forks);
  std::vector<pid_t> tree;
  for (const auto& [worker, own] : all) tree.insert(tree.end(), own.begin(), own.end());
  const auto largest = [&](auto size) {
    return std::max_element(all.begin(), all.end(),
                            [&](const auto& a, const auto& b) { return size(a.second) < size(b.second); })
        ->first;
  };
  if (!leaf_) {
    if (tree.size() > limits_.processes)
      return largest([](const std::vector<pid_t>& own) { return own.size(); })->kill(End::processes);
    if (is_over_memory(tree))
      return largest([&](const std::vector<pid_t>& own) { return own_memory(own); })->kill(End::memory);
  }
  for (const auto& [worker, own] : all)
    if (worker->end_ == End::none) worker->charge(worker->cpu_of(own), true);
}

}  // namespace qflow::workers
