// penstock-metaserver's configuration file, typed.
#pragma once

#include <string>
#include <vector>

#include "common/async/task.h"
#include "common/config/config.h"
#include "common/serve/doorkeeper.h"
#include "common/serve/patience.h"
#include "common/zk/zk.h"
#include "metaserver/core/shard_view.h"

namespace penstock::metaserver {

struct Timing {
  Millis look{500};         ///< between two looks at a shard that is well
  Millis probe{500};        ///< deadline of one probe of a keeper, Redis or Sentinel
  Millis order{1'000};      ///< deadline of one command that changes something
  Millis peer{1'000};       ///< deadline of one question to another DC's metaserver
  Millis ask_peers{5'000};  ///< between two questions for the upstream of a healthy link
  Millis resync{30'000};    ///< configuration is read again this often, watches or not
  Millis forward{5'000};    ///< deadline of a request that is passed on to the owner
};

/// The port that speaks Sentinel's protocol.
struct FaceOptions {
  std::string host;
  std::uint16_t port = 0;
  Address advertise;     ///< what clients are told; empty: host and the bound port
  std::string password;  ///< empty: nobody is asked for one
  serve::ConnectionCaps caps;
  serve::Patience patience;
};

struct Options {
  std::string id, dc;
  std::string http_host;
  std::uint16_t http_port = 0;
  Address advertise;  ///< REST address that others use; empty: http_host and the bound port
  FaceOptions face;
  zk::SessionOptions zookeeper;
  std::vector<std::string> consoles;  ///< base URLs, "http://127.0.0.1:8080"
  Timing timing;
  Policy policy;
};

/// Reads this daemon's keys; problems stay in `reader` for its finish().
Options read_options(config::Reader& reader);

}  // namespace penstock::metaserver
