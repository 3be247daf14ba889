#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "daemon/store/reserve.hpp"
#include "tests/support/process.hpp"

using namespace qflow;

TEST_CASE("the reserve is given up once, and made again when there is room") {
  const test::TempDir directory;
  store::Reserve reserve(directory.path());
  struct stat info {};
  REQUIRE(::stat((directory.path() + "/reserve").c_str(), &info) == 0);
  CHECK(info.st_size == 4 << 20);
  CHECK((info.st_mode & 0777U) == 0600);
  CHECK_FALSE(reserve.is_given_up());
  reserve.give_up();
  CHECK(::stat((directory.path() + "/reserve").c_str(), &info) != 0);
  CHECK_FALSE(reserve.is_given_up());  // this disk has room
  CHECK(::stat((directory.path() + "/reserve").c_str(), &info) == 0);
}

TEST_CASE("on a full disk it stays given up") {
  if (::geteuid() != 0) return;  // only root can mount a small disk
  const test::TempDir directory;
  REQUIRE(::mount("small", directory.path().c_str(), "tmpfs", 0, "size=4m") == 0);
  struct Mounted {
    std::string path;
    ~Mounted() { ::umount2(path.c_str(), MNT_DETACH); }
  } mounted{directory.path()};
  store::Reserve reserve(directory.path());
  std::ofstream(directory.path() + "/filler") << std::string(8U << 20U, 'x');
  reserve.give_up();
  std::ofstream(directory.path() + "/more") << std::string(8U << 20U, 'x');
  CHECK(reserve.is_given_up());
  ::unlink((directory.path() + "/filler").c_str());
  CHECK_FALSE(reserve.is_given_up());
}
