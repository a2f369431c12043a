// A replication stream, against a reader that has all of it at once: the same boundaries, the same first
// wrong byte, however it is cut.
#include "keeper/core/boundary_scanner.h"

#include <cctype>

#include "fuzz/input.h"

namespace {

using namespace penstock;
using keeper::BoundaryScanner;

struct Outcome {
  std::int64_t command = 0, transaction = 0;  ///< boundaries
  std::int64_t end = 0;                       ///< the last good byte
  int getacks = 0;
  bool data = false, inside = false, broken = false;
  bool operator==(const Outcome&) const = default;
};

Outcome scan(const std::vector<std::string_view>& pieces, std::string* error) {
  BoundaryScanner scanner;
  Outcome outcome;
  for (const std::string_view piece : pieces) {
    auto fed = scanner.feed(piece);
    outcome.getacks += scanner.getacks_in_last_feed();
    if (fed) continue;
    FUZZ_CHECK(fed.error().code == Errc::protocol && !scanner.feed("*"), "it fails for good");
    *error = fed.error().message;
    outcome.broken = true;
    break;
  }
  outcome.command = scanner.command_boundary();
  outcome.transaction = scanner.transaction_boundary();
  outcome.end = scanner.end();
  outcome.data = scanner.saw_data();
  outcome.inside = scanner.inside_transaction();
  return outcome;
}

enum class Found { whole, more, broken };

/// "<kind><digits>\r\n" at `at`, which moves behind its good bytes.
Found take_header(std::string_view in, std::size_t& at, char kind, std::int64_t least, std::int64_t& number) {
  if (at == in.size()) return Found::more;
  if (in[at] != kind) return Found::broken;
  ++at;
  number = 0;
  int digits = 0;
  for (; at < in.size() && digits < 15 && std::isdigit(static_cast<unsigned char>(in[at])); ++at, ++digits)
    number = number * 10 + (in[at] - '0');
  if (at == in.size()) return Found::more;
  if (in[at] != '\r' || digits == 0 || number < least) return Found::broken;
  if (++at == in.size()) return Found::more;
  if (in[at] != '\n') return Found::broken;
  ++at;
  return Found::whole;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Found take_command(std::string_view in, std::size_t& at, std::vector<std::string>& words) {
  std::int64_t arguments = 0;
  if (const Found found = take_header(in, at, '*', 1, arguments); found != Found::whole) return found;
  for (; arguments > 0; --arguments) {
    std::int64_t length = 0;
    if (const Found found = take_header(in, at, '$', 0, length); found != Found::whole) return found;
    const auto there = std::min(static_cast<std::size_t>(length), in.size() - at);
    if (words.size() < 2) words.push_back(lower(std::string(in.substr(at, there))));
    at += there;
    for (const char end : {'\r', '\n'}) {
      if (at == in.size()) return Found::more;
      if (in[at] != end) return Found::broken;
      ++at;
    }
  }
  return Found::whole;
}

Outcome scan_by_the_book(std::string_view in) {
  Outcome outcome;
  std::size_t at = 0;
  const auto boundary = [&] {
    outcome.command = static_cast<std::int64_t>(at);
    if (!outcome.inside) outcome.transaction = outcome.command;
  };
  while (at < in.size()) {
    if (in[at] == '\n') {
      ++at;
      boundary();
      continue;
    }
    std::vector<std::string> words;
    const Found found = take_command(in, at, words);
    outcome.broken = found == Found::broken;
    if (found != Found::whole) break;
    const std::string& name = words[0];
    if (name == "multi") outcome.inside = true;
    if (name == "exec" || name == "discard") outcome.inside = false;
    outcome.getacks += name == "replconf" && words.size() > 1 && words[1] == "getack";
    const bool idle = name == "multi" || name == "exec" || name == "discard" || name == "replconf" ||
                      name == "ping" || name == "select" || name == "publish";
    outcome.data = outcome.data || !idle;
    boundary();
  }
  outcome.end = static_cast<std::int64_t>(at);
  return outcome;
}

/// A command for each byte, so that whole streams are found soon.
std::string stream_of(std::string_view choices) {
  std::string out;
  for (const char choice : choices) {
    switch (choice % 8) {
      case 0:
        out += "*1\r\n$5\r\nMULTI\r\n";
        break;
      case 1:
        out += "*1\r\n$4\r\nexec\r\n";
        break;
      case 2:
        out += "*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n";
        break;
      case 3:
        out += "*1\r\n$4\r\nPING\r\n";
        break;
      case 4:
        out += "\n";
        break;
      case 5:
        out += "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$15\r\n*1\r\n$5\r\nMULTI\r\n\r\n";
        break;
      case 6:
        out += "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";
        break;
      default:
        out += "*2\r\n$3\r\nDEL\r\n$" + std::to_string(choice & 0x7f) + "\r\n" +
               std::string(choice & 0x7f, '$') + "\r\n";
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t how = input.byte();
  const std::string made = stream_of(input.until('|').substr(0, 64));
  const std::string wire = made + std::string(input.rest());
  std::string whole_error, cut_error;
  const Outcome outcome = scan(fuzz::cut(wire, how), &cut_error);
  FUZZ_CHECK(outcome == scan({wire}, &whole_error));
  FUZZ_CHECK(whole_error == cut_error, "%s / %s", whole_error.c_str(), cut_error.c_str());
  FUZZ_CHECK(outcome == scan_by_the_book(wire));
  return 0;
}
