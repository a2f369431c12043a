#include <nlohmann/json.hpp>

#include "common/http/http.h"

namespace penstock::http {
namespace {

std::string_view title_of(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Error";
  }
}

int status_of(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
    case Errc::refused:
      return 422;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
    case Errc::stale_epoch:
      return 409;
    case Errc::not_leader:
    case Errc::unavailable:
    case Errc::cancelled:
      return 503;
    case Errc::timeout:
      return 504;
    case Errc::unsupported:
      return 501;
    case Errc::protocol:
    case Errc::io:
    case Errc::corrupt:
    case Errc::internal:
      return 500;
  }
  return 500;
}

}  // namespace

Response problem(int status, std::string_view code, std::string_view detail) {
  const nlohmann::json body = {{"type", "about:blank"},
                               {"title", title_of(status)},
                               {"status", status},
                               {"code", code},
                               {"detail", detail}};
  return {status,
          body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
          "application/problem+json",
          {}};
}

Response problem(const Error& error) {
  return problem(status_of(error.code), to_string(error.code), error.message);
}

}  // namespace penstock::http
