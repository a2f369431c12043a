#include "console/options.h"

namespace penstock::console {

Options read_options(config::Reader& reader) {
  Options options;
  const Address listen = reader.address("http.listen");
  options.http_host = listen.host;
  options.http_port = listen.port;
  options.database_url = reader.string("database.url");
  options.zookeeper_session_timeout =
      reader.duration("zookeeper.session_timeout", options.zookeeper_session_timeout);
  options.publish_interval = reader.duration("timing.publish_interval", options.publish_interval);
  options.watch_interval = reader.duration("timing.watch_interval", options.watch_interval);
  if (!options.http_host.empty() && options.http_host != "127.0.0.1" && options.http_host != "::1")
    reader.problem("http.listen", "must be a loopback address: this console has neither TLS nor users yet");
  return options;
}

}  // namespace penstock::console
