#include "common/model/json_reader.h"

#include <set>

#include "common/base/names.h"

namespace penstock::model {
namespace {

constexpr std::size_t kBytesMax = 1 << 20;
constexpr int kDepthMax = 32;
constexpr int kTokensMax = 100'000;

/// Walks the text without building anything. nlohmann's parser is iterative, but copying and dumping what it
/// builds recurses: a deep document must be refused before it exists.
class Gate : public nlohmann::json_sax<Json> {
 public:
  std::string problem;

  bool null() override { return token(); }
  bool boolean(bool) override { return token(); }
  bool number_integer(number_integer_t) override { return token(); }
  bool number_unsigned(number_unsigned_t) override { return token(); }
  bool number_float(number_float_t, const string_t&) override { return token(); }
  bool string(string_t&) override { return token(); }
  bool binary(binary_t&) override { return token(); }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return deeper();
  }
  bool end_object() override {
    keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override { return deeper(); }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) return refuse("the key '" + name + "' stands twice");
    return token();
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return refuse("no valid JSON at byte " + std::to_string(position));
  }

 private:
  bool token() { return ++tokens_ <= kTokensMax || refuse("too many values"); }
  bool deeper() { return ++depth_ <= kDepthMax ? token() : refuse("nested deeper than 32 levels"); }
  bool refuse(std::string why) {
    if (problem.empty()) problem = std::move(why);
    return false;
  }
  int depth_ = 0, tokens_ = 0;
  std::vector<std::set<std::string>> keys_;  ///< of each object that is open
};

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (text.size() > kBytesMax) return fail(Errc::invalid_argument, "JSON: larger than 1 MiB");
  // To the parser a NUL is the end, and what follows it would be taken for read.
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    return fail(Errc::invalid_argument, "JSON: no valid JSON at byte " + std::to_string(nul + 1));
  Gate gate;
  if (!Json::sax_parse(text.begin(), text.end(), &gate))
    return fail(Errc::invalid_argument, "JSON: " + gate.problem);
  Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded()) return fail(Errc::invalid_argument, "JSON: not valid");
  return json;
}

std::string dump_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ObjectReader::ObjectReader(const Json& json, std::string path)
    : json_(&json), path_(std::move(path)), problems_(std::make_shared<std::vector<std::string>>()) {
  if (!json.is_object()) problems_->push_back((path_.empty() ? "body" : path_) + ": must be an object");
}

std::string ObjectReader::at(const std::string& key) const {
  return path_.empty() ? key : path_ + "." + key;
}

const Json* ObjectReader::find(const std::string& key) const {
  if (!json_->is_object()) return nullptr;
  const auto found = json_->find(key);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

bool ObjectReader::has(const std::string& key) const {
  return find(key) != nullptr;
}

void ObjectReader::problem(const std::string& key, const std::string& what) {
  problems_->push_back(at(key) + ": " + what);
}

std::string ObjectReader::string(const std::string& key, std::optional<std::string> fallback) {
  const Json* value = find(key);
  if (!value && fallback) return *fallback;
  if (value && value->is_string()) return value->get<std::string>();
  problem(key, value ? "must be a string" : "is missing");
  return "";
}

std::int64_t ObjectReader::integer(const std::string& key, std::int64_t min, std::int64_t max,
                                   std::optional<std::int64_t> fallback) {
  const Json* value = find(key);
  if (!value && fallback) return *fallback;
  if (!value) {
    problem(key, "is missing");
    return 0;
  }
  const bool representable =
      value->is_number_integer() &&
      (!value->is_number_unsigned() || value->get<std::uint64_t>() <= static_cast<std::uint64_t>(INT64_MAX));
  if (representable) {
    const auto number = value->get<std::int64_t>();
    if (number >= min && number <= max) return number;
  }
  problem(key, "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return 0;
}

bool ObjectReader::boolean(const std::string& key, std::optional<bool> fallback) {
  const Json* value = find(key);
  if (!value && fallback) return *fallback;
  if (value && value->is_boolean()) return value->get<bool>();
  problem(key, value ? "must be true or false" : "is missing");
  return false;
}

std::optional<Address> ObjectReader::optional_address(const std::string& key) {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    problem(key, "must be a string \"ip:port\"");
    return std::nullopt;
  }
  auto address = parse_address(value->get<std::string>());
  if (address) return address.value();
  problem(key, address.error().message);
  return std::nullopt;
}

Address ObjectReader::address(const std::string& key) {
  if (!has(key)) {
    problem(key, "is missing");
    return {};
  }
  return optional_address(key).value_or(Address{});
}

std::vector<std::string> ObjectReader::strings(const std::string& key,
                                               std::optional<std::vector<std::string>> fallback) {
  const Json* value = find(key);
  if (!value && fallback) return *std::move(fallback);
  std::vector<std::string> out;
  if (!value || !value->is_array()) {
    problem(key, value ? "must be an array of strings" : "is missing");
    return out;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    if ((*value)[i].is_string()) {
      out.push_back((*value)[i].get<std::string>());
    } else {
      problem(key + "[" + std::to_string(i) + "]", "must be a string");
    }
  }
  return out;
}

std::vector<Address> ObjectReader::addresses(const std::string& key,
                                             std::optional<std::vector<Address>> fallback) {
  if (!has(key) && fallback) return *std::move(fallback);
  std::vector<Address> out;
  const auto texts = strings(key);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto address = parse_address(texts[i]);
    if (address) {
      out.push_back(address.value());
    } else {
      problem(key + "[" + std::to_string(i) + "]", address.error().message);
    }
  }
  return out;
}

std::vector<ObjectReader> ObjectReader::objects(const std::string& key) {
  std::vector<ObjectReader> out;
  const Json* value = find(key);
  if (!value) return out;
  if (!value->is_array()) {
    problem(key, "must be an array of objects");
    return out;
  }
  for (std::size_t i = 0; i < value->size(); ++i) {
    ObjectReader element((*value)[i], at(key) + "[" + std::to_string(i) + "]");
    problems_->insert(problems_->end(), element.problems_->begin(), element.problems_->end());
    element.problems_ = problems_;
    out.push_back(std::move(element));
  }
  return out;
}

std::optional<ObjectReader> ObjectReader::object(const std::string& key) {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  ObjectReader inner(*value, at(key));
  problems_->insert(problems_->end(), inner.problems_->begin(), inner.problems_->end());
  inner.problems_ = problems_;
  return inner;
}

std::string ObjectReader::name(const std::string& key) {
  if (!has(key)) {
    problem(key, "is missing");
    return "";
  }
  std::string text = string(key);
  if (auto checked = check_name(at(key), text); !checked) problems_->push_back(checked.error().message);
  return text;
}

Result<> ObjectReader::finish() const {
  if (problems_->empty()) return success();
  std::string all;
  for (const std::string& problem : *problems_) all += (all.empty() ? "" : "; ") + problem;
  return fail(Errc::invalid_argument, std::move(all));
}

}  // namespace penstock::model
