// One thread with epoll. The load generator has two, one for the master and one for the replicas: what they
// share is in world.h, everything else belongs to one of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

namespace penstock::bench {

class Loop {
 public:
  using Handler = std::function<void()>;

  Loop();
  ~Loop();  ///< ends the thread; after that nothing that was watched is called
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void start();
  void stop();

  // From any thread.
  void post(std::function<void()> job);
  template <class F>
  auto ask(F question) -> std::invoke_result_t<F> {
    auto task = std::make_shared<std::packaged_task<std::invoke_result_t<F>()>>(std::move(question));
    auto answer = task->get_future();
    post([task] { (*task)(); });
    return answer.get();
  }

  // On the loop, or before it has started. A handler may be called without a reason: it asks its socket.
  void watch(int fd, std::uint32_t events, Handler handler);
  void forget(int fd);  ///< and closes it
  void every(std::chrono::nanoseconds period, Handler handler);

 private:
  void run();
  void run_posted();

  int epoll_ = -1, wake_ = -1;
  bool stopping_ = false;
  std::unordered_map<int, std::shared_ptr<Handler>> handlers_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::thread thread_;
};

/// A non-blocking listener at a port of loopback (0: any); throws.
int listen_at(std::uint16_t port);
std::uint16_t port_of(int listener);
/// A non-blocking connection that may still be under way; -1 when it was refused at once.
int connect_to(std::uint16_t port);

}  // namespace penstock::bench
