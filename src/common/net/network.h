// A range of IP addresses.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace penstock::net {

class Network {
 public:
  /// "10.1.0.0/16", "fd00::/8"; an address without a length is that address alone.
  static Result<Network> parse(std::string_view text);

  /// `host`: a numeric address, IPv4 also as an IPv6 socket shows it (::ffff:10.1.0.1).
  bool contains(const std::string& host) const;

 private:
  using Bytes = std::array<unsigned char, 16>;  ///< as IPv6, IPv4 mapped into it

  Bytes first_{};
  int length_ = 0;  ///< leading bits that count
};

}  // namespace penstock::net
