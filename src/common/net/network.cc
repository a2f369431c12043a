#include "common/net/network.h"

#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <optional>

namespace penstock::net {
namespace {

namespace ip = boost::asio::ip;
constexpr int kMappedBits = 96;  ///< before an IPv4 address in IPv6

std::optional<ip::address> address_of(const std::string& text) {
  boost::system::error_code error;
  auto address = ip::make_address(text, error);
  if (error) return std::nullopt;
  return address;
}

std::array<unsigned char, 16> bytes_of(const ip::address& address) {
  return address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes()
                         : address.to_v6().to_bytes();
}

}  // namespace

Result<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = address_of(std::string(text.substr(0, slash)));
  const auto wrong = [text] {
    return fail(Errc::invalid_argument,
                "'" + std::string(text) + "' is not an address range like 10.1.0.0/16");
  };
  if (!address) return wrong();
  const int bits = address->is_v4() ? 32 : 128;
  int length = bits;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || end != digits.data() + digits.size() || length < 0 || length > bits)
      return wrong();
  }
  Network network;
  network.first_ = bytes_of(*address);
  network.length_ = address->is_v4() ? kMappedBits + length : length;
  return network;
}

bool Network::contains(const std::string& host) const {
  const auto address = address_of(host);
  if (!address) return false;
  const Bytes bytes = bytes_of(*address);
  int left = length_;
  for (std::size_t i = 0; left > 0; ++i, left -= 8) {
    const int ignored = left >= 8 ? 0 : 8 - left;
    if ((bytes[i] ^ first_[i]) >> ignored != 0) return false;
  }
  return true;
}

}  // namespace penstock::net
