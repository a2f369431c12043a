#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "common/async/sleep.h"
#include "common/http/http.h"
#include "support/run_task.h"

namespace penstock::http {
namespace {

using namespace std::chrono_literals;

Task<Response> echo(Request request) {
  std::string text = std::string(to_string(request.method)) + " " + request.path + "?" +
                     request.query_or("q", "") + " " + request.header_or("x-test", "") + " " + request.body;
  co_return Response{201, text, "text/plain", {{"X-Answer", "yes"}}};
}
Task<Response> hang(Request) {
  if (auto slept = co_await sleep_for(1h); !slept) co_return Response{};
  co_return Response{};
}

class Exchange : public ::testing::Test {
 protected:
  Exchange() : server_(loop_.get_executor(), router_) {
    router_.on(Method::post, "/echo/{x}", echo);
    router_.on(Method::get, "/echo/{x}", echo);
    router_.on(Method::get, "/hang", hang);
    EXPECT_TRUE(server_.listen("127.0.0.1", 0));
  }
  ~Exchange() override { test::run(loop_, server_.stop()); }
  Result<Response> ask(ClientRequest request, Millis limit = 5s) {
    request.url = "http://127.0.0.1:" + std::to_string(server_.port()) + request.url;
    return test::run(loop_, fetch(std::move(request), limit));
  }

  boost::asio::io_context loop_;
  Router router_;
  Server server_;
};

TEST_F(Exchange, carries_everything_there_and_back) {
  ClientRequest request;
  request.method = Method::post;
  request.url = "/echo/a%20b?q=c%26d";
  request.headers = {{"X-Test", "t"}};
  request.body = "{\"k\":1}";
  auto answer = ask(request);
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer.value().status, 201);
  EXPECT_EQ(answer.value().body, "POST /echo/a b?c&d t {\"k\":1}");
  EXPECT_EQ(answer.value().headers.at("x-answer"), "yes");
}

TEST_F(Exchange, carries_a_body_of_a_megabyte_less_one_and_refuses_more) {
  ClientRequest request;
  request.method = Method::post;
  request.url = "/echo/x";
  request.body = std::string((1 << 20) - 1, 'x');
  EXPECT_EQ(ask(request).value().status, 201);
  request.body = std::string((1 << 20) + 1, 'x');
  auto refused = ask(request);
  if (refused) {
    EXPECT_EQ(refused.value().status, 413);
  } else {
    EXPECT_EQ(refused.error().code, Errc::io) << "closed while we were still sending";
  }
}

TEST_F(Exchange, names_the_url_in_every_error) {
  ClientRequest hanging;
  hanging.url = "/hang";
  auto late = ask(hanging, 20ms);
  EXPECT_EQ(late.error().code, Errc::timeout);
  EXPECT_NE(late.error().message.find("/hang"), std::string::npos);

  ClientRequest nobody;
  nobody.url = "http://127.0.0.1:1/x";
  auto refused = test::run(loop_, fetch(nobody, 5s));
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_NE(refused.error().message.find("127.0.0.1:1"), std::string::npos);
  for (const char* bad : {"", "ftp://127.0.0.1/", "http://localhost/", "127.0.0.1:80"}) {
    ClientRequest request;
    request.url = bad;
    EXPECT_EQ(test::run(loop_, fetch(request, 1s)).error().code, Errc::invalid_argument) << bad;
  }
}

TEST_F(Exchange, an_address_in_use_is_an_error_that_names_it) {
  Server second(loop_.get_executor(), router_);
  auto listening = second.listen("127.0.0.1", server_.port());
  ASSERT_FALSE(listening);
  EXPECT_NE(listening.error().message.find(std::to_string(server_.port())), std::string::npos);
  test::run(loop_, second.stop());
}

}  // namespace
}  // namespace penstock::http
