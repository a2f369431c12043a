// Peers that are many, slow, silent or greedy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "common/async/sleep.h"
#include "common/http/http.h"
#include "support/eventually.h"
#include "support/resp_connection.h"
#include "support/run_task.h"
#include "unit/http/raw_exchange.h"

namespace penstock::http {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kLastGet = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

Task<Response> forged(Request request) {
  co_return Response{200, request.query_or("n", "{}"), "text/plain", {{"X-Echo", request.query_or("h", "")}}};
}
int hanging = 0;

Task<Response> hang(Request) {
  ++hanging;
  if (auto slept = co_await sleep_for(1h); !slept) co_return Response{};
  co_return Response{};
}

Task<Response> large(Request) {
  co_return Response{200, std::string(32 << 20, 'x'), "text/plain", {}};
}

class Connections : public testing::Test {
 protected:
  Connections() {
    router_.on(Method::get, "/x", forged);
    router_.on(Method::post, "/x", forged);
    router_.on(Method::get, "/hang", hang);
    router_.on(Method::get, "/large", large);
    hanging = 0;
    limits_.header_bytes_max = 2048;
    limits_.body_bytes_max = 10'000;
  }
  ~Connections() override {
    if (server_) test::run(loop_, server_->stop());
  }
  void serve() {
    server_ = std::make_unique<Server>(loop_.get_executor(), router_, limits_);
    EXPECT_TRUE(server_->listen("127.0.0.1", 0));
  }
  tcp::socket connect() {
    auto socket = test::run(loop_, raw_connect(server_->port()));
    EXPECT_TRUE(socket);
    return std::move(socket).value();
  }
  std::string exchange(std::string bytes) {
    return text(test::run(loop_, within(10s, "raw", raw_exchange(server_->port(), std::move(bytes)))));
  }
  std::string rest(tcp::socket& socket) {
    return text(test::run(loop_, within(10s, "rest", raw_read(&socket))));
  }
  static std::string text(Result<std::string> read) { return read ? read.value() : read.error().text(); }

  boost::asio::io_context loop_;
  Router router_;
  Limits limits_;
  std::unique_ptr<Server> server_;
};

TEST_F(Connections, pipelined_requests_are_answered_in_order) {
  serve();
  const std::string answers = exchange(
      "GET /x?n=first HTTP/1.1\r\nHost: a\r\n\r\nGET /x?n=second HTTP/1.1\r\nHost: a\r\n\r\n" + kLastGet);
  EXPECT_LT(answers.find("first"), answers.find("second"));
  EXPECT_LT(answers.find("second"), answers.find("Connection: close"));
}

TEST_F(Connections, one_too_many_is_closed_while_all_are_being_served) {
  limits_.connections_max = 2;
  serve();
  tcp::socket first = connect(), second = connect();
  for (tcp::socket* socket : {&first, &second})
    ASSERT_TRUE(test::run(loop_, raw_write(socket, "GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")));
  ASSERT_TRUE(test::run(loop_, test::eventually([&] { return hanging == 2; })));
  EXPECT_EQ(exchange(kLastGet).find("HTTP/1.1 200"), std::string::npos);
}

TEST_F(Connections, a_crowd_that_says_nothing_makes_room) {
  limits_.connections_max = 16;
  serve();
  std::vector<tcp::socket> crowd;
  for (int i = 0; i < 200; ++i) {
    crowd.push_back(connect());
    ASSERT_TRUE(test::run(loop_, raw_write(&crowd.back(), i % 2 ? "GET /x HTTP/1.1\r\nHo" : kGet)));
    if (i % 10 == 9) EXPECT_THAT(exchange(kLastGet), StartsWith("HTTP/1.1 200")) << i;
  }
  EXPECT_THAT(rest(crowd.front()), Not(HasSubstr("408"))) << "shown out long before its time was over";
}

Task<Result<>> drip(tcp::socket* socket, std::string bytes) {
  for (const char byte : bytes) {
    PS_CO_TRY(co_await raw_write(socket, std::string(1, byte)));
    PS_CO_TRY(co_await sleep_for(20ms));
  }
  co_return success();
}

TEST_F(Connections, a_header_that_comes_in_drops_is_cut_off_also_on_a_kept_connection) {
  limits_.header_timeout = 300ms;
  limits_.idle_timeout = 1h;
  serve();
  for (const bool kept : {false, true}) {
    tcp::socket socket = connect();
    if (kept) ASSERT_TRUE(test::run(loop_, raw_write(&socket, kGet)));
    const auto start = MonoClock::now();
    [[maybe_unused]] auto dripped = test::run(loop_, drip(&socket, kGet));
    EXPECT_LT(MonoClock::now() - start, 10s);
    EXPECT_THAT(rest(socket), HasSubstr("HTTP/1.1 408")) << "kept: " << kept;
  }
}

TEST_F(Connections, a_body_that_comes_in_drops_is_cut_off) {
  limits_.body_timeout = 300ms;
  serve();
  tcp::socket socket = connect();
  const auto start = MonoClock::now();
  [[maybe_unused]] auto dripped = test::run(
      loop_,
      drip(&socket, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x')));
  EXPECT_LT(MonoClock::now() - start, 10s);
  EXPECT_THAT(rest(socket), HasSubstr("HTTP/1.1 408"));
}

TEST_F(Connections, who_does_not_read_the_answer_makes_room) {
  limits_.body_timeout = 300ms;
  limits_.connections_max = 2;
  serve();
  tcp::socket first = connect(), second = connect();
  for (tcp::socket* socket : {&first, &second})
    ASSERT_TRUE(test::run(loop_, raw_write(socket, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n")));
  std::string answer;
  for (const auto end = MonoClock::now() + 10s; answer.empty() && MonoClock::now() < end;) {
    const std::string said = exchange(kLastGet);
    if (said.starts_with("HTTP/1.1 200")) answer = said;
  }
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
}

TEST_F(Connections, without_descriptors_it_waits_and_does_not_spin) {
  serve();
  std::vector<test::RespConnection> guests;  // the kernel takes them, the server cannot
  for (int i = 0; i < 3; ++i) guests.emplace_back(server_->port());
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int next = ::dup(0);  // the lowest that is free
  ::close(next);
  const rlimit none{static_cast<rlim_t>(next), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  std::size_t steps = 0;
  for (const auto end = MonoClock::now() + 500ms; MonoClock::now() < end;) steps += loop_.run_one_for(50ms);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_LT(steps, 100u);
  for (test::RespConnection& guest : guests) {
    ASSERT_TRUE(guest.send(kLastGet));
    EXPECT_TRUE(
        test::run(loop_, test::eventually([&] {
                    return guest.read_available(std::chrono::milliseconds(1)).starts_with("HTTP/1.1 200");
                  })));
  }
}

TEST_F(Connections, a_kept_connection_may_be_silent_for_the_idle_time_only) {
  limits_.header_timeout = 300ms;
  limits_.idle_timeout = 1500ms;
  serve();
  tcp::socket socket = connect();
  ASSERT_TRUE(test::run(loop_, raw_write(&socket, kGet)));
  ASSERT_TRUE(test::run(loop_, sleep_for(600ms)));
  ASSERT_TRUE(test::run(loop_, raw_write(&socket, kGet)))
      << "longer than a header may take, shorter than idle";
  const std::string answers = rest(socket);
  EXPECT_EQ(answers.find("408"), std::string::npos) << "closed without a word";
  EXPECT_NE(answers.find("HTTP/1.1 200", 10), std::string::npos) << "the second was served: " << answers;
}

TEST_F(Connections, a_refusal_reaches_a_peer_that_is_still_sending) {
  serve();
  EXPECT_THAT(exchange("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n" +
                       std::string(4'000'000, 'x')),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(exchange("GET /x HTTP/1.1\r\nHost: a\r\nX: " + std::string(1'000'000, 'x')),
              StartsWith("HTTP/1.1 431"));
  std::string chunks = "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) chunks += "3e8\r\n" + std::string(1000, 'x') + "\r\n";
  EXPECT_THAT(exchange(chunks), StartsWith("HTTP/1.1 413")) << "no length was claimed";
}

TEST_F(Connections, what_a_handler_puts_into_a_header_stays_one_line) {
  serve();
  const std::string answer =
      exchange("GET /x?h=a%0d%0aX-Forged:%20yes HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("X-Echo: a  X-Forged: yes\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("\r\nX-Forged")));
}

TEST_F(Connections, stop_joins_handlers_and_silent_peers) {
  serve();
  tcp::socket silent = connect(), busy = connect();
  ASSERT_TRUE(test::run(loop_, raw_write(&busy, "GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")));
  ASSERT_TRUE(test::run(loop_, test::eventually([&] { return hanging == 1; })));
  const auto start = MonoClock::now();
  test::run(loop_, server_->stop());
  EXPECT_LT(MonoClock::now() - start, 5s);
  EXPECT_EQ(rest(silent), "");
  EXPECT_EQ(rest(busy), "");
  server_.reset();
}

}  // namespace
}  // namespace penstock::http
