// fetch() against servers that answer badly.
#include <gtest/gtest.h>

#include <boost/asio/read_until.hpp>

#include "common/async/task_group.h"
#include "common/http/http.h"
#include "support/run_task.h"
#include "unit/http/raw_exchange.h"

namespace penstock::http {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

/// Takes one request, sends `answer` and closes; keeps the connection open and silent when `answer` is empty.
Task<void> answer_once(tcp::acceptor* acceptor, std::string answer, std::string* asked) {
  auto [error, socket] = co_await acceptor->async_accept(kAsTuple);
  if (error) co_return;
  auto [cut, n] = co_await boost::asio::async_read_until(socket, boost::asio::dynamic_buffer(*asked),
                                                         "\r\n\r\n", kAsTuple);
  if (cut) co_return;
  if (answer.empty()) co_await boost::asio::async_read(socket, boost::asio::dynamic_buffer(*asked), kAsTuple);
  [[maybe_unused]] auto written = co_await raw_write(&socket, answer);
}

class Client : public testing::Test {
 protected:
  Client() : acceptor_(loop_, {boost::asio::ip::address_v4::loopback(), 0}), group_(loop_.get_executor()) {}
  ~Client() override { test::run(loop_, group_.stop()); }
  Result<Response> fetch_from(std::string answer, Millis limit = 10s) {
    asked_.clear();
    group_.spawn("server", answer_once(&acceptor_, std::move(answer), &asked_));
    ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/a?b=c";
    return test::run(loop_, fetch(std::move(request), limit));
  }
  Errc error_from(std::string answer, Millis limit = 10s) {
    auto fetched = fetch_from(std::move(answer), limit);
    EXPECT_FALSE(fetched);
    return fetched ? Errc::internal : fetched.error().code;
  }

  boost::asio::io_context loop_;
  tcp::acceptor acceptor_;
  TaskGroup group_;
  std::string asked_;
};

TEST_F(Client, says_what_it_wants) {
  ASSERT_TRUE(fetch_from("HTTP/1.1 204 No Content\r\n\r\n"));
  EXPECT_TRUE(asked_.starts_with("GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:")) << asked_;
  EXPECT_NE(asked_.find("Connection: close\r\n"), std::string::npos) << asked_;
}

TEST_F(Client, reads_every_framing) {
  for (const char* answer :
       {"HTTP/1.1 503 Busy\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nn\r\n1\r\no\r\n0\r\n\r\n",
        "HTTP/1.0 503 Busy\r\n\r\nno"}) {
    auto fetched = fetch_from(answer);
    ASSERT_TRUE(fetched) << answer << fetched.error().text();
    EXPECT_EQ(fetched.value().status, 503) << "a status is a value";
    EXPECT_EQ(fetched.value().body, "no");
  }
}

TEST_F(Client, refuses_nonsense_and_bombs) {
  EXPECT_EQ(error_from("+PONG\r\n\r\n"), Errc::protocol);
  EXPECT_EQ(error_from("HTTP/1.1 banana\r\n\r\n"), Errc::protocol);
  EXPECT_EQ(error_from("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), Errc::protocol);
  EXPECT_EQ(error_from("HTTP/1.1 200 OK\r\nX: " + std::string(1'000'000, 'x')), Errc::protocol);
}

TEST_F(Client, an_answer_cut_short_is_no_answer) {
  EXPECT_EQ(error_from("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), Errc::io);
  EXPECT_EQ(error_from("HTTP/1.1 20"), Errc::io);
}

TEST_F(Client, a_silent_server_costs_no_more_than_the_limit) {
  const auto start = MonoClock::now();
  EXPECT_EQ(error_from("", 50ms), Errc::timeout);
  EXPECT_LT(MonoClock::now() - start, 5s);
}

TEST_F(Client, sends_no_header_of_two_lines) {
  for (const Headers& headers : {Headers{{"X", "a\r\nY: b"}}, Headers{{"X\r\nY", "a"}}, Headers{{"", "a"}},
                                 Headers{{"X", std::string("a\0b", 3)}}}) {
    ClientRequest request;
    request.url = "http://127.0.0.1:1/";
    request.headers = headers;
    auto fetched = test::run(loop_, fetch(request, 1s));
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, Errc::invalid_argument) << fetched.error().text();
  }
}

TEST(CheckUrl, wants_a_numeric_host) {
  for (const char* good : {"http://127.0.0.1", "http://127.0.0.1:8080/a/b?c=d", "http://[::1]:80/"})
    EXPECT_TRUE(check_url(good)) << good;
  for (const char* bad :
       {"", "/", "https://127.0.0.1/", "http://localhost/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/",
        "http://127.1/", "http://2130706433/", "http://127.0.0.1 /", "http://127.0.0.1/\r\nX: y"}) {
    auto checked = check_url(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, Errc::invalid_argument);
  }
}

}  // namespace
}  // namespace penstock::http
