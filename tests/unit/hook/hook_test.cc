// The hook binary as Sentinel runs it, against a metaserver that answers as the test says.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/http/http.h"
#include "hook/notify.h"
#include "support/run_task.h"

namespace penstock::hook {
namespace {

const std::vector<std::string> kGood = {"orders/s1", "leader",    "start", "127.0.0.1",
                                        "7001",      "127.0.0.1", "7002"};

TEST(HookArguments, are_read_as_sentinel_sends_them) {
  auto change = parse_arguments(kGood);
  ASSERT_TRUE(change);
  EXPECT_EQ(change.value(), (MasterChange{"orders", "s1", {"127.0.0.1", 7001}, {"127.0.0.1", 7002}}));
}

TEST(HookArguments, say_which_one_is_wrong) {
  struct Case {
    std::size_t index;
    std::string value, expected;
  };
  for (const Case& c :
       {Case{0, "orders", "<cluster>/<shard>"}, Case{0, "api/s1", "cluster"}, Case{0, "o/a/b", "shard"},
        Case{3, "localhost", "from"}, Case{4, "x", "from"}, Case{6, "0", "to"}, Case{6, "70000", "to"}}) {
    auto arguments = kGood;
    arguments[c.index] = c.value;
    auto change = parse_arguments(arguments);
    ASSERT_FALSE(change) << c.value;
    EXPECT_NE(change.error().message.find(c.expected), std::string::npos) << change.error().message;
  }
  EXPECT_FALSE(parse_arguments({"orders/s1"}));
}

/// A metaserver in a thread of its own that answers every POST with one status and remembers the last body.
class Metaserver {
 public:
  explicit Metaserver(int status) : server_(loop_.get_executor(), router_) {
    router_.on(http::Method::post, "/api/{cluster}/{shard}/redis/master/change",
               [this, status](http::Request request) { return answer(status, std::move(request)); });
    PS_CHECK_LISTEN(server_.listen("127.0.0.1", 0));
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Metaserver() {
    boost::asio::co_spawn(loop_, server_.stop(), [](std::exception_ptr) {});
    thread_.join();
  }
  std::uint16_t port() const { return server_.port(); }
  std::string path, body;

 private:
  static void PS_CHECK_LISTEN(const Result<>& listening) {
    ASSERT_TRUE(listening) << listening.error().text();
  }
  Task<http::Response> answer(int status, http::Request request) {
    path = request.path;
    body = request.body;
    co_return http::Response{status, "{}", "application/json", {}};
  }
  boost::asio::io_context loop_;
  http::Router router_;
  http::Server server_;
  std::thread thread_;
};

/// Runs the binary with `metaservers` in the file beside it; gives its exit code.
int run_hook(const std::vector<std::uint16_t>& ports) {
  char pattern[] = "/tmp/penstock-hook-XXXXXX";
  const std::filesystem::path dir = mkdtemp(pattern);
  std::filesystem::create_symlink(HOOK_BINARY, dir / "hook");
  std::ofstream config(dir / "hook.toml");
  config << "timeout = \"2s\"\nmetaservers = [";
  for (const auto port : ports) config << "\"127.0.0.1:" << port << "\", ";
  config << "]\n";
  config.close();
  std::string command = (dir / "hook").string();
  for (const std::string& argument : kGood) command += " " + argument;
  const int status = std::system((command + " 2>/dev/null").c_str());
  std::filesystem::remove_all(dir);
  return WEXITSTATUS(status);
}

TEST(Hook, posts_the_change_and_exits_zero) {
  Metaserver metaserver(200);
  EXPECT_EQ(run_hook({metaserver.port()}), kDone);
  EXPECT_EQ(metaserver.path, "/api/orders/s1/redis/master/change");
  EXPECT_NE(metaserver.body.find("\"to\":\"127.0.0.1:7002\""), std::string::npos) << metaserver.body;
  EXPECT_NE(metaserver.body.find("\"from\":\"127.0.0.1:7001\""), std::string::npos) << metaserver.body;
}

TEST(Hook, asks_the_next_metaserver_when_one_fails) {
  Metaserver broken(503), good(200);
  EXPECT_EQ(run_hook({broken.port(), good.port()}), kDone);
}

TEST(Hook, wants_to_be_called_again_when_nobody_is_there_and_never_again_when_refused) {
  Metaserver broken(503), refusing(422);
  EXPECT_EQ(run_hook({broken.port()}), kRetry);
  EXPECT_EQ(run_hook({1}), kRetry) << "port 1 refuses connections";
  EXPECT_EQ(run_hook({refusing.port()}), kNever);
  EXPECT_EQ(run_hook({}), kNever) << "a configuration without metaservers";
}

}  // namespace
}  // namespace penstock::hook
