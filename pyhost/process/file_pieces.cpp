#include "pyhost/process/file_pieces.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/sys.hpp"

namespace qflow::pyhost {

void read_in_pieces(const std::string& path,
                    const std::function<void(std::string_view, bool, const std::optional<std::string>&)>& piece) {
  const sandbox::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return piece({}, true, std::string("open: ") + std::strerror(errno));
  std::string bytes(256U << 10U, '\0');
  for (;;) {
    const ssize_t got = sandbox::retry([&] { return ::read(fd.get(), bytes.data(), bytes.size()); });
    if (got < 0) return piece({}, true, std::string("read: ") + std::strerror(errno));
    if (got == 0) return piece({}, true, std::nullopt);
    piece({bytes.data(), static_cast<std::size_t>(got)}, false, std::nullopt);
  }
}

}  // namespace qflow::pyhost
