// The real program as a keeper host whose ZooKeeper is out of reach: configuration, admin REST, ends and
// restarts.
#include <gmock/gmock.h>
#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/http/http.h"
#include "keeper/store/store.h"
#include "redis.h"
#include "support/child_process.h"
#include "support/run_task.h"
#include "support/temp_dir.h"
#include "support/wait_until.h"

namespace penstock::keeper {
namespace {

using nlohmann::json;
using test::wait_until;
using testing::AllOf;
using testing::HasSubstr;

struct Answer {
  int status = 0;
  json body;
  std::string text;
};

class KeeperHost : public testing::Test {
 protected:
  KeeperHost() : admin_(test::free_port()) { write_config(config()); }

  std::string file(const std::string& name) const { return (directory_.path() / name).string(); }
  std::string config() const {
    return "dc = \"east\"\nid = \"k1\"\ndata_dir = \"" + file("data") +
           "\"\n[zookeeper]\nservers = \"127.0.0.1:" + std::to_string(zookeeper_) +
           "\"\n[admin]\nlisten = \"127.0.0.1:" + std::to_string(admin_) + "\"\n";
  }
  void write_config(const std::string& text) const { std::ofstream(file("keeper.toml")) << text; }

  /// Runs the program to its end.
  test::ChildProcess program(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), KEEPER_BINARY);
    return {arguments, file("out")};
  }
  void start() {
    host_ = std::make_unique<test::ChildProcess>(
        std::vector<std::string>{KEEPER_BINARY, "--config", file("keeper.toml")}, file("log"));
    ASSERT_TRUE(
        wait_until([&] { return host_->has_ended() || ask(http::Method::get, "/livez").status == 200; }));
    ASSERT_FALSE(host_->has_ended()) << host_->output();
  }
  Answer ask(http::Method method, const std::string& path, const std::string& body = "") const {
    http::ClientRequest request;
    request.method = method;
    request.url = "http://127.0.0.1:" + std::to_string(admin_) + path;
    request.body = body;
    boost::asio::io_context loop;
    auto response = test::run(loop, http::fetch(std::move(request), std::chrono::seconds(10)));
    if (!response) return {0, {}, response.error().message};
    return {response.value().status, json::parse(response.value().body, nullptr, false),
            response.value().body};
  }
  Answer create(const std::string& cluster, const std::string& shard, std::uint16_t port) const {
    return ask(http::Method::post, "/api/v1/keepers",
               json{{"cluster", cluster}, {"shard", shard}, {"address", at(port)}}.dump());
  }
  static std::string at(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }
  static std::string say(std::uint16_t port, const resp::Command& command) {
    return test::text_of(test::call(port, command));
  }

  test::TempDir directory_;
  std::uint16_t admin_, zookeeper_ = test::free_port();
  std::unique_ptr<test::ChildProcess> host_;
};

TEST_F(KeeperHost, CreatesStopsStartsAndRemovesKeepersAsOftenAsAsked) {
  start();
  EXPECT_EQ(ask(http::Method::get, "/api/v1/keepers").body["keepers"], json::array());
  const std::uint16_t port = test::free_port();
  const Answer created = create("c1", "s1", port);
  ASSERT_EQ(created.status, 201) << created.text;
  EXPECT_EQ(created.body["address"], at(port));
  EXPECT_EQ(created.body["running"], true);
  EXPECT_EQ(created.body["state"], "UNKNOWN");
  EXPECT_EQ(say(port, {"PING"}), "+PONG");
  const Answer again = create("c1", "s1", port);
  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(again.body["uuid"], created.body["uuid"]);

  const Answer list = ask(http::Method::get, "/api/v1/keepers");
  EXPECT_EQ(list.body["host"], "k1");
  EXPECT_EQ(list.body["dc"], "east");
  ASSERT_EQ(list.body["keepers"].size(), 1u);
  EXPECT_EQ(list.body["keepers"][0]["shard"], "s1");

  const std::string keeper = "/api/v1/keepers/c1/s1";
  for (int i = 0; i < 2; ++i) {
    const Answer stopped = ask(http::Method::post, keeper + "/stop");
    EXPECT_EQ(stopped.status, 200) << stopped.text;
    EXPECT_EQ(stopped.body["running"], false);
    EXPECT_THAT(say(port, {"PING"}), testing::StartsWith("-cannot connect"));
  }
  for (int i = 0; i < 2; ++i) {
    const Answer started = ask(http::Method::post, keeper + "/start");
    EXPECT_EQ(started.status, 200) << started.text;
    EXPECT_EQ(started.body["running"], true);
    EXPECT_EQ(started.body["uuid"], created.body["uuid"]);
  }
  EXPECT_EQ(say(port, {"PING"}), "+PONG");
  EXPECT_EQ(ask(http::Method::post, keeper + "/stop").status, 200);
  EXPECT_EQ(create("c1", "s1", port).body["running"], true);

  EXPECT_EQ(ask(http::Method::del, keeper).status, 200);
  EXPECT_FALSE(std::filesystem::exists(file("data/c1/s1")));
  EXPECT_EQ(ask(http::Method::del, keeper).status, 404);
  EXPECT_EQ(ask(http::Method::post, keeper + "/start").status, 404);
  EXPECT_EQ(ask(http::Method::post, keeper + "/stop").status, 404);
  EXPECT_EQ(create("c1", "s1", port).status, 201);
}

TEST_F(KeeperHost, SaysWhatIsWrongWithARequest) {
  start();
  const std::uint16_t port = test::free_port();
  ASSERT_EQ(create("c1", "s1", port).status, 201);
  const auto post = [&](const std::string& body) { return ask(http::Method::post, "/api/v1/keepers", body); };
  EXPECT_EQ(post("{").status, 400);
  EXPECT_EQ(post("[]").status, 422);
  const Answer empty = post("{}");
  EXPECT_EQ(empty.status, 422);
  EXPECT_THAT(empty.text, AllOf(HasSubstr("cluster"), HasSubstr("shard"), HasSubstr("address")));
  const Answer bad = post(R"({"cluster":"../up","shard":"s/1","address":"localhost:1"})");
  EXPECT_EQ(bad.status, 422);
  EXPECT_THAT(bad.text, AllOf(HasSubstr("cluster"), HasSubstr("shard"), HasSubstr("address")));
  for (const char* name : {"..", ".", "a/b", "", "x y"})
    EXPECT_EQ(create(name, "s9", test::free_port()).status, 422) << name;
  EXPECT_THAT(post(R"({"cluster":"c1","shard":"s2","address":"127.0.0.1:0"})").text, HasSubstr("address"));

  const Answer moved = create("c1", "s1", test::free_port());
  EXPECT_EQ(moved.status, 409);
  EXPECT_THAT(moved.text, AllOf(HasSubstr("address"), HasSubstr(at(port))));
  const Answer taken = create("c1", "s2", port);
  EXPECT_EQ(taken.status, 409);
  EXPECT_THAT(taken.text, HasSubstr("c1/s1"));
  Redis stranger;
  const Answer in_use = create("c1", "s2", stranger.port());
  EXPECT_EQ(in_use.status, 409) << in_use.text;
  EXPECT_THAT(in_use.text, HasSubstr(stranger.address()));
  EXPECT_EQ(ask(http::Method::get, "/api/v1/keepers").body["keepers"].size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(file("data/c1/s2")));
  EXPECT_EQ(ask(http::Method::put, "/api/v1/keepers").status, 405);
  EXPECT_EQ(ask(http::Method::get, "/api/v1/nothing").status, 404);
}

/// What another process holds, or what a lost address file hides, is not ours to remove.
TEST_F(KeeperHost, AFailedCreationRemovesNothingThatWasThere) {
  const std::filesystem::path shard = directory_.path() / "data" / "c1" / "s1";
  auto store = Store::open(shard, "c1", "s1", {});
  ASSERT_TRUE(store);
  start();
  EXPECT_EQ(create("c1", "s1", test::free_port()).status, 409);
  EXPECT_TRUE(std::filesystem::exists(shard / "meta.json"));
  const std::string uuid = store.value()->meta().uuid;
  store = fail(Errc::cancelled, "closed");
  Redis stranger;
  EXPECT_EQ(create("c1", "s1", stranger.port()).status, 409);
  EXPECT_TRUE(std::filesystem::exists(shard / "meta.json"));
  const Answer created = create("c1", "s1", test::free_port());
  EXPECT_EQ(created.status, 201) << created.text;
  EXPECT_EQ(created.body["uuid"], uuid);
}

TEST_F(KeeperHost, ManyRequestsForOneKeeperAtOnceLeaveItWhole) {
  start();
  const std::uint16_t port = test::free_port();
  ASSERT_EQ(create("c1", "s1", port).status, 201);
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client)
    clients.emplace_back([&, client] {
      for (int i = 0; i < 25; ++i) {
        const std::string keeper = "/api/v1/keepers/c1/s1";
        switch ((client + i) % 4) {
          case 0:
            ask(http::Method::post, keeper + "/stop");
            break;
          case 1:
            ask(http::Method::post, keeper + "/start");
            break;
          case 2:
            ask(http::Method::del, keeper);
            break;
          default:
            create("c1", "s1", port);
            break;
        }
      }
    });
  for (std::thread& client : clients) client.join();
  ASSERT_FALSE(host_->has_ended()) << host_->output();
  const int status = create("c1", "s1", port).status;
  EXPECT_TRUE(status == 200 || status == 201) << status;
  EXPECT_EQ(say(port, {"PING"}), "+PONG");
  host_->signal(SIGTERM);
  EXPECT_EQ(host_->exit_code(), 0) << host_->output();
}

TEST_F(KeeperHost, IsNotReadyWithoutZookeeperAndSaysWhy) {
  start();
  const Answer ready = ask(http::Method::get, "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_THAT(ready.text, AllOf(HasSubstr("zookeeper"), HasSubstr(at(zookeeper_))));
  ASSERT_EQ(create("c1", "s1", test::free_port()).status, 201);
  ASSERT_EQ(ask(http::Method::post, "/api/v1/keepers/c1/s1/stop").status, 200);
  EXPECT_THAT(ask(http::Method::get, "/readyz").text, HasSubstr("keeper c1/s1 does not run"));
}

TEST_F(KeeperHost, ReopensItsKeepersAfterARestart) {
  Redis master;
  start();
  const std::uint16_t active = test::free_port(), backup = test::free_port(), fresh = test::free_port();
  ASSERT_EQ(create("c1", "first", active).status, 201);
  ASSERT_EQ(create("c1", "second", backup).status, 201);
  ASSERT_EQ(create("c1", "fresh", fresh).status, 201);
  for (const auto& [port, state] : {std::pair(active, "ACTIVE"), std::pair(backup, "BACKUP")})
    ASSERT_EQ(
        say(port, {"KEEPER", "SETSTATE", state, "127.0.0.1", std::to_string(master.port()), "EPOCH", "3"}),
        "+OK");
  for (const std::uint16_t port : {active, backup})
    ASSERT_TRUE(wait_until([&] { return test::info(port, "master_link_status") == "up"; }));
  std::map<std::string, std::string> uuids;
  const Answer before = ask(http::Method::get, "/api/v1/keepers");
  for (const json& keeper : before.body["keepers"]) uuids[keeper["shard"]] = keeper["uuid"];

  host_->signal(SIGTERM);
  EXPECT_EQ(host_->exit_code(), 0) << host_->output();
  start();
  const Answer list = ask(http::Method::get, "/api/v1/keepers");
  ASSERT_EQ(list.body["keepers"].size(), 3u) << list.text;
  std::map<std::string, std::string> states;
  for (const json& keeper : list.body["keepers"]) {
    states[keeper["shard"]] = keeper["state"];
    EXPECT_EQ(keeper["uuid"], uuids[keeper["shard"]]);
    EXPECT_EQ(keeper["running"], true);
  }
  EXPECT_EQ(states, (std::map<std::string, std::string>{
                        {"first", "PRE_ACTIVE"}, {"second", "PRE_BACKUP"}, {"fresh", "UNKNOWN"}}));
  for (const std::uint16_t port : {active, backup})
    EXPECT_TRUE(wait_until([&] { return test::info(port, "master_link_status") == "up"; }));
  EXPECT_EQ(master.number("sync_full"), 2);

  // The same after a death; and one whose port is taken meanwhile does not hold up the others.
  host_->kill();
  test::ChildProcess squatter(
      {"redis-server", "--port", std::to_string(backup), "--bind", "127.0.0.1", "--save", ""},
      file("squatter"));
  ASSERT_TRUE(wait_until([&] { return say(backup, {"PING"}) == "+PONG"; }));
  start();
  EXPECT_TRUE(wait_until([&] { return test::info(active, "master_link_status") == "up"; }));
  EXPECT_THAT(ask(http::Method::get, "/readyz").text, HasSubstr("keeper c1/second does not run"));
  squatter.kill();
  EXPECT_EQ(ask(http::Method::post, "/api/v1/keepers/c1/second/start").body["state"], "PRE_BACKUP");
  EXPECT_TRUE(wait_until([&] { return test::info(backup, "master_link_status") == "up"; }));
  EXPECT_EQ(master.number("sync_full"), 2);
}

TEST_F(KeeperHost, EndsCleanlyOnSigtermWithReplicasAndUpstreamConnected) {
  Redis master, replica;
  start();
  const std::uint16_t port = test::free_port();
  ASSERT_EQ(create("c1", "s1", port).status, 201);
  ASSERT_EQ(
      say(port, {"KEEPER", "SETSTATE", "ACTIVE", "127.0.0.1", std::to_string(master.port()), "EPOCH", "3"}),
      "+OK");
  replica.follow(port);
  ASSERT_TRUE(wait_until([&] { return replica.link_is_up(); }));
  EXPECT_TRUE(wait_until([&] {
    const auto text = ask(http::Method::get, "/metrics").text;
    return text.find("penstock_keeper_offset_bytes{cluster=\"c1\",shard=\"s1\"}") != std::string::npos;
  }));
  host_->signal(SIGTERM);
  EXPECT_EQ(host_->exit_code(), 0) << host_->output();
}

TEST_F(KeeperHost, APortInUseIsOneClearLineAndExitCode1) {
  Redis stranger;
  admin_ = stranger.port();
  write_config(config());
  auto host = program({"--config", file("keeper.toml")});
  EXPECT_EQ(host.exit_code(), 1);
  EXPECT_THAT(host.output(), AllOf(HasSubstr("penstock-keeper: "), HasSubstr(stranger.address())));

  auto alone = program({"--standalone", "--listen", stranger.address(), "--data", file("alone")});
  EXPECT_EQ(alone.exit_code(), 1);
  EXPECT_THAT(alone.output(), HasSubstr("listen " + stranger.address()));
}

TEST_F(KeeperHost, CheckConfigNamesEveryProblem) {
  EXPECT_EQ(program({"--config", file("keeper.toml"), "--check-config"}).exit_code(), 0);
  write_config(
      "dc = \"no way\"\ndata_dir = 7\n[admin]\nlisten = \"localhost:80\"\n[store]\nsegment = \"1kb\"\nfsync "
      "= \"daily\"\nrdb_max = \"big\"\nhost_max = \"1kb\"\n"
      "log_maxx = \"1gb\"\n");
  auto check = program({"--config", file("keeper.toml"), "--check-config"});
  EXPECT_EQ(check.exit_code(), 2);
  for (const char* key : {"dc", "id", "data_dir", "zookeeper.servers", "admin.listen", "store.segment",
                          "store.fsync", "store.log_maxx", "store.rdb_max", "store.host_max"})
    EXPECT_THAT(check.output(), HasSubstr(key));
  EXPECT_EQ(program({"--config", file("nowhere.toml"), "--check-config"}).exit_code(), 2);
  EXPECT_EQ(program({}).exit_code(), 2);
  EXPECT_EQ(program({"--standalone"}).exit_code(), 2);
  EXPECT_EQ(program({"--standalone", "--listen", "nobody", "--data", file("x")}).exit_code(), 2);
}

}  // namespace
}  // namespace penstock::keeper
