#include "common/daemon/standard_routes.h"

#include "common/model/json_reader.h"

namespace penstock::daemon {
namespace {

Task<http::Response> answer(http::Response response) {
  co_return response;
}

http::Response json(int status, const model::Json& body) {
  return {status, model::dump_json(body), "application/json", {}};
}

http::Response readiness(const std::vector<std::string>& reasons) {
  if (reasons.empty()) return json(200, {{"status", "ready"}});
  return json(503, {{"status", "not ready"}, {"reasons", reasons}});
}

}  // namespace

void add_standard_routes(http::Router& router, std::function<std::vector<std::string>()> not_ready,
                         const metrics::Registry& registry) {
  using http::Method;
  router.on(Method::get, "/livez", [](http::Request) { return answer(json(200, {{"status", "ok"}})); });
  router.on(Method::get, "/readyz",
            [not_ready = std::move(not_ready)](http::Request) { return answer(readiness(not_ready())); });
  router.on(Method::get, "/metrics", [&registry](http::Request) {
    return answer({200, registry.text(), "text/plain; version=0.0.4; charset=utf-8", {}});
  });
}

}  // namespace penstock::daemon
