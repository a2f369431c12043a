// Replies as hostile servers send them: however they are cut they are the same values, what was read can be
// written and read again, and no limit is passed.
#include "common/resp/parser.h"

#include <algorithm>

#include "common/resp/encode.h"
#include "fuzz/input.h"

namespace {

using namespace penstock;

struct Outcome {
  std::vector<resp::Value> values;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

Outcome parse(const std::vector<std::string_view>& pieces, resp::Limits limits) {
  resp::Parser parser(limits);
  Outcome outcome;
  for (const std::string_view piece : pieces) {
    if (auto fed = parser.feed(piece); !fed) {
      outcome.error = fed.error().message;
      return outcome;
    }
    for (;;) {
      auto value = parser.next();
      if (!value) {
        outcome.error = value.error().message;
        FUZZ_CHECK(value.error().code == Errc::protocol && !parser.feed("+OK\r\n") && !parser.next());
        return outcome;
      }
      if (!value.value()) break;
      outcome.values.push_back(std::move(*value.value()));
    }
  }
  return outcome;
}

std::size_t elements(const resp::Value& value) {
  std::size_t count = 1;
  if (const auto* array = value.array())
    for (const resp::Value& element : *array) count += elements(element);
  return count;
}

std::size_t depth(const resp::Value& value) {
  std::size_t deepest = 0;
  if (const auto* array = value.array())
    for (const resp::Value& element : *array) deepest = std::max(deepest, 1 + depth(element));
  return deepest;
}

/// A bare CR or LF within an error's line, which is not passed on as it is: readers differ about where such a
/// line ends.
bool has_line_end(const resp::Value& value) {
  if (const auto* array = value.array()) return std::ranges::any_of(*array, has_line_end);
  const auto* error = std::get_if<resp::ServerError>(&value.v);
  return error && error->text.find_first_of("\r\n") != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t how = input.byte();
  const resp::Limits all;
  const resp::Limits few{.buffered_bytes_max = 64, .elements_max = 4, .depth_max = 2, .line_bytes_max = 16};
  const bool limited = input.below(2) == 1;
  const std::string_view bytes = input.rest();

  const Outcome outcome = parse(fuzz::cut(bytes, how), limited ? few : all);
  for (const resp::Value& value : outcome.values) {
    FUZZ_CHECK(elements(value) <= (limited ? few : all).elements_max);
    FUZZ_CHECK(depth(value) <= (limited ? few : all).depth_max);
    std::string again;
    resp::append_value(again, value);
    const Outcome back = parse({again}, all);
    FUZZ_CHECK(back.error.empty() && back.values.size() == 1);
    std::string twice;
    resp::append_value(twice, back.values[0]);
    FUZZ_CHECK(twice == again);
    if (!has_line_end(value)) FUZZ_CHECK(back.values[0] == value);
  }
  if (!limited) FUZZ_CHECK(parse({bytes}, all) == outcome);
  return 0;
}
