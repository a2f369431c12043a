// What a disk may hold after a loss of power: of what was not synced anything, or nothing, or half of a
// write.
//
// Kept for each file: what is on disk, and the writes and truncations since; and, in their order, the changes
// of names that no sync of a directory has made last. A sync that failed makes nothing last, ever: the kernel
// forgets that the pages were dirty, and a later sync that succeeds says nothing of them.
#pragma once

#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "support/disk_calls.h"

namespace penstock::test {

enum class Loss {
  nothing,      ///< the process died, the machine did not
  all,          ///< whatever was not synced
  contents,     ///< names and sizes are there, what was not synced is not: old bytes, or zeros
  names,        ///< contents are there, but names are those of the last syncs
  torn,         ///< the last write is there in half
  some,         ///< of names a beginning, of contents any part, at random
  some_anyhow,  ///< as some, and changes of different names know no order
};
inline constexpr Loss kLosses[] = {Loss::nothing, Loss::all,  Loss::contents,   Loss::names,
                                   Loss::torn,    Loss::some, Loss::some_anyhow};
std::string_view to_string(Loss loss);

class PageCache {
 public:
  /// Of what lies beneath `directory`, which is empty or missing.
  explicit PageCache(std::filesystem::path directory) : directory_(std::move(directory)) {}

  void apply(const DiskCall& call);
  void sync_failed(const DiskCall& call);
  /// What is there after the loss, by path beneath the directory; an empty optional is a directory.
  using Image = std::map<std::string, std::optional<std::string>>;
  Image after(Loss loss, std::mt19937& random) const;
  static void put(const Image& image, const std::filesystem::path& directory);

 private:
  struct Change {
    enum class State { pending, lost, made } state = State::pending;
    std::uint64_t at = 0;
    std::string bytes;    ///< empty: a truncation to `at`
    std::uint64_t order;  ///< among all writes
  };
  struct File {
    std::string on_disk;
    std::vector<Change> changes;
  };
  using FileOrDirectory = std::shared_ptr<File>;  ///< null: a directory
  struct NameChange {
    std::string from, to;  ///< one of them may be empty: made, removed
    FileOrDirectory what;
  };
  using Names = std::map<std::string, FileOrDirectory>;

  std::string name(const std::string& path) const;
  static void make(Names& names, const NameChange& change);
  static void carry_out(std::string& content, const Change& change, std::size_t bytes);
  std::string content(const File& file, Loss loss, std::mt19937& random) const;
  Names names_after(Loss loss, std::mt19937& random) const;

  std::filesystem::path directory_;
  Names now_, on_disk_;
  std::list<NameChange> name_changes_;
  std::uint64_t writes_ = 0;
};

}  // namespace penstock::test
