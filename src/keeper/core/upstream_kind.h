// Whom a keeper follows, as far as its links differ by it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "keeper/core/order.h"

namespace penstock::keeper {

enum class UpstreamKind : std::uint8_t {
  master,    ///< a Redis
  own_dc,    ///< the active keeper of its own data center
  other_dc,  ///< the active keeper of another one
};

/// What the order implies: where the master is, the active keeper follows it.
UpstreamKind upstream_kind(const Standing& standing);

/// "master", "own_dc", "other_dc"
std::optional<UpstreamKind> upstream_kind_named(std::string_view word);

}  // namespace penstock::keeper
