// Requests on which two parsers could disagree are refused, and nothing that follows them is executed.
#include <gtest/gtest.h>

#include "common/async/within.h"
#include "common/http/http.h"
#include "support/run_task.h"
#include "unit/http/raw_exchange.h"

namespace penstock::http {
namespace {

using namespace std::chrono_literals;

class StrictGate : public ::testing::Test {
 protected:
  StrictGate() : server_(loop_.get_executor(), router_, limits()) {
    router_.on(Method::get, "/x", [this](Request request) { return count(std::move(request)); });
    router_.on(Method::post, "/x", [this](Request request) { return count(std::move(request)); });
    EXPECT_TRUE(server_.listen("127.0.0.1", 0));
  }
  ~StrictGate() override { test::run(loop_, server_.stop()); }
  static Limits limits() {
    Limits limits;
    limits.header_timeout = 200ms;
    limits.body_timeout = 200ms;
    limits.idle_timeout = 200ms;
    limits.header_bytes_max = 2048;
    return limits;
  }
  Task<Response> count(Request) {
    ++served_;
    co_return Response{200, "{}", "application/json", {}};
  }
  std::string send(std::string bytes) {
    auto answer = test::run(loop_, within(5s, "raw", raw_exchange(server_.port(), std::move(bytes))));
    EXPECT_TRUE(answer) << answer.error().text();
    return answer ? answer.value() : "";
  }

  int served_ = 0;
  boost::asio::io_context loop_;
  Router router_;
  Server server_;
};

TEST_F(StrictGate, serves_what_is_well_formed_with_keep_alive) {
  const std::string two =
      "GET /x HTTP/1.1\r\nHost: a\r\n\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
      "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: "
      "close\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
  EXPECT_TRUE(send(two).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(served_, 3);
}

TEST_F(StrictGate, refuses_what_two_parsers_could_read_differently) {
  const std::string next = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  for (const std::string& bad : {
           std::string("GET /x HTTP/1.1\r\n\r\n"),                                // no Host
           std::string("GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),          // two
           std::string("GET /x HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n"),  // obs-fold
           std::string("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
           std::string("POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
           std::string("POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
           std::string("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: "
                       "chunked\r\n\r\n0\r\n\r\n"),
           std::string("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\n{}"),
           std::string("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
           std::string("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
           std::string("GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"),  // body on GET
           std::string("GET http://a/x HTTP/1.1\r\nHost: a\r\n\r\n"),                 // absolute form
           std::string("GET /x/../x HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET /x%2fy HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET /x%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("BREW /x HTTP/1.1\r\nHost: a\r\n\r\n"),
           std::string("GET /x HTTP/9.9\r\nHost: a\r\n\r\n"),
           std::string("nonsense\r\n\r\n"),
       }) {
    served_ = 0;
    const std::string answer = send(bad + next);
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 4")) << bad << answer;
    EXPECT_EQ(answer.find("HTTP/1.1 200"), std::string::npos) << "executed what follows: " << bad;
    EXPECT_EQ(served_, 0) << bad;
  }
}

TEST_F(StrictGate, a_header_without_end_is_cut_off_by_size_and_by_time) {
  EXPECT_TRUE(send("GET /x HTTP/1.1\r\nHost: a\r\nX: " + std::string(4096, 'x') + "\r\n\r\n")
                  .starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(send("GET /x HTTP/1.1\r\nHo").starts_with("HTTP/1.1 408"));
  EXPECT_EQ(send(""), "") << "an idle connection is closed without a word";
  EXPECT_TRUE(send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{").starts_with("HTTP/1.1 408"));
}

}  // namespace
}  // namespace penstock::http
