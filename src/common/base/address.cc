#include "common/base/address.h"

#include <arpa/inet.h>

#include <charconv>

namespace penstock {
namespace {

bool is_numeric_host(const std::string& host) {
  in_addr v4;
  in6_addr v6;
  return inet_pton(AF_INET, host.c_str(), &v4) == 1 || inet_pton(AF_INET6, host.c_str(), &v6) == 1;
}

}  // namespace

std::string Address::text() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> make_address(std::string_view host, std::int64_t port) {
  Address address{std::string(host), static_cast<std::uint16_t>(port)};
  if (!is_numeric_host(address.host))
    return fail(Errc::invalid_argument, "'" + address.host + "' is not a numeric IP address");
  if (port < 1 || port > 65535)
    return fail(Errc::invalid_argument, "port " + std::to_string(port) + " is not in 1..65535");
  return address;
}

Result<Address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return fail(Errc::invalid_argument, "'" + std::string(text) + "' is not ip:port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return fail(Errc::invalid_argument, "'" + std::string(text) + "': write IPv6 as [ip]:port");
  }
  int port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || digits.empty())
    return fail(Errc::invalid_argument, "'" + std::string(text) + "' is not ip:port");
  return make_address(host, port);
}

}  // namespace penstock
