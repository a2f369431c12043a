#include "common/log/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <memory>

namespace penstock::log {
namespace {

struct Output {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
};

Output& output() {
  static Output* instance = new Output;  // never destroyed: threads of libraries may log until the very end
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool parse_level(const std::string& text, Level& level) {
  if (text == "debug")
    level = Level::debug;
  else if (text == "info")
    level = Level::info;
  else if (text == "warn")
    level = Level::warn;
  else if (text == "error")
    level = Level::error;
  else
    return false;
  return true;
}

/// Length of the well-formed UTF-8 sequence at the start of `text`: 1 to 4, 0 when there is none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto between = [&](std::size_t i, unsigned low, unsigned high) {
    return byte(i) >= low && byte(i) <= high;
  };
  const auto tail = [&](std::size_t i) { return between(i, 0x80, 0xbf); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool second = between(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf);
    return second && tail(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool second = between(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf);
    return second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

/// Names and answers of peers end up in log lines: no character of theirs may end a line or a string, and a
/// line stays valid UTF-8 (and so valid JSON) whatever bytes they sent.
void append_escaped(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (std::size_t length = 0; !text.empty(); text.remove_prefix(std::max<std::size_t>(length, 1))) {
    length = utf8_length(text);
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else if (length == 0) {
      out += "\\ufffd";
    } else {
      out += text.substr(0, length);
    }
  }
}

bool needs_quotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \t\r\n\"=\\") != std::string_view::npos;
}

std::string text_line(std::string_view component, std::string_view what,
                      std::initializer_list<Field> fields) {
  std::string line;
  line += component;
  line += ": ";
  append_escaped(line, what);
  for (const Field& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    const bool quoted = needs_quotes(field.value);
    if (quoted) line += '"';
    append_escaped(line, field.value);
    if (quoted) line += '"';
  }
  return line;
}

std::string json_line(Level level, std::string_view component, std::string_view what,
                      std::initializer_list<Field> fields) {
  static constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  std::string line = "{\"atMs\":" + std::to_string(now.count()) + ",\"level\":\"";
  line += kNames[static_cast<int>(level)];
  line += "\",\"component\":\"";
  append_escaped(line, component);
  line += "\",\"what\":\"";
  append_escaped(line, what);
  line += '"';
  for (const Field& field : fields) {
    line += ",\"";
    append_escaped(line, field.key);
    line += "\":\"";
    append_escaped(line, field.value);
    line += '"';
  }
  line += '}';
  return line;
}

}  // namespace

bool start(const Options& options, std::string& problem) {
  Level level;
  if (!parse_level(options.level, level)) {
    problem = "log level '" + options.level + "' is not one of debug, info, warn, error";
    return false;
  }
  if (options.format != "text" && options.format != "json") {
    problem = "log format '" + options.format + "' is not one of text, json";
    return false;
  }
  try {
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    }
    auto logger = std::make_shared<spdlog::logger>("penstock", std::move(sink));
    logger->set_level(to_spdlog(level));
    logger->set_pattern(options.format == "json" ? "%v" : "%Y-%m-%dT%H:%M:%S.%e%z %-5l %v");
    logger->flush_on(spdlog::level::debug);
    output() = {std::move(logger), options.format == "json"};
  } catch (const spdlog::spdlog_ex& error) {
    problem = "log file '" + options.file + "': " + error.what();
    return false;
  }
  return true;
}

void write(Level level, std::string_view component, std::string_view what,
           std::initializer_list<Field> fields) {
  auto& [logger, json] = output();
  if (!logger || !logger->should_log(to_spdlog(level)))
    return;  // before start(): a library in a test stays quiet
  const std::string line =
      json ? json_line(level, component, what, fields) : text_line(component, what, fields);
  logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace penstock::log
