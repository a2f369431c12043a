#include "support/zookeeper_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace penstock::test {
namespace {

constexpr auto kStartLimit = std::chrono::seconds(60);

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof address;
  ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  ::close(fd);
  return ntohs(address.sin_port);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

ZookeeperProcess::ZookeeperProcess() : port_(free_port()) {
  std::string pattern = (std::filesystem::temp_directory_path() / "penstock-zk-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make a temporary directory");
  directory_ = pattern;
  std::ofstream(directory_ + "/zoo.cfg") << "tickTime=500\n"
                                         << "dataDir=" << directory_ << "/data\n"
                                         << "clientPort=" << port_ << "\n"
                                         << "clientPortAddress=127.0.0.1\n"
                                         << "maxClientCnxns=0\n"
                                         << "admin.enableServer=false\n"
                                         << "forceSync=no\n"  // what a killed process wrote, the kernel keeps
                                         << "4lw.commands.whitelist=ruok\n";
  start();
}

ZookeeperProcess::~ZookeeperProcess() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void ZookeeperProcess::start() {
  spawn();
  const auto deadline = std::chrono::steady_clock::now() + kStartLimit;
  while (!serves()) {
    if (std::chrono::steady_clock::now() > deadline || ::waitpid(pid_, nullptr, WNOHANG) == pid_)
      throw std::runtime_error("ZooKeeper does not start:\n" + read_file(directory_ + "/log"));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

void ZookeeperProcess::spawn() {
  const std::string log = directory_ + "/log", config = directory_ + "/zoo.cfg";
  pid_ = ::fork();
  if (pid_ != 0) return;
  // The child; it dies with the test, however that ends.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(out, 1);
  ::dup2(out, 2);
  // The jar's manifest names what it depends on.
  ::execlp("java", "java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
           "-cp", "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar",
           "org.apache.zookeeper.server.ZooKeeperServerMain", config.c_str(), nullptr);
  ::_exit(127);
}

bool ZookeeperProcess::serves() const {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port_);
  char answer[4] = {};
  const bool ok = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                  ::send(fd, "ruok", 4, MSG_NOSIGNAL) == 4 && ::recv(fd, answer, 4, MSG_WAITALL) == 4;
  ::close(fd);
  return ok && std::string(answer, 4) == "imok";
}

void ZookeeperProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void ZookeeperProcess::freeze() {
  ::kill(pid_, SIGSTOP);
  int status = 0;
  ::waitpid(pid_, &status, WUNTRACED);
}
void ZookeeperProcess::thaw() {
  ::kill(pid_, SIGCONT);
}
void ZookeeperProcess::wipe_data() {
  std::filesystem::remove_all(directory_ + "/data");
}

}  // namespace penstock::test
