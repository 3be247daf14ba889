// A disk that fails on demand, as a library for LD_PRELOAD: writes and synchronisations of files below one directory.
// QFLOW_FAULTY_DISK names the directory, and QFLOW_FAULT a file that says what to do, read anew for each call:
// "enospc" and "eio" fail writes, "eio-sync" fails synchronisations, "slow-sync" makes each take 0.2 s; anything else,
// or no file, does nothing.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

template <class F>
F real(F, const char* name) {
  return reinterpret_cast<F>(::dlsym(RTLD_NEXT, name));
}

bool concerns(int fd) {
  const char* directory = std::getenv("QFLOW_FAULTY_DISK");
  if (directory == nullptr) return false;
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  if (size <= 0) return false;
  path[size] = '\0';
  return std::strncmp(path, directory, std::strlen(directory)) == 0;
}

bool is_now(const char* fault, int fd) {
  const char* file = std::getenv("QFLOW_FAULT");
  if (file == nullptr) return false;
  const int control = ::open(file, O_RDONLY | O_CLOEXEC);
  if (control < 0) return false;
  char text[32] = {};
  const ssize_t got = ::read(control, text, sizeof text - 1);
  ::close(control);
  return got > 0 && std::strcmp(text, fault) == 0 && concerns(fd);
}

int failing_write(int fd) { return is_now("enospc", fd) ? ENOSPC : is_now("eio", fd) ? EIO : 0; }

bool failing_sync(int fd) {
  if (is_now("slow-sync", fd)) ::usleep(200'000);
  return is_now("eio-sync", fd);
}

}  // namespace

extern "C" {

ssize_t write(int fd, const void* bytes, size_t size) {
  static const auto kReal = real(&write, "write");
  if (const int error = failing_write(fd); error != 0) return errno = error, -1;
  return kReal(fd, bytes, size);
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  static const auto kReal = real(&pwrite64, "pwrite64");
  if (const int error = failing_write(fd); error != 0) return errno = error, -1;
  return kReal(fd, bytes, size, at);
}

int fallocate64(int fd, int mode, off64_t at, off64_t size) {
  static const auto kReal = real(&fallocate64, "fallocate64");
  if (const int error = failing_write(fd); error != 0) return errno = error, -1;
  return kReal(fd, mode, at, size);
}

int posix_fallocate64(int fd, off64_t at, off64_t size) {
  static const auto kReal = real(&posix_fallocate64, "posix_fallocate64");
  if (const int error = failing_write(fd); error != 0) return error;
  return kReal(fd, at, size);
}

int fallocate(int fd, int mode, off_t at, off_t size) { return fallocate64(fd, mode, at, size); }

int posix_fallocate(int fd, off_t at, off_t size) { return posix_fallocate64(fd, at, size); }

int fsync(int fd) {
  static const auto kReal = real(&fsync, "fsync");
  return failing_sync(fd) ? (errno = EIO, -1) : kReal(fd);
}

int fdatasync(int fd) {
  static const auto kReal = real(&fdatasync, "fdatasync");
  return failing_sync(fd) ? (errno = EIO, -1) : kReal(fd);
}

}  // extern "C"
