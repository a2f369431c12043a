// run_daemon as its users meet it: a process with arguments, signals, output and an exit code.
#include "common/daemon/daemon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "common/async/sleep.h"
#include "support/child_process.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace penstock::daemon {
namespace {

using namespace std::chrono_literals;
using test::ChildProcess;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class DaemonTest : public testing::Test {
 protected:
  struct Ended {
    std::optional<int> code;
    std::string output;
  };

  std::string file(const std::string& name) const { return (directory_.path() / name).string(); }
  std::string config(const std::string& text) const {
    std::ofstream(file("sample.toml")) << text;
    return file("sample.toml");
  }
  std::string listening(const std::string& more = "") const {
    return config("listen = \"127.0.0.1:" + std::to_string(port_) + "\"\n" + more);
  }
  std::unique_ptr<ChildProcess> start(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), SAMPLE_DAEMON);
    return std::make_unique<ChildProcess>(arguments, file("output"));
  }
  Ended run(std::vector<std::string> arguments) const {
    std::filesystem::remove(file("output"));
    auto process = start(std::move(arguments));
    const auto code = process->exit_code();
    return {code, process->output()};
  }
  http::Response get(const std::string& path) {
    http::ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port_) + path;
    auto answer = test::run(loop_, http::fetch(request, 10s));
    return answer ? answer.value() : http::Response{0, answer.error().text(), "", {}};
  }
  /// Whether it serves within 20 s.
  bool wait_until_up() {
    for (const auto deadline = MonoClock::now() + 20s; MonoClock::now() < deadline;) {
      if (get("/livez").status == 200) return true;
      if (!test::run(loop_, sleep_for(10ms))) return false;
    }
    return false;
  }

  boost::asio::io_context loop_;
  test::TempDir directory_;
  std::uint16_t port_ = test::free_port();
};

TEST_F(DaemonTest, answers_without_a_configuration) {
  const Ended version = run({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.output, "sample " PENSTOCK_VERSION "\n");
  const Ended routes = run({"--print-routes"});
  EXPECT_EQ(routes.code, 0);
  EXPECT_EQ(routes.output, "GET /livez\nGET /metrics\nGET /readyz\n");
  const Ended help = run({"--help"});
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.output, HasSubstr("--check-config"));
}

TEST_F(DaemonTest, wrong_usage_is_exit_code_2) {
  const Ended nothing = run({});
  EXPECT_EQ(nothing.code, 2);
  EXPECT_EQ(nothing.output, "sample: --config FILE is needed\n");
  const Ended unknown = run({"--no-such-option"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.output, AllOf(StartsWith("sample: "), HasSubstr("--no-such-option")));
}

TEST_F(DaemonTest, a_wrong_configuration_is_exit_code_2_with_every_problem_named) {
  for (const auto& more : std::vector<std::vector<std::string>>{{}, {"--check-config"}}) {
    const auto with = [&](std::string path) {
      std::vector<std::string> arguments{"--config", std::move(path)};
      arguments.insert(arguments.end(), more.begin(), more.end());
      return run(arguments);
    };
    const Ended missing = with("/nowhere/at/all.toml");
    EXPECT_EQ(missing.code, 2);
    EXPECT_THAT(missing.output, HasSubstr("/nowhere/at/all.toml"));
    const Ended syntax = with(config("listen = \n"));
    EXPECT_EQ(syntax.code, 2);
    EXPECT_THAT(syntax.output, HasSubstr("sample.toml:1"));
    const Ended many =
        with(config("listen = \"localhost:1\"\nredy = true\n[log]\nlevel = \"loud\"\nformat = \"xml\"\n"));
    EXPECT_EQ(many.code, 2);
    EXPECT_THAT(many.output,
                AllOf(HasSubstr("listen: "), HasSubstr("redy: is not a known key; did you mean 'ready'?"),
                      HasSubstr("log.level: must be one of debug, info, warn, error"),
                      HasSubstr("log.format: must be one of text, json")));
  }
}

TEST_F(DaemonTest, a_right_configuration_is_fine_and_nothing_is_started) {
  const Ended checked = run({"--check-config", "--config", listening()});
  EXPECT_EQ(checked.code, 0);
  EXPECT_THAT(checked.output, HasSubstr("is fine"));
  EXPECT_NE(get("/livez").status, 200);
}

TEST_F(DaemonTest, a_port_in_use_is_exit_code_1_and_one_clear_line) {
  auto first = start({"--config", listening()});
  ASSERT_TRUE(wait_until_up());
  ChildProcess second({SAMPLE_DAEMON, "--config", listening()}, file("second"));
  EXPECT_EQ(second.exit_code(), 1);
  EXPECT_EQ(second.output(),
            "sample: listen 127.0.0.1:" + std::to_string(port_) + ": Address already in use\n");
}

TEST_F(DaemonTest, a_log_file_that_cannot_be_written_is_named) {
  const Ended ended = run({"--config", listening("[log]\nfile = \"/proc/nowhere/log\"\n")});
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.output, HasSubstr("/proc/nowhere/log"));
}

TEST_F(DaemonTest, serves_until_a_signal_and_ends_cleanly) {
  for (const int signal : {SIGTERM, SIGINT}) {
    auto process = start({"--config", listening("[log]\nformat = \"json\"\n")});
    ASSERT_TRUE(wait_until_up());
    EXPECT_EQ(get("/readyz").status, 200);
    process->signal(signal);
    EXPECT_EQ(process->exit_code(), 0);
    EXPECT_THAT(process->output(),
                AllOf(HasSubstr("\"what\":\"started\""), HasSubstr("\"what\":\"stopping\"")));
    EXPECT_NE(get("/livez").status, 200);
  }
}

TEST_F(DaemonTest, is_not_ready_but_alive) {
  auto process = start({"--config", listening("ready = false\n")});
  ASSERT_TRUE(wait_until_up());
  const http::Response answer = get("/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("told so"));
}

TEST_F(DaemonTest, a_second_signal_ends_a_stop_that_does_not_come_to_an_end) {
  auto process = start({"--config", listening("never_stops = true\n")});
  ASSERT_TRUE(wait_until_up());
  process->signal(SIGTERM);
  while (get("/livez").status == 200) ASSERT_TRUE(test::run(loop_, sleep_for(10ms)));
  EXPECT_EQ(process->exit_code(300ms), std::nullopt);
  process->signal(SIGTERM);
  EXPECT_EQ(process->exit_code(), 1);
}

/// Where systemd would listen.
class NotifySocket {
 public:
  explicit NotifySocket(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const timeval limit{20, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~NotifySocket() {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(fd_);
  }
  NotifySocket(const NotifySocket&) = delete;
  NotifySocket& operator=(const NotifySocket&) = delete;
  std::string next() const {
    char text[256];
    const ssize_t n = ::recv(fd_, text, sizeof text, 0);
    return n < 0 ? "nothing came" : std::string(text, static_cast<std::size_t>(n));
  }

 private:
  int fd_;
};

TEST_F(DaemonTest, tells_systemd_when_it_serves_and_when_it_stops) {
  const NotifySocket systemd(file("notify"));
  auto process = start({"--config", listening()});
  EXPECT_EQ(systemd.next(), "READY=1");
  EXPECT_EQ(get("/livez").status, 200) << "READY is said when it is true";
  process->signal(SIGTERM);
  EXPECT_EQ(systemd.next(), "STOPPING=1");
  EXPECT_EQ(process->exit_code(), 0);
}

}  // namespace
}  // namespace penstock::daemon
