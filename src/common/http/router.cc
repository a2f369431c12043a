#include <algorithm>
#include <optional>

#include "common/base/check.h"
#include "common/http/http.h"

namespace penstock::http {
namespace {

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the leading '/'
    const auto end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool is_parameter(std::string_view segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}

/// How specific a match is: one more for each literal segment, the leftmost counting most. nullopt: no match.
std::optional<std::uint64_t> match(std::string_view pattern, std::string_view path,
                                   std::map<std::string, std::string>& params) {
  const auto wanted = split(pattern);
  const auto given = split(path);
  if (wanted.size() != given.size()) return std::nullopt;
  std::uint64_t specific = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    specific <<= 1;
    const bool embedded = wanted[i].find("}:{") != std::string_view::npos;  // "{ip}:{port}"
    if (embedded) {
      const auto colon = given[i].rfind(':');
      const auto middle = wanted[i].find("}:{");
      if (colon == std::string_view::npos) return std::nullopt;
      params[std::string(wanted[i].substr(1, middle - 1))] = given[i].substr(0, colon);
      params[std::string(wanted[i].substr(middle + 3, wanted[i].size() - middle - 4))] =
          given[i].substr(colon + 1);
    } else if (is_parameter(wanted[i])) {
      if (given[i].empty()) return std::nullopt;
      params[std::string(wanted[i].substr(1, wanted[i].size() - 2))] = given[i];
    } else if (wanted[i] == given[i]) {
      specific |= 1;
    } else {
      return std::nullopt;
    }
  }
  return specific;
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
  }
  return "?";
}

std::string Request::query_or(const std::string& name, std::string fallback) const {
  const auto found = query.find(name);
  return found == query.end() ? std::move(fallback) : found->second;
}

std::string Request::header_or(const std::string& name, std::string fallback) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::move(fallback) : found->second;
}

void Router::on(Method method, std::string pattern, Handler handler) {
  for (const Route& route : routes_)
    PS_CHECK(route.method != method || route.pattern != pattern, "a route is registered once");
  routes_.push_back({method, std::move(pattern), std::move(handler)});
}

Task<Response> Router::handle(Request request) const {
  const Route* best = nullptr;
  std::uint64_t best_specific = 0;
  std::map<std::string, std::string> best_params;
  std::uint64_t any_specific = 0;
  std::string allow;
  // The most specific pattern decides, whatever its methods; then the method decides between 405 and the
  // handler.
  for (const Route& route : routes_) {
    std::map<std::string, std::string> params;
    const auto specific = match(route.pattern, request.path, params);
    if (!specific) continue;
    if (allow.empty() || *specific > any_specific) allow.clear(), any_specific = *specific;
    if (*specific < any_specific) continue;
    allow += (allow.empty() ? "" : ", ") + std::string(to_string(route.method));
    if (route.method != request.method) continue;
    best = &route;
    best_specific = *specific;
    best_params = std::move(params);
  }
  if (best && best_specific == any_specific) {
    request.path_params = std::move(best_params);
    co_return co_await best->handler(std::move(request));
  }
  if (!allow.empty()) {
    Response response =
        problem(405, "method_not_allowed",
                std::string(to_string(request.method)) + " is not allowed for " + request.path);
    response.headers["Allow"] = allow;
    co_return response;
  }
  co_return problem(404, "not_found", "no such path: " + request.path);
}

}  // namespace penstock::http
