// An RDB on its way: both framings against what they mean, and the check against a checksum computed bit by
// bit. A cut changes nothing, and an RDB with a wrong byte is not taken for a whole one.
#include "fuzz/input.h"
#include "keeper/core/rdb_check.h"
#include "keeper/core/rdb_framing.h"

namespace {

using namespace penstock;
using keeper::RdbCheck;
using keeper::RdbFraming;

struct Outcome {
  std::string payload, rest;
  bool complete = false;
  std::optional<Error> error;
  bool operator==(const Outcome&) const = default;
};

Outcome receive(const std::vector<std::string_view>& pieces) {
  RdbFraming framing;
  Outcome outcome;
  for (std::string_view input : pieces) {
    while (!input.empty() && !outcome.complete) {
      auto progress = framing.feed(input);
      if (!progress) {
        outcome.error = progress.error();
        return outcome;
      }
      FUZZ_CHECK(progress.value().consumed <= input.size());
      FUZZ_CHECK(progress.value().consumed > 0 || progress.value().complete, "it goes on, or has ended");
      outcome.payload += progress.value().payload;
      outcome.complete = progress.value().complete;
      input.remove_prefix(progress.value().consumed);
    }
    outcome.rest += input;
  }
  return outcome;
}

struct Wire {
  std::string bytes;
  Outcome means;
};

/// A mark of repetitions, and a payload that holds beginnings of it.
Wire well_formed(fuzz::Input& input) {
  Wire wire;
  for (std::size_t i = input.below(3); i > 0; --i) wire.bytes += input.below(2) == 0 ? "\n" : "\r\n";
  const bool marked = input.below(2) == 1;
  std::string mark(40, static_cast<char>('a' + input.below(3)));
  mark[input.below(40)] = 'z';
  std::string payload;
  for (std::size_t i = input.below(5); i > 0; --i) payload += mark.substr(0, input.below(40));
  const std::string stream(input.until('|'));
  payload += input.rest();
  if (payload.empty()) payload = "R";
  wire.means.complete = true;
  if (!marked) {
    wire.bytes += "$" + std::to_string(payload.size()) + "\r\n" + payload + stream;
    wire.means.payload = payload;
    wire.means.rest = stream;
    return wire;
  }
  // The end of the payload may begin a mark before the mark: then that one ends it.
  const std::string body = payload + mark;
  const std::size_t ends = body.find(mark);
  wire.bytes += "$EOF:" + mark + "\r\n" + body + stream;
  wire.means.payload = body.substr(0, ends);
  wire.means.rest = body.substr(ends + mark.size()) + stream;
  return wire;
}

std::uint64_t crc_bit_by_bit(std::string_view bytes) {
  std::uint64_t crc = 0;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x95ac9329ac4bc9b5u : 0);
  }
  return crc;
}

RdbCheck checked(const std::vector<std::string_view>& pieces) {
  RdbCheck check;
  for (const std::string_view piece : pieces) check.feed(piece);
  return check;
}

void check_checksums(std::string body, std::uint8_t how, std::size_t wrong, std::uint8_t by) {
  std::string rdb = "REDIS0011" + body + '\xff';
  const std::uint64_t crc = crc_bit_by_bit(rdb);
  FUZZ_CHECK(keeper::crc64(0, rdb) == crc);
  for (int i = 0; i < 8; ++i) rdb += static_cast<char>(crc >> (8 * i) & 0xff);
  const RdbCheck check = checked(fuzz::cut(rdb, how));
  FUZZ_CHECK(check.finish() && check.bytes() == rdb.size());
  FUZZ_CHECK(check.holds_nothing() == checked({rdb}).holds_nothing());
  if (crc == 0 || by == 0) return;
  rdb[wrong % rdb.size()] = static_cast<char>(rdb[wrong % rdb.size()] ^ by);
  FUZZ_CHECK(!checked(fuzz::cut(rdb, how)).finish(), "byte %zu is wrong", wrong % rdb.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t how = input.byte();
  switch (input.below(3)) {
    case 0: {  // any bytes
      const std::string_view bytes = input.rest();
      const Outcome outcome = receive(fuzz::cut(bytes, how));
      FUZZ_CHECK(outcome.error == receive({bytes}).error);
      FUZZ_CHECK(outcome.error || outcome == receive({bytes}));
      FUZZ_CHECK(checked(fuzz::cut(bytes, how)).finish() == checked({bytes}).finish());
      FUZZ_CHECK(checked(fuzz::cut(bytes, how)).holds_nothing() == checked({bytes}).holds_nothing());
      break;
    }
    case 1: {
      const Wire wire = well_formed(input);
      FUZZ_CHECK(receive(fuzz::cut(wire.bytes, how)) == wire.means);
      break;
    }
    default: {
      const auto wrong = static_cast<std::size_t>(input.number(2));
      const std::uint8_t by = input.byte();
      check_checksums(std::string(input.rest()), how, wrong, by);
    }
  }
  return 0;
}
