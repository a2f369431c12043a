// The epoch of an order: cluster epoch (raised only by a DC switch) and shard term (raised by the shard's
// owner when it takes the shard and before each role decision), compared in that order. Whoever has seen a
// higher one refuses.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "common/base/result.h"

namespace penstock {

struct Epoch {
  std::uint32_t cluster = 0;
  std::uint32_t term = 0;

  auto operator<=>(const Epoch&) const = default;

  std::uint64_t packed() const { return (std::uint64_t{cluster} << 32) | term; }
  static Epoch unpack(std::uint64_t value) {
    return {static_cast<std::uint32_t>(value >> 32), static_cast<std::uint32_t>(value)};
  }
  std::string text() const { return std::to_string(cluster) + "." + std::to_string(term); }
};

}  // namespace penstock
