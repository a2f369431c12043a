// An RDB as Redis 7.0 writes it, of string keys, with its checksum: real enough for a Redis to load.
#pragma once

#include <cstddef>
#include <vector>

namespace penstock::bench {

/// About `bytes` long; 0: the shortest that there is, without a key.
std::vector<char> make_rdb(std::size_t bytes);

}  // namespace penstock::bench
