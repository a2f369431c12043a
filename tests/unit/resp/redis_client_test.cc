// The client against a real Redis server.
#include "common/resp/redis_client.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "common/async/sleep.h"
#include "common/async/task_group.h"
#include "common/base/address.h"
#include "support/eventually.h"
#include "support/redis_process.h"
#include "support/run_task.h"

namespace penstock::resp {
namespace {

using namespace std::chrono_literals;
using test::RedisProcess;
using test::run;

class RedisClientTest : public testing::Test {
 protected:
  static RedisProcess& shared() {
    static RedisProcess server;
    return server;
  }
  RedisClient client_of(const RedisProcess& server, Credentials credentials = {}) {
    return RedisClient(loop.get_executor(), {"127.0.0.1", server.port()}, std::move(credentials));
  }
  Result<Value> call(RedisClient& client, Command command, Millis limit = 10s) {
    return run(loop, client.call(std::move(command), limit));
  }
  std::string echo(RedisClient& client, const std::string& text, Millis limit = 10s) {
    auto reply = call(client, {"ECHO", text}, limit);
    if (!reply) return reply.error().text();
    return reply.value().string() ? *reply.value().string() : "no string";
  }

  boost::asio::io_context loop;
};

TEST_F(RedisClientTest, calls) {
  RedisClient client = client_of(shared());
  EXPECT_EQ(echo(client, "a\r\n$0"), "a\r\n$0");
  auto unknown = call(client, {"NO-SUCH-COMMAND"});
  ASSERT_TRUE(unknown && unknown.value().error()) << "an error of the server is a value";
  EXPECT_TRUE(unknown.value().error()->has_code("ERR"));
  EXPECT_EQ(echo(client, "the connection lives on"), "the connection lives on");
}

TEST_F(RedisClientTest, must_turns_errors_of_the_server_into_codes) {
  const std::pair<const char*, Errc> cases[] = {
      {"ERR no", Errc::refused},
      {"WRONGTYPE no", Errc::refused},
      {"READONLY no", Errc::refused},
      {"NOAUTH no", Errc::refused},
      {"STALEEPOCH have 7", Errc::stale_epoch},
      {"LOADING wait", Errc::unavailable},
      {"MASTERDOWN x", Errc::unavailable},
      {"NOMASTERLINK x", Errc::unavailable},
      {"BUSY x", Errc::unavailable},
      {"BUSYKEY x", Errc::refused},
  };
  RedisClient client = client_of(shared());
  for (const auto& [text, code] : cases) {
    auto reply = run(loop, client.must({"EVAL", "return redis.error_reply(ARGV[1])", "0", text}, 10s));
    ASSERT_FALSE(reply) << text;
    EXPECT_EQ(reply.error().code, code) << reply.error().text();
    EXPECT_TRUE(reply.error().message.starts_with(shared().address() + ": EVAL ")) << reply.error().message;
    EXPECT_TRUE(reply.error().message.ends_with(text)) << reply.error().message;
  }
  EXPECT_TRUE(run(loop, client.must({"PING"}, 10s)));
}

TEST_F(RedisClientTest, pipelines_in_order_with_errors_in_between) {
  std::vector<Command> commands;
  for (int i = 0; i < 1000; ++i)
    commands.push_back(i % 10 == 3 ? Command{"NO-SUCH-COMMAND"} : Command{"ECHO", std::to_string(i)});
  RedisClient client = client_of(shared());
  auto replies = run(loop, client.pipeline(commands, 10s));
  ASSERT_TRUE(replies) << replies.error().message;
  ASSERT_EQ(replies.value().size(), 1000u);
  for (int i = 0; i < 1000; ++i) {
    const Value& reply = replies.value()[static_cast<std::size_t>(i)];
    if (i % 10 == 3) {
      EXPECT_TRUE(reply.error());
    } else {
      ASSERT_TRUE(reply.string());
      EXPECT_EQ(*reply.string(), std::to_string(i));
    }
  }
  auto none = run(loop, client.pipeline({}, 10s));
  EXPECT_TRUE(none && none.value().empty());
}

TEST_F(RedisClientTest, a_late_answer_is_never_taken_for_the_next_one) {
  RedisClient client = client_of(shared());
  const auto start = MonoClock::now();
  auto late = call(client, {"DEBUG", "SLEEP", "0.3"}, 30ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::timeout);
  EXPECT_TRUE(late.error().message.starts_with(shared().address() + ": DEBUG SLEEP")) << late.error().message;
  EXPECT_LT(MonoClock::now() - start, 250ms);
  EXPECT_EQ(echo(client, "fresh"), "fresh");
}

TEST_F(RedisClientTest, a_frozen_server_costs_no_more_than_the_limit) {
  RedisProcess server;
  RedisClient fresh = client_of(server), used = client_of(server);
  EXPECT_EQ(echo(used, "x"), "x");
  server.freeze();
  for (RedisClient* client : {&fresh, &used}) {
    const auto start = MonoClock::now();
    auto reply = call(*client, {"PING"}, 50ms);
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Errc::timeout);
    EXPECT_LT(MonoClock::now() - start, 5s);
  }
  server.thaw();
  EXPECT_EQ(echo(fresh, "x"), "x");
  EXPECT_EQ(echo(used, "x"), "x");
}

TEST_F(RedisClientTest, a_server_that_dies_and_comes_back) {
  RedisProcess server;
  RedisClient client = client_of(server);
  EXPECT_EQ(echo(client, "before"), "before");
  server.kill();
  auto gone = call(client, {"PING"});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Errc::unavailable) << gone.error().text();
  EXPECT_NE(gone.error().message.find("connection refused"), std::string::npos) << gone.error().message;
  server.start();
  EXPECT_EQ(echo(client, "again"), "again");
  server.kill();
  server.start();
  EXPECT_EQ(echo(client, "closed while idle"), "closed while idle")
      << "nothing was sent yet: it connects anew";
}

Task<void> kill_when_busy(RedisProcess* server, bool* killed) {
  if (auto slept = co_await sleep_for(50ms); !slept) co_return;
  server->kill();
  *killed = true;
}

TEST_F(RedisClientTest, a_server_that_dies_before_it_answers) {
  RedisProcess server;
  RedisClient client = client_of(server);
  bool killed = false;
  TaskGroup group(loop.get_executor());
  group.spawn("kill", kill_when_busy(&server, &killed));
  auto reply = call(client, {"DEBUG", "SLEEP", "30"});
  EXPECT_TRUE(killed);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::io) << "whether it was done is not known: " << reply.error().text();
  run(loop, group.stop());
}

TEST_F(RedisClientTest, authenticates) {
  RedisProcess server;
  ASSERT_TRUE(server.call({"CONFIG", "SET", "requirepass", "s3cret"}).is_ok());
  RedisClient with = client_of(server, {"", "s3cret"}), user = client_of(server, {"default", "s3cret"}),
              without = client_of(server), wrong = client_of(server, {"", "wr0ng"});
  EXPECT_EQ(echo(with, "x"), "x");
  EXPECT_EQ(echo(user, "x"), "x");
  auto refused = call(without, {"PING"});
  ASSERT_TRUE(refused && refused.value().error());
  EXPECT_TRUE(refused.value().error()->has_code("NOAUTH"));
  for (int i = 0; i < 2; ++i) {
    auto denied = call(wrong, {"PING"});
    ASSERT_FALSE(denied) << "also the second time: a connection without AUTH is no connection";
    EXPECT_EQ(denied.error().code, Errc::refused);
    EXPECT_EQ(denied.error().message.find("wr0ng"), std::string::npos) << denied.error().message;
  }
}

TEST_F(RedisClientTest, refuses_a_name) {
  RedisClient client(loop.get_executor(), {"localhost", 6379});
  auto reply = call(client, {"PING"});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::invalid_argument);
}

Task<void> echo_into(RedisClient* client, std::string text, Millis limit, std::vector<std::string>* order) {
  auto reply = co_await client->call({"ECHO", text}, limit);
  order->push_back(reply ? *reply.value().string() : std::string(to_string(reply.error().code)));
}
Task<void> debug_sleep(RedisClient* client, std::string seconds, Millis limit,
                       std::vector<std::string>* order) {
  auto reply = co_await client->call({"DEBUG", "SLEEP", seconds}, limit);
  order->push_back(reply ? "slept" : std::string(to_string(reply.error().code)));
}

TEST_F(RedisClientTest, concurrent_calls_take_turns) {
  RedisClient client = client_of(shared());
  std::vector<std::string> order;
  TaskGroup group(loop.get_executor());
  group.spawn("first", debug_sleep(&client, "0.1", 10s, &order));
  group.spawn("second", echo_into(&client, "a", 10s, &order));
  group.spawn("impatient", echo_into(&client, "never", 10ms, &order));
  group.spawn("third", echo_into(&client, "b", 10s, &order));
  EXPECT_TRUE(run(loop, test::eventually([&] { return order.size() == 4; })));
  EXPECT_EQ(order, (std::vector<std::string>{"timeout", "slept", "a", "b"}));
  run(loop, group.stop());
  EXPECT_EQ(echo(client, "free"), "free");
}

/// A caller that gives up just when its turn comes must not take the turn with it.
TEST_F(RedisClientTest, the_turn_is_never_lost) {
  RedisClient client = client_of(shared());
  TaskGroup group(loop.get_executor());
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> order;
    for (int i = 0; i < 8; ++i) group.spawn("impatient", echo_into(&client, "x", Millis{1 + i % 2}, &order));
    EXPECT_TRUE(run(loop, test::eventually([&] { return order.size() == 8; })));
    ASSERT_EQ(echo(client, "free", 5s), "free") << "round " << round;
  }
  run(loop, group.stop());
}

TEST_F(RedisClientTest, a_cancelled_call_ends_at_once_and_leaves_a_usable_client) {
  RedisClient client = client_of(shared());
  EXPECT_EQ(echo(client, "x"), "x");
  std::vector<std::string> order;
  TaskGroup group(loop.get_executor());
  group.spawn("under way", debug_sleep(&client, "0.3", 1h, &order));
  group.spawn("waits for its turn", echo_into(&client, "never", 1h, &order));
  EXPECT_TRUE(run(loop, sleep_for(30ms)));
  const auto start = MonoClock::now();
  run(loop, group.stop());
  EXPECT_LT(MonoClock::now() - start, 250ms);
  EXPECT_EQ(echo(client, "fresh"), "fresh") << "neither the late answer nor a closed door";
}

TEST_F(RedisClientTest, a_reply_beyond_the_limits_is_refused) {
  RedisProcess server;
  RedisClient client = client_of(server);
  ASSERT_TRUE(run(loop, client.must({"SET", "k", std::string(600'000, 'x')}, 10s)));
  ASSERT_TRUE(run(loop, client.must({"APPEND", "k", std::string(600'000, 'x')}, 10s)));
  auto big = call(client, {"GET", "k"});
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().code, Errc::protocol) << big.error().text();
  EXPECT_EQ(echo(client, "anew"), "anew");
}

}  // namespace
}  // namespace penstock::resp
