// Structured logs: one line per state change, "what happened" and key=value fields. Quiet when healthy.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::log {

enum class Level { debug, info, warn, error };

struct Options {
  std::string level = "info";   ///< debug, info, warn, error
  std::string format = "text";  ///< text or json (one object a line)
  std::string file;             ///< empty: standard error
};

struct Field {
  std::string_view key;
  std::string value;
  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <class N>
    requires std::is_arithmetic_v<N>
  Field(std::string_view k, N v) : key(k), value(std::to_string(v)) {}
};

/// Before the first line; false when the level, format or file is not usable (the message says why).
bool start(const Options& options, std::string& problem);
void write(Level level, std::string_view component, std::string_view what,
           std::initializer_list<Field> fields = {});

/// A component's face to the log: `constexpr log::Logger kLog{"keeper"}; kLog.info("attached", {{"upstream",
/// …}});`
struct Logger {
  std::string_view component;
  void debug(std::string_view what, std::initializer_list<Field> fields = {}) const {
    write(Level::debug, component, what, fields);
  }
  void info(std::string_view what, std::initializer_list<Field> fields = {}) const {
    write(Level::info, component, what, fields);
  }
  void warn(std::string_view what, std::initializer_list<Field> fields = {}) const {
    write(Level::warn, component, what, fields);
  }
  void error(std::string_view what, std::initializer_list<Field> fields = {}) const {
    write(Level::error, component, what, fields);
  }
};

}  // namespace penstock::log
