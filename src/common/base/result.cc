#include "common/base/result.h"

namespace penstock {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::not_found:
      return "not_found";
    case Errc::conflict:
      return "conflict";
    case Errc::refused:
      return "refused";
    case Errc::stale_epoch:
      return "stale_epoch";
    case Errc::not_leader:
      return "not_leader";
    case Errc::unavailable:
      return "unavailable";
    case Errc::timeout:
      return "timeout";
    case Errc::cancelled:
      return "cancelled";
    case Errc::protocol:
      return "protocol";
    case Errc::io:
      return "io";
    case Errc::corrupt:
      return "corrupt";
    case Errc::unsupported:
      return "unsupported";
    case Errc::internal:
      return "internal";
  }
  return "unknown";
}

bool is_retryable(Errc code) {
  return code == Errc::unavailable || code == Errc::timeout || code == Errc::io || code == Errc::not_leader;
}

Error Error::in(std::string_view caller) && {
  message.insert(0, std::string(caller) + ": ");
  return std::move(*this);
}

std::string Error::text() const {
  return std::string(to_string(code)) + ": " + message;
}

}  // namespace penstock
