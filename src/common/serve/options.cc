#include "common/serve/options.h"

namespace penstock::serve {

Patience read_patience(config::Reader& reader, const std::string& table) {
  Patience patience;
  const auto limit = [&](const char* key, std::int64_t fallback) {
    return reader.duration(table + "." + key, Millis{fallback}).count();
  };
  patience.auth_ms = limit("auth_timeout", patience.auth_ms);
  patience.command_ms = limit("command_timeout", patience.command_ms);
  patience.reading_ms = limit("reading_timeout", patience.reading_ms);
  patience.idle_ms = limit("idle_timeout", patience.idle_ms);
  return patience;
}

}  // namespace penstock::serve
