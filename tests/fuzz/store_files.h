// The files of a store as values: fuzz targets put them down, as they were or damaged, before each run.
#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "support/temp_dir.h"

namespace penstock::fuzz {

using Files = std::map<std::string, std::string>;  ///< path in the store's directory: content

/// Of this process, gone with it.
inline const std::filesystem::path& directory() {
  static const test::TempDir dir;
  return dir.path();
}

inline Files files_in(const std::filesystem::path& dir) {
  Files files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files[std::filesystem::relative(entry.path(), dir)] = {std::istreambuf_iterator<char>(in), {}};
  }
  return files;
}

/// A name that stays in the directory.
inline bool is_tame(const std::string& name) {
  return name.find('\0') == std::string::npos && name.find("..") == std::string::npos &&
         !name.starts_with('/') && !name.ends_with('/');
}

/// Instead of whatever is there. What cannot be, a file that is a directory too, is left out.
inline void put_files(const std::filesystem::path& dir, const Files& files) {
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  std::error_code ignored;
  for (const auto& [name, content] : files) {
    if (!is_tame(name)) continue;
    std::filesystem::create_directories((dir / name).parent_path(), ignored);
    std::ofstream(dir / name, std::ios::binary) << content;
  }
}

}  // namespace penstock::fuzz
