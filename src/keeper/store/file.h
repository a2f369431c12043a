// Files whose failures are values that name the file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"

namespace penstock::keeper {

/// An open file descriptor, closed on destruction.
class File {
 public:
  File() = default;
  File(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept;
  ~File();

  static Result<File> open(const std::filesystem::path& path, int flags, mode_t mode = 0640);

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  const std::filesystem::path& path() const { return path_; }
  Result<std::uint64_t> size() const;
  /// All of `bytes`, or an error and possibly some of them written.
  Result<> write_at(std::uint64_t at, std::string_view bytes) const;
  Result<> write_at(std::uint64_t at, std::span<const std::string_view> pieces) const;
  /// Up to `max` bytes; fewer only at the end of the file.
  Result<std::size_t> read_at(std::uint64_t at, char* out, std::size_t max) const;
  Result<> truncate(std::uint64_t size) const;
  Result<> sync() const;  ///< fdatasync
  Result<File> duplicate() const;

 private:
  int fd_ = -1;
  std::filesystem::path path_;
};

Result<> sync_directory(const std::filesystem::path& dir);
/// Writes beside, syncs, renames over `path`, syncs the directory: afterwards the file is whole, old or new.
Result<> replace_file(const std::filesystem::path& path, std::string_view content);
Result<std::string> read_file(const std::filesystem::path& path);
Error io_error(const std::filesystem::path& path, std::string_view doing);  ///< from errno

}  // namespace penstock::keeper
