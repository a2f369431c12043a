#include "common/daemon/standard_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/daemon/daemon.h"
#include "support/run_task.h"

namespace penstock::daemon {
namespace {

class StandardRoutes : public testing::Test {
 protected:
  StandardRoutes() {
    add_standard_routes(router_, [this] { return reasons_; }, registry_);
  }
  http::Response get(std::string path) {
    boost::asio::io_context loop;
    http::Request request;
    request.path = std::move(path);
    return test::run(loop, router_.handle(std::move(request)));
  }

  std::vector<std::string> reasons_;
  metrics::Registry registry_;
  http::Router router_;
};

TEST_F(StandardRoutes, alive_whatever_is_missing) {
  reasons_ = {"ZooKeeper 127.0.0.1:2181: connection refused"};
  const http::Response answer = get("/livez");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"status":"ok"})");
}

TEST_F(StandardRoutes, ready_only_without_reasons) {
  EXPECT_EQ(get("/readyz").status, 200);
  reasons_ = {"no ZooKeeper", "no \"slots\""};
  const http::Response answer = get("/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, R"({"reasons":["no ZooKeeper","no \"slots\""],"status":"not ready"})");
  reasons_.clear();
  EXPECT_EQ(get("/readyz").status, 200) << "asked anew each time";
}

TEST_F(StandardRoutes, metrics_in_text_format) {
  registry_.counter("penstock_x_total", "X.").add(3);
  const http::Response answer = get("/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.content_type.starts_with("text/plain; version=0.0.4"));
  EXPECT_THAT(answer.body, testing::HasSubstr("penstock_x_total 3"));
}

TEST(RouteLines, are_sorted_one_a_line) {
  http::Router router;
  for (const char* pattern : {"/b/{x}", "/a"})
    for (const http::Method method : {http::Method::post, http::Method::get}) router.on(method, pattern, {});
  EXPECT_EQ(route_lines(router), "GET /a\nGET /b/{x}\nPOST /a\nPOST /b/{x}\n");
}

}  // namespace
}  // namespace penstock::daemon
