#include "common/config/config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>

#include "common/base/names.h"

namespace penstock::config {
namespace {

/// Far below where a deadline on a nanosecond clock would overflow.
constexpr Millis kDurationMax = std::chrono::hours{24 * 366};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// "<number><unit>", whole units; nullopt when it is not that.
template <class N>
std::optional<N> with_unit(std::string_view text,
                           std::initializer_list<std::pair<std::string_view, N>> units) {
  N number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  const std::string_view unit(end, text.data() + text.size());
  for (const auto& [name, factor] : units) {
    if (unit != name) continue;
    if (number > std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(factor))
      return std::nullopt;
    return number * factor;
  }
  return std::nullopt;
}

}  // namespace

struct Reader::Impl {
  std::string name;
  toml::table table;
  std::set<std::string> known;
  std::vector<std::string> problems;

  toml::node_view<toml::node> at(const std::string& key) {
    known.insert(key);
    return table.at_path(key);
  }
  void add(const std::string& key, const std::string& what) { problems.push_back(key + ": " + what); }

  /// The value of `key` by `convert(node) → optional<T>`, or the fallback, or a problem and `T{}`.
  template <class T, class Convert>
  T value(const std::string& key, const std::optional<T>& fallback, const char* wanted, Convert convert) {
    auto node = at(key);
    if (!node) {
      if (fallback) return *fallback;
      add(key, std::string("is missing (") + wanted + ")");
      return T{};
    }
    if (std::optional<T> converted = convert(node)) return *std::move(converted);
    add(key, std::string("must be ") + wanted);
    return T{};
  }
  void refuse_unknown(const toml::table& part, const std::string& prefix);
};

void Reader::Impl::refuse_unknown(const toml::table& part, const std::string& prefix) {
  for (const auto& [key, node] : part) {
    const std::string full = prefix + std::string(key.str());
    if (known.contains(full)) continue;
    if (const auto* inner = node.as_table()) {
      refuse_unknown(*inner, full + ".");
      continue;
    }
    const auto nearest =
        std::ranges::min_element(known, {}, [&](const std::string& k) { return edit_distance(k, full); });
    const bool close = nearest != known.end() && edit_distance(*nearest, full) <= 1 + full.size() / 3;
    add(full, close ? "is not a known key; did you mean '" + *nearest + "'?" : "is not a known key");
  }
}

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return fail(Errc::not_found, file + ": no such file");
  try {
    auto impl = std::make_unique<Impl>();
    impl->name = file;
    impl->table = toml::parse_file(file);
    return Reader(std::move(impl));
  } catch (const toml::parse_error& e) {
    return fail(Errc::invalid_argument,
                file + ":" + std::to_string(e.source().begin.line) + ": " + std::string(e.description()));
  }
}

Result<Reader> Reader::parse(std::string_view text, std::string name) {
  try {
    auto impl = std::make_unique<Impl>();
    impl->table = toml::parse(text, name);
    impl->name = std::move(name);
    return Reader(std::move(impl));
  } catch (const toml::parse_error& e) {
    return fail(Errc::invalid_argument,
                name + ":" + std::to_string(e.source().begin.line) + ": " + std::string(e.description()));
  }
}

std::string Reader::string(const std::string& key, std::optional<std::string> fallback) {
  return impl_->value<std::string>(key, fallback, "a string",
                                   [](auto node) { return node.template value_exact<std::string>(); });
}

std::int64_t Reader::integer(const std::string& key, std::int64_t min, std::int64_t max,
                             std::optional<std::int64_t> fallback) {
  const std::string wanted = "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  return impl_->value<std::int64_t>(
      key, fallback, wanted.c_str(), [&](auto node) -> std::optional<std::int64_t> {
        const auto number = node.template value_exact<std::int64_t>();
        return number && *number >= min && *number <= max ? number : std::nullopt;
      });
}

bool Reader::boolean(const std::string& key, std::optional<bool> fallback) {
  return impl_->value<bool>(key, fallback, "true or false",
                            [](auto node) { return node.template value_exact<bool>(); });
}

Millis Reader::duration(const std::string& key, std::optional<Millis> fallback) {
  return impl_->value<Millis>(
      key, fallback, "a duration such as \"250ms\", \"5s\", \"2m\", at most a year",
      [](auto node) -> std::optional<Millis> {
        const auto text = node.template value_exact<std::string>();
        if (!text) return std::nullopt;
        const auto ms =
            with_unit<std::int64_t>(*text, {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}});
        return ms && *ms <= kDurationMax.count() ? std::optional<Millis>(Millis{*ms}) : std::nullopt;
      });
}

std::uint64_t Reader::bytes(const std::string& key, std::optional<std::uint64_t> fallback) {
  return impl_->value<std::uint64_t>(
      key, fallback, "a size such as 1048576, \"64mb\", \"1gb\"",
      [](auto node) -> std::optional<std::uint64_t> {
        if (const auto number = node.template value_exact<std::int64_t>(); number && *number >= 0)
          return static_cast<std::uint64_t>(*number);
        const auto text = node.template value_exact<std::string>();
        if (!text) return std::nullopt;
        const auto bytes =
            with_unit<std::int64_t>(*text, {{"b", 1}, {"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}});
        return bytes ? std::optional<std::uint64_t>(static_cast<std::uint64_t>(*bytes)) : std::nullopt;
      });
}

Address Reader::address(const std::string& key, std::optional<Address> fallback) {
  return impl_->value<Address>(key, fallback, "a numeric \"ip:port\"",
                               [](auto node) -> std::optional<Address> {
                                 const auto text = node.template value_exact<std::string>();
                                 if (!text) return std::nullopt;
                                 auto address = parse_address(*text);
                                 return address ? std::optional<Address>(address.value()) : std::nullopt;
                               });
}

std::vector<std::string> Reader::strings(const std::string& key,
                                         std::optional<std::vector<std::string>> fallback) {
  return impl_->value<std::vector<std::string>>(
      key, fallback, "an array of strings", [](auto node) -> std::optional<std::vector<std::string>> {
        const auto* array = node.as_array();
        if (!array) return std::nullopt;
        std::vector<std::string> out;
        for (const auto& element : *array) {
          const auto text = element.template value_exact<std::string>();
          if (!text) return std::nullopt;
          out.push_back(*text);
        }
        return out;
      });
}

std::string Reader::name(const std::string& key) {
  std::string text = string(key);
  if (!impl_->table.at_path(key).is_string()) return text;  // said already
  if (auto checked = check_name(key, text); !checked) impl_->problems.push_back(checked.error().message);
  return text;
}

void Reader::problem(const std::string& key, const std::string& what) {
  impl_->add(key, what);
}

Result<> Reader::finish() {
  impl_->refuse_unknown(impl_->table, "");
  if (impl_->problems.empty()) return success();
  std::string all;
  for (const std::string& problem : impl_->problems)
    all += (all.empty() ? "" : "\n") + impl_->name + ": " + problem;
  return fail(Errc::invalid_argument, std::move(all));
}

}  // namespace penstock::config
