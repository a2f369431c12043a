// The console's configuration (conf/console.toml).
#pragma once

#include <string>

#include "common/async/task.h"
#include "common/config/config.h"

namespace penstock::console {

struct Options {
  std::string http_host = "127.0.0.1";
  std::uint16_t http_port = 0;
  std::string database_url;
  Millis zookeeper_session_timeout{6'000};
  Millis publish_interval{
      1'000};  ///< how often intent is compared with each DC when nothing wakes the publisher
  Millis watch_interval{2'000};
};

/// Problems stay in the reader until its finish().
Options read_options(config::Reader& reader);

}  // namespace penstock::console
