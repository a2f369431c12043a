// HTTP/1.1 for our daemons, with plain structs: nobody outside common/http sees Beast.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/async/task.h"
#include "common/async/task_group.h"
#include "common/base/address.h"

namespace penstock::http {

enum class Method { get, post, put, patch, del };
std::string_view to_string(Method method);  ///< "GET" …

using Headers = std::map<std::string, std::string>;  ///< keys in lower case

struct Request {
  Method method = Method::get;
  std::string path;                                ///< percent-decoded path, without the query
  std::map<std::string, std::string> path_params;  ///< filled by the router: "/api/{cluster}" → cluster
  std::map<std::string, std::string> query;
  Headers headers;
  std::string body;
  std::string peer;  ///< remote address, for audit and logs

  const std::string& param(const std::string& name) const { return path_params.at(name); }
  std::string query_or(const std::string& name, std::string fallback) const;
  std::string header_or(const std::string& name, std::string fallback) const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  Headers headers;
};

/// RFC 9457 problem: {"type":"about:blank","title":…,"status":…,"code":…,"detail":…, …}. `code` is a stable
/// word.
Response problem(int status, std::string_view code, std::string_view detail);
/// The same from an Error: invalid_argument 422, not_found 404, conflict and stale_epoch 409, refused 422,
/// not_leader and unavailable 503, timeout 504, unsupported 501, else 500.
Response problem(const Error& error);

using Handler = std::function<Task<Response>(Request)>;

struct Route {
  Method method;
  std::string pattern;  ///< "/api/{cluster}/{shard}"; a literal segment wins over a parameter
  Handler handler;
};

class Router {
 public:
  /// A pattern registered twice is a bug and aborts.
  void on(Method method, std::string pattern, Handler handler);
  /// 404 with a problem naming the path, 405 with Allow when only the method does not fit.
  Task<Response> handle(Request request) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

struct Limits {
  std::size_t body_bytes_max = 1 << 20;
  std::size_t header_bytes_max = 16 << 10;
  std::size_t connections_max = 256;
  Millis header_timeout{5'000};
  Millis body_timeout{10'000};
  Millis idle_timeout{30'000};
};

/// Listens and serves until stopped. Refuses what a strict gate refuses (two Host headers, odd
/// Transfer-Encoding, body on GET, obs-fold …) with 400 and a closed connection.
class Server {
 public:
  /// `router` must outlive the server.
  Server(Executor executor, const Router& router, Limits limits = {});
  ~Server();

  /// Binds now: an address in use is an error here, naming the address. Port 0 takes a free one.
  Result<> listen(const std::string& host, std::uint16_t port);
  std::uint16_t port() const;
  /// Closes the listener and every connection, and joins them.
  Task<void> stop();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

struct ClientRequest {
  Method method = Method::get;
  std::string url;  ///< "http://127.0.0.1:8080/path?query"; numeric host
  std::string body;
  std::string content_type = "application/json";
  Headers headers;
};

/// Whether fetch() could use it: "http://<numeric ip>[:port][/path][?query]". invalid_argument says what is
/// wrong.
Result<> check_url(const std::string& url);

/// One request on a connection of its own. A status other than 2xx is a value, not an error.
/// Errors name the URL: invalid_argument (bad URL), unavailable (refused), timeout, protocol.
Task<Result<Response>> fetch(ClientRequest request, Millis limit);

}  // namespace penstock::http
