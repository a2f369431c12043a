// Rules about znode paths and sizes. Pure. Private to common/zk.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/zk/zk.h"

namespace penstock::zk {

/// The server drops the connection of whoever sends more than jute.maxbuffer (1 MiB), and every other call on
/// it fails with it. We stay at half of that.
inline constexpr std::size_t kRequestBytesMax = 512 * 1024;
inline constexpr std::size_t kOperationsMax = 500;
/// After a reconnect the client sends all watched paths in one packet; beyond jute.maxbuffer it would never
/// come back.
inline constexpr std::size_t kWatchedBytesMax = 256 * 1024;

/// "/" or "/a/b": absolute, no empty parts, no trailing slash, no control characters.
Result<> check_path(std::string_view path);
Result<> check_size(std::string_view path, std::size_t bytes);
Result<> check_operations(const std::vector<Op>& operations);

/// "/a", "/a/b", "/a/b/c" of "/a/b/c"; empty for "/".
std::vector<std::string> path_and_parents(const std::string& path);

}  // namespace penstock::zk
