#include <gtest/gtest.h>

#include "common/http/http.h"
#include "support/run_task.h"

namespace penstock::http {
namespace {

Handler answer(std::string text) {
  // Not a coroutine itself: it calls one with its parameters by value.
  struct Echo {
    static Task<Response> run(std::string text, Request request) {
      for (const auto& [name, value] : request.path_params) text += " " + name + "=" + value;
      co_return Response{200, text, "text/plain", {}};
    }
  };
  return [text](Request request) { return Echo::run(text, std::move(request)); };
}

Response ask(const Router& router, Method method, std::string path) {
  boost::asio::io_context loop;
  Request request;
  request.method = method;
  request.path = std::move(path);
  return test::run(loop, router.handle(std::move(request)));
}

Router sample() {
  Router router;
  router.on(Method::get, "/api/{cluster}/{shard}", answer("shard"));
  router.on(Method::get, "/api/{cluster}/{shard}/redis/master", answer("master"));
  router.on(Method::post, "/api/{cluster}/backup", answer("backup"));
  router.on(Method::post, "/api/{cluster}/upstreamchanged/{ip}:{port}", answer("moved"));
  router.on(Method::get, "/api/v1/{thing}", answer("v1"));
  return router;
}

TEST(Router, fills_parameters) {
  const Router router = sample();
  EXPECT_EQ(ask(router, Method::get, "/api/orders/s1").body, "shard cluster=orders shard=s1");
  EXPECT_EQ(ask(router, Method::get, "/api/orders/s1/redis/master").body, "master cluster=orders shard=s1");
  EXPECT_EQ(ask(router, Method::post, "/api/orders/upstreamchanged/127.0.0.1:7001").body,
            "moved cluster=orders ip=127.0.0.1 port=7001");
}

TEST(Router, a_literal_segment_wins_over_a_parameter) {
  const Router router = sample();
  EXPECT_EQ(ask(router, Method::get, "/api/v1/slots").body, "v1 thing=slots");
  EXPECT_EQ(ask(router, Method::post, "/api/orders/backup").body, "backup cluster=orders");
}

TEST(Router, says_404_naming_the_path_and_405_with_allow) {
  const Router router = sample();
  const Response missing = ask(router, Method::get, "/nowhere/at/all/here");
  EXPECT_EQ(missing.status, 404);
  EXPECT_NE(missing.body.find("/nowhere/at/all/here"), std::string::npos);
  EXPECT_EQ(missing.content_type, "application/problem+json");
  const Response wrong = ask(router, Method::del, "/api/orders/s1");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("Allow"), "GET");
}

TEST(Problem, maps_errors_to_statuses_and_survives_bad_utf8) {
  EXPECT_EQ(problem(Error{Errc::invalid_argument, "x"}).status, 422);
  EXPECT_EQ(problem(Error{Errc::stale_epoch, "x"}).status, 409);
  EXPECT_EQ(problem(Error{Errc::unavailable, "x"}).status, 503);
  EXPECT_NE(problem(404, "not_found", "\xff\xfe").body.find("not_found"), std::string::npos);
}

}  // namespace
}  // namespace penstock::http
