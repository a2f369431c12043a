// Telling the world: notifications go from the database's outbox to every webhook that wants them, at least
// once.
#pragma once

#include "common/async/task_group.h"
#include "common/async/wakeup.h"
#include "console/database.h"

namespace penstock::console {

class Notifier {
 public:
  Notifier(Executor executor, Database& database);

  void start();
  Task<void> stop();
  /// Stores it (unless it is known already) and wakes the delivery. True when it was new.
  Task<Result<bool>> take(Notification notification);

 private:
  Task<void> loop();
  Task<Result<>> deliver(Delivery delivery);

  Database& database_;
  Wakeup bell_;
  TaskGroup tasks_;
};

}  // namespace penstock::console
