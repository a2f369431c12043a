// Safe reading of JSON that somebody else wrote: limits on size, depth and tokens before anything is built,
// and range-checked getters that collect every problem by field. For request bodies and znodes alike. Include
// in .cc files only: this pulls in nlohmann/json.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/address.h"
#include "common/base/result.h"

namespace penstock::model {

using Json = nlohmann::json;

/// Depth <= 32, <= 100,000 tokens, <= 1 MiB, no duplicate keys; the error says where.
Result<Json> parse_json(std::string_view text);
/// Never throws: invalid UTF-8 is replaced.
std::string dump_json(const Json& json);

/// Reads one object. Problems are collected; finish() reports them all, each beginning with the field's
/// dotted path.
class ObjectReader {
 public:
  /// `json` must outlive the reader. A non-object is a problem in itself.
  explicit ObjectReader(const Json& json, std::string path = "");

  bool has(const std::string& key) const;
  std::string string(const std::string& key, std::optional<std::string> fallback = {});
  std::int64_t integer(const std::string& key, std::int64_t min, std::int64_t max,
                       std::optional<std::int64_t> fallback = {});
  bool boolean(const std::string& key, std::optional<bool> fallback = {});
  Address address(const std::string& key);                          ///< "ip:port", required
  std::optional<Address> optional_address(const std::string& key);  ///< missing or null: nullopt
  std::vector<std::string> strings(const std::string& key,
                                   std::optional<std::vector<std::string>> fallback = {});
  std::vector<Address> addresses(const std::string& key, std::optional<std::vector<Address>> fallback = {});
  /// The elements of an array of objects, each with its path; empty when missing.
  std::vector<ObjectReader> objects(const std::string& key);
  std::optional<ObjectReader> object(const std::string& key);
  /// A name checked with base/names.h's check_name.
  std::string name(const std::string& key);
  void problem(const std::string& key, const std::string& what);

  Result<> finish() const;  ///< invalid_argument, all problems joined with "; "

 private:
  const Json* find(const std::string& key) const;
  std::string at(const std::string& key) const;
  const Json* json_;
  std::string path_;
  std::shared_ptr<std::vector<std::string>> problems_;
};

}  // namespace penstock::model
