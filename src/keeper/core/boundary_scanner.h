// Walks along a replication stream without decoding it, to know the last command and transaction boundary.
// Pure.
//
// A replica's applied offset stands still inside MULTI … EXEC, so a keeper that resumed at its raw end after
// a master died in mid-transaction would be ahead of every promoted replica and force a full sync on all DCs.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/result.h"

namespace penstock::keeper {

/// Incremental: any split of the stream gives the same answers, errors included. Never buffers a value: bulk
/// bodies are skipped; only words of at most 8 bytes that may be MULTI, EXEC, DISCARD or REPLCONF GETACK are
/// looked at. Small and trivially copyable, so that an append can work on a copy.
class BoundaryScanner {
 public:
  /// `start`: the offset before the first byte that will be fed (so that byte has offset start + 1). The
  /// stream must stand at a transaction boundary there.
  explicit BoundaryScanner(std::int64_t start = 0);

  /// Errc::protocol as soon as a byte cannot belong to a RESP command stream (an inline command, a bad
  /// length, a value that does not end where it said); the message names that byte's offset. The stream is
  /// desynchronised then and must be resumed from the boundary by another scanner: this one fails for good. A
  /// bare "\n" between commands is let pass as a byte that counts: a relay above us may have put a keep-alive
  /// into the stream.
  Result<> feed(std::string_view bytes);

  std::int64_t end() const { return offset_; }                         ///< offset of the last good byte fed
  std::int64_t command_boundary() const { return command_boundary_; }  ///< end of the last whole command
  /// End of the last whole command outside MULTI … EXEC.
  std::int64_t transaction_boundary() const { return transaction_boundary_; }
  bool inside_transaction() const { return inside_multi_; }
  /// A command has passed that may have written data: anything but PING, SELECT, PUBLISH, REPLCONF and the
  /// brackets of transactions.
  bool saw_data() const { return saw_data_; }
  /// How many REPLCONF GETACK commands were completed by the last feed(); each is to be answered at once.
  int getacks_in_last_feed() const { return getacks_; }

 private:
  enum class Expect : std::uint8_t { array, bulk, body };
  enum class Header : std::uint8_t { kind, digits, newline };
  enum class Word : std::uint8_t { other, multi, exec, replconf, idle };
  static constexpr std::size_t kWordMax = 8;

  // Each takes some bytes of [at, end) and gives where it stopped; where a byte does not fit, broken_ says
  // why.
  const char* take_whole_commands(const char* at, const char* end);
  const char* take_header(const char* at, const char* end);
  const char* take_body(const char* at, const char* end);
  void end_header();
  void end_argument();
  void note(Word command, bool asks_for_ack);
  void reach_boundary();
  static Word word_of(std::string_view name);
  static bool is_getack(std::string_view option);

  std::int64_t offset_;
  std::int64_t command_boundary_;
  std::int64_t transaction_boundary_;
  std::int64_t number_ = 0;            ///< of the header that is being read
  std::int64_t arguments_left_ = 0;    ///< of the command that is being read
  std::int64_t body_left_ = 0;         ///< bytes of the bulk body and its CRLF still to come
  std::array<char, kWordMax> word_{};  ///< the argument that is being read, when it is of interest
  const char* broken_ = nullptr;       ///< why the stream cannot go on
  int getacks_ = 0;
  Expect expect_ = Expect::array;
  Header header_ = Header::kind;
  Word command_ = Word::other;  ///< what the first argument says
  std::uint8_t digits_ = 0;
  std::uint8_t argument_ = 0;  ///< index of the argument that is being read; 2 stands for all later ones
  std::uint8_t word_size_ = 0;
  bool word_wanted_ = false;
  bool asks_for_ack_ = false;  ///< the second argument says GETACK
  bool inside_multi_ = false;
  bool saw_data_ = false;
};

}  // namespace penstock::keeper
