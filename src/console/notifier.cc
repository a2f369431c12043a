#include "console/notifier.h"

#include <algorithm>
#include <chrono>

#include "common/http/http.h"
#include "common/log/log.h"
#include "common/model/json_reader.h"

namespace penstock::console {
namespace {

constexpr log::Logger kLog{"notifier"};
constexpr Millis kLimit{5'000};
constexpr int kBatch = 20;
constexpr std::int64_t kFirstPauseMs = 1'000, kLongestPauseMs = 300'000;

std::int64_t wall_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string body_of(const Notification& n) {
  return model::dump_json({{"id", n.id},
                           {"type", n.type},
                           {"dc", n.dc},
                           {"cluster", n.cluster},
                           {"shard", n.shard},
                           {"from", n.from},
                           {"to", n.to},
                           {"epoch", n.epoch},
                           {"atMs", n.at_ms},
                           {"by", n.by}});
}

}  // namespace

Notifier::Notifier(Executor executor, Database& database)
    : database_(database), bell_(executor), tasks_(executor) {}

void Notifier::start() {
  tasks_.spawn("notifier", loop());
}
Task<void> Notifier::stop() {
  co_await tasks_.stop();
}

Task<Result<bool>> Notifier::take(Notification notification) {
  auto store_it = [notification](Store& store) { return store.notify(notification); };
  PS_CO_TRY(const bool fresh, co_await database_.run(std::move(store_it)));
  if (fresh) {
    kLog.info("notification", {{"type", notification.type},
                               {"shard", notification.cluster + "/" + notification.shard},
                               {"from", notification.from},
                               {"to", notification.to},
                               {"by", notification.by}});
    bell_.ring();
  }
  co_return fresh;
}

Task<void> Notifier::loop() {
  for (;;) {
    auto due =
        co_await database_.run([now = wall_ms()](Store& store) { return store.due_deliveries(now, kBatch); });
    if (!due) kLog.error("outbox cannot be read", {{"why", due.error().message}});
    if (due) {
      for (const Delivery& delivery : due.value()) {
        auto done = co_await deliver(delivery);
        if (!done && done.error().code == Errc::cancelled) co_return;
      }
    }
    const bool more = due && due.value().size() == kBatch;
    if (auto waited = co_await bell_.wait_for(more ? Millis{10} : Millis{1'000}); !waited) co_return;
  }
}

Task<Result<>> Notifier::deliver(Delivery delivery) {
  http::ClientRequest request;
  request.method = http::Method::post;
  request.url = delivery.url;
  request.body = body_of(delivery.notification);
  auto answer = co_await http::fetch(std::move(request), kLimit);
  if (answer && answer.value().status >= 200 && answer.value().status < 300)
    co_return co_await database_.run([id = delivery.id](Store& store) { return store.delivered(id); });
  const std::string why = answer ? "status " + std::to_string(answer.value().status) : answer.error().message;
  if (!answer && answer.error().code == Errc::cancelled) co_return fail(std::move(answer).error());
  kLog.warn("webhook did not take it",
            {{"url", delivery.url}, {"attempt", delivery.attempts + 1}, {"why", why}});
  const std::int64_t pause = std::min(kLongestPauseMs, kFirstPauseMs << std::min(delivery.attempts, 10));
  co_return co_await database_.run(
      [id = delivery.id, until = wall_ms() + pause](Store& store) { return store.put_off(id, until); });
}

}  // namespace penstock::console
