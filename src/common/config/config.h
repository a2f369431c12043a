// Typed reading of a daemon's TOML file. All problems are reported at once, each with its key; unknown keys
// are refused with the nearest known name. Durations are strings: "250ms", "5s", "2m". Sizes: "64mb", "1gb",
// or a number.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/async/task.h"
#include "common/base/address.h"
#include "common/base/result.h"

namespace penstock::config {

class Reader {
 public:
  /// Errc::not_found or invalid_argument (TOML syntax, with line).
  static Result<Reader> open(const std::string& file);
  static Result<Reader> parse(std::string_view toml, std::string name);
  Reader(Reader&&) noexcept;
  ~Reader();

  // Keys are dotted: "zookeeper.servers". A missing key gives the fallback; without a fallback it is a
  // problem.
  std::string string(const std::string& key, std::optional<std::string> fallback = {});
  std::int64_t integer(const std::string& key, std::int64_t min, std::int64_t max,
                       std::optional<std::int64_t> fallback = {});
  bool boolean(const std::string& key, std::optional<bool> fallback = {});
  Millis duration(const std::string& key, std::optional<Millis> fallback = {});
  std::uint64_t bytes(const std::string& key, std::optional<std::uint64_t> fallback = {});
  Address address(const std::string& key, std::optional<Address> fallback = {});
  std::vector<std::string> strings(const std::string& key,
                                   std::optional<std::vector<std::string>> fallback = {});
  /// A name of a data center, host …: checked with check_name.
  std::string name(const std::string& key);
  /// Adds a problem of the caller's own ("a.b: must be below c").
  void problem(const std::string& key, const std::string& what);

  /// invalid_argument with every problem, one a line, when there is any.
  Result<> finish();

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::config
