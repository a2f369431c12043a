#include "keeper/store/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

namespace penstock::keeper {

Error io_error(const std::filesystem::path& path, std::string_view doing) {
  return {Errc::io,
          path.string() + ": " + std::string(doing) + ": " + std::generic_category().message(errno)};
}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
    path_ = std::move(other.path_);
  }
  return *this;
}

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

Result<File> File::open(const std::filesystem::path& path, int flags, mode_t mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return fail(io_error(path, "open"));
  return File(fd, path);
}

Result<std::uint64_t> File::size() const {
  struct stat status;
  if (::fstat(fd_, &status) != 0) return fail(io_error(path_, "stat"));
  return static_cast<std::uint64_t>(status.st_size);
}

Result<> File::write_at(std::uint64_t at, std::string_view bytes) const {
  return write_at(at, std::span(&bytes, 1));
}

Result<> File::write_at(std::uint64_t at, std::span<const std::string_view> pieces) const {
  std::vector<iovec> left;
  left.reserve(pieces.size());
  for (const std::string_view piece : pieces)
    left.push_back({const_cast<char*>(piece.data()), piece.size()});  // only read from
  for (std::size_t next = 0; next < left.size();) {
    const auto count = static_cast<int>(std::min<std::size_t>(left.size() - next, IOV_MAX));
    const ssize_t n = ::pwritev(fd_, &left[next], count, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(io_error(path_, "write"));
    at += static_cast<std::uint64_t>(n);
    auto taken = static_cast<std::size_t>(n);
    for (; next < left.size() && taken >= left[next].iov_len; ++next) taken -= left[next].iov_len;
    if (next == left.size()) break;
    left[next].iov_base = static_cast<char*>(left[next].iov_base) + taken;
    left[next].iov_len -= taken;
  }
  return success();
}

Result<std::size_t> File::read_at(std::uint64_t at, char* out, std::size_t max) const {
  std::size_t got = 0;
  while (got < max) {
    const ssize_t n = ::pread(fd_, out + got, max - got, static_cast<off_t>(at + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(io_error(path_, "read"));
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  return got;
}

Result<> File::truncate(std::uint64_t size) const {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return fail(io_error(path_, "truncate"));
  return success();
}

Result<> File::sync() const {
  if (::fdatasync(fd_) != 0) return fail(io_error(path_, "sync"));
  return success();
}

Result<File> File::duplicate() const {
  const int fd = ::fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return fail(io_error(path_, "dup"));
  return File(fd, path_);
}

Result<> sync_directory(const std::filesystem::path& dir) {
  PS_TRY(auto file, File::open(dir, O_RDONLY | O_DIRECTORY));
  if (::fsync(file.fd()) != 0) return fail(io_error(dir, "sync"));
  return success();
}

Result<> replace_file(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path beside = path.string() + ".new";
  PS_TRY(auto file, File::open(beside, O_WRONLY | O_CREAT | O_TRUNC));
  PS_TRY(file.write_at(0, content));
  PS_TRY(file.sync());
  if (::rename(beside.c_str(), path.c_str()) != 0) return fail(io_error(path, "rename"));
  return sync_directory(path.parent_path());
}

Result<std::string> read_file(const std::filesystem::path& path) {
  PS_TRY(auto file, File::open(path, O_RDONLY));
  PS_TRY(const auto size, file.size());
  std::string content(size, '\0');
  PS_TRY(const auto got, file.read_at(0, content.data(), content.size()));
  content.resize(got);
  return content;
}

}  // namespace penstock::keeper
