#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <charconv>

#include "common/async/within.h"
#include "common/http/http.h"

namespace penstock::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kResponseBytesMax = 16u << 20;

struct Target {
  Address address;
  std::string path;
};

Result<Target> parse_url(const std::string& text) {
  auto url = boost::urls::parse_uri(text);
  if (!url || url->scheme() != "http")
    return fail(Errc::invalid_argument, "'" + text + "' is not an http:// URL");
  const std::string host(url->host_address());
  // From its digits: Boost.URL gives a number beyond 65535 wrapped around.
  std::int64_t port = 80;
  if (url->has_port()) {
    const auto digits = url->port();
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{}) return fail(Errc::invalid_argument, "'" + text + "': the port is no number");
  }
  PS_TRY(auto address, make_address(host, port));
  std::string path(url->encoded_path());
  if (path.empty()) path = "/";
  if (url->has_query()) path += "?" + std::string(url->encoded_query());
  return Target{std::move(address), std::move(path)};
}

beast::http::verb verb_of(Method method) {
  switch (method) {
    case Method::get:
      return beast::http::verb::get;
    case Method::post:
      return beast::http::verb::post;
    case Method::put:
      return beast::http::verb::put;
    case Method::patch:
      return beast::http::verb::patch;
    case Method::del:
      return beast::http::verb::delete_;
  }
  return beast::http::verb::get;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// A header is one line; what callers put into it may come from people.
Result<> check_headers(const Headers& headers) {
  static constexpr std::string_view kLineEnds("\r\n\0", 3);
  for (const auto& [name, value] : headers)
    if (name.empty() || name.find_first_of(kLineEnds) != name.npos ||
        value.find_first_of(kLineEnds) != value.npos)
      return fail(Errc::invalid_argument, "a header must be one line");
  return success();
}

Task<Result<Response>> exchange(ClientRequest request, Target target) {
  tcp::socket socket(co_await asio::this_coro::executor);
  const tcp::endpoint endpoint(asio::ip::make_address(target.address.host), target.address.port);
  auto [refused] = co_await socket.async_connect(endpoint, kAsTuple);
  if (refused) co_return fail(Errc::unavailable, refused.message());
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);

  beast::http::request<beast::http::string_body> message(verb_of(request.method), target.path, 11);
  message.set(beast::http::field::host, target.address.text());
  message.set(beast::http::field::user_agent, "penstock/" PENSTOCK_VERSION);
  message.set(beast::http::field::connection, "close");
  for (const auto& [name, value] : request.headers) message.set(name, value);
  if (!request.body.empty() || request.method != Method::get) {
    message.set(beast::http::field::content_type, request.content_type);
    message.body() = std::move(request.body);
    message.prepare_payload();
  }
  auto [unsent, sent] = co_await beast::http::async_write(socket, message, kAsTuple);
  if (unsent) co_return fail(Errc::io, unsent.message());

  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(kResponseBytesMax);
  auto [unread, got] = co_await beast::http::async_read(socket, buffer, parser, kAsTuple);
  if (unread == beast::http::error::end_of_stream || unread == beast::http::error::partial_message)
    co_return fail(Errc::io, "the peer closed the connection before its answer was complete");
  if (unread) {
    const bool nonsense =
        unread.category() == beast::http::make_error_code(beast::http::error::bad_version).category();
    co_return fail(nonsense ? Errc::protocol : Errc::io, unread.message());
  }
  const auto& answer = parser.get();
  Response response;
  response.status = answer.result_int();
  response.body = answer.body();
  for (const auto& field : answer) response.headers[lower(field.name_string())] = std::string(field.value());
  response.content_type = std::string(answer[beast::http::field::content_type]);
  co_return response;
}

}  // namespace

Result<> check_url(const std::string& url) {
  PS_TRY(parse_url(url));
  return success();
}

Task<Result<Response>> fetch(ClientRequest request, Millis limit) {
  const std::string what = std::string(to_string(request.method)) + " " + request.url;
  auto target = parse_url(request.url);
  if (!target) co_return fail(std::move(target).error().in(what));
  if (auto headers = check_headers(request.headers); !headers)
    co_return fail(std::move(headers).error().in(what));
  auto answer = co_await within(limit, "answer", exchange(std::move(request), std::move(target).value()));
  if (!answer) co_return fail(std::move(answer).error().in(what));
  co_return answer;
}

}  // namespace penstock::http
