#include "metaserver/face/reception.h"

#include <gmock/gmock.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <future>
#include <thread>

#include "common/base/check.h"
#include "support/resp_connection.h"
#include "support/run_task.h"
#include "support/wait_until.h"
#include "unit/face/halls.h"

namespace penstock::metaserver {
namespace {

using namespace std::chrono_literals;
using penstock::test::RespConnection;
using penstock::test::text_of;
using penstock::test::wait_until;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::int64_t kNever = 1'000'000;
constexpr serve::Patience kPatient{kNever, kNever, kNever, kNever};

/// A reception on a loop of its own.
class LocalReception {
 public:
  explicit LocalReception(serve::ConnectionCaps caps = {}, serve::Patience patience = kPatient,
                          const std::string& password = "")
      : reception_(loop_.get_executor(), some_.hall, caps, patience) {
    some_.hall.password = password;
    PS_CHECK(reception_.open({"127.0.0.1", 0}).has_value(), "any port is free");
    port_ = reception_.port();
    reception_.start();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~LocalReception() {
    boost::asio::co_spawn(loop_, reception_.stop(), [](std::exception_ptr) {});
    thread_.join();
  }

  std::uint16_t port() const { return port_; }
  void move(int times) {
    on_loop([&] {
      for (int i = 0; i < times; ++i)
        reception_.tell({"orders/s1", {"127.0.0.1", 6001}, {"127.0.0.1", 6101}});
    });
  }
  std::size_t inside() {
    std::size_t count = 0;
    on_loop([&] { count = reception_.inside(); });
    return count;
  }

 private:
  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    boost::asio::post(loop_, [&] {
      work();
      done.set_value();
    });
    done.get_future().wait();
  }

  boost::asio::io_context loop_;
  test::SomeHall some_;
  Reception reception_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

bool is_served(RespConnection& link) {
  return text_of(link.call({"PING"})) == "+PONG";
}

TEST(Reception, answers_and_tells) {
  LocalReception reception;
  RespConnection asker(reception.port()), listener(reception.port());
  EXPECT_EQ(text_of(asker.call({"SENTINEL", "get-master-addr-by-name", "orders/s1"})), "[+127.0.0.1, +6001]");
  EXPECT_EQ(text_of(listener.call({"SUBSCRIBE", "+switch-master"})), "[+subscribe, ++switch-master, :1]");
  reception.move(1);
  EXPECT_EQ(text_of(listener.read_value()),
            "[+message, ++switch-master, +orders/s1 127.0.0.1 6001 127.0.0.1 6101]");
  EXPECT_TRUE(is_served(asker));
}

TEST(Reception, takes_commands_in_any_cut_and_in_a_line) {
  LocalReception reception;
  RespConnection link(reception.port());
  for (const char c : std::string("*2\r\n$4\r\nPING\r\n$1\r\nx\r\n")) EXPECT_TRUE(link.send({&c, 1}));
  EXPECT_EQ(text_of(link.read_value()), "+x");
  EXPECT_TRUE(link.send("SENTINEL get-master-addr-by-name orders/s1\r\nPING y\r\n"));
  EXPECT_EQ(text_of(link.read_value()), "[+127.0.0.1, +6001]");
  EXPECT_EQ(text_of(link.read_value()), "+y");
  EXPECT_EQ(text_of(link.call({"QUIT"})), "+OK");
  EXPECT_TRUE(link.closed_by_peer());
}

TEST(Reception, says_what_is_wrong_and_closes) {
  LocalReception reception;
  for (const std::string& nonsense :
       {std::string("*-5\r\n"), std::string("*1000\r\n"), std::string("*1\r\n$1000000\r\n"),
        std::string("*1\r\n:4\r\n"), std::string(10'000, 'x')}) {
    RespConnection link(reception.port());
    EXPECT_TRUE(link.send(nonsense));
    EXPECT_THAT(link.read_line().value_or(""), StartsWith("-ERR Protocol error: ")) << nonsense.substr(0, 20);
    EXPECT_TRUE(link.closed_by_peer());
  }
  RespConnection link(reception.port());
  EXPECT_TRUE(is_served(link));
}

TEST(Reception, has_so_many_places) {
  LocalReception reception({.per_port = 3, .per_peer = 2, .per_host = 10});
  RespConnection first(reception.port()), second(reception.port());
  EXPECT_TRUE(is_served(first));
  EXPECT_TRUE(is_served(second));
  RespConnection third(reception.port());
  EXPECT_EQ(third.read_line(), "-ERR max number of clients reached");
  first.close();
  EXPECT_TRUE(wait_until([&] {
    RespConnection next(reception.port());
    return next.send("PING\r\n") && next.read_line() == "+PONG";
  }));
}

TEST(Reception, who_does_not_read_is_not_listened_to_and_then_cut_off) {
  serve::Patience patience = kPatient;
  patience.reading_ms = 300;
  LocalReception reception({}, patience);
  RespConnection greedy(reception.port()), other(reception.port());
  std::string questions;
  for (int i = 0; i < 10'000; ++i) questions += "SENTINEL masters\r\n";
  // It stops taking them long before it would have had to hold all of the answers.
  EXPECT_TRUE(wait_until([&] { return !greedy.send(questions); }, 20s));
  EXPECT_TRUE(is_served(other));
}

TEST(Reception, who_does_not_read_the_news_is_cut_off) {
  LocalReception reception;
  RespConnection deaf(reception.port()), other(reception.port());
  EXPECT_TRUE(is_served(other));
  EXPECT_EQ(text_of(deaf.call({"SUBSCRIBE", "+switch-master"})), "[+subscribe, ++switch-master, :1]");
  EXPECT_TRUE(wait_until(
      [&] {
        reception.move(20'000);
        return reception.inside() == 1;
      },
      20s));
  EXPECT_TRUE(is_served(other));
}

TEST(Reception, strangers_leave_and_so_do_those_who_want_nothing) {
  LocalReception reception({}, {.auth_ms = 300, .command_ms = kNever, .reading_ms = kNever, .idle_ms = 600},
                           "secret");
  RespConnection silent(reception.port()), idle(reception.port()), listener(reception.port());
  EXPECT_EQ(text_of(idle.call({"AUTH", "secret"})), "+OK");
  EXPECT_EQ(text_of(listener.call({"AUTH", "secret"})), "+OK");
  EXPECT_EQ(text_of(listener.call({"SUBSCRIBE", "+switch-master"})), "[+subscribe, ++switch-master, :1]");
  EXPECT_TRUE(silent.closed_by_peer(10s));
  EXPECT_TRUE(idle.closed_by_peer(10s));
  reception.move(1);
  EXPECT_THAT(text_of(listener.read_value()), HasSubstr("+switch-master"));
}

}  // namespace
}  // namespace penstock::metaserver
