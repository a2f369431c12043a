// A numeric host and a port. Names are never resolved: whoever can say REPLICAOF owns the data, so an address
// that Penstock uses is one that somebody wrote down.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace penstock {

struct Address {
  std::string host;  ///< numeric IPv4 or IPv6 (without brackets)
  std::uint16_t port = 0;

  bool empty() const { return host.empty(); }
  std::string text() const;  ///< "127.0.0.1:6379" or "[::1]:6379"
  auto operator<=>(const Address&) const = default;
};

/// Parses "ip:port" or "[ip6]:port"; port 1..65535. The error names what is wrong with the text.
Result<Address> parse_address(std::string_view text);
Result<Address> make_address(std::string_view host, std::int64_t port);

}  // namespace penstock
