// Walks along a replication stream without decoding it, to know the last command and transaction boundary. Pure.
//
// A replica's applied offset stands still inside MULTI … EXEC, so a keeper that resumed at its raw end after a master
// died in mid-transaction would be ahead of every promoted replica and force a full sync on all DCs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace penstock::keeper {

/// Incremental: any split of the stream gives the same answers. Never buffers a value: bulk bodies are skipped, only
/// the first 8 bytes of a command's name and its second word's start (for REPLCONF GETACK) are looked at.
class BoundaryScanner {
 public:
  /// `start`: the offset before the first byte that will be fed (so that byte has offset start + 1). The stream must
  /// stand at a transaction boundary there.
  explicit BoundaryScanner(std::int64_t start = 0);

  /// Errc::protocol with the offset when the bytes are no RESP command stream (an inline command, a bad length): the
  /// stream is desynchronised and must be resumed from the boundary.
  Result<> feed(std::string_view bytes);

  std::int64_t end() const;                   ///< offset of the last byte fed
  std::int64_t command_boundary() const;      ///< end of the last whole command
  std::int64_t transaction_boundary() const;  ///< end of the last whole command outside MULTI … EXEC
  bool inside_transaction() const;
  /// How many REPLCONF GETACK commands were completed by the last feed(); each is to be answered at once.
  int getacks_in_last_feed() const;

 private:
  enum class Expect { array, bulk, body };

  Result<> take_line(std::string_view line);
  void begin_command(std::int64_t arguments);
  void end_argument();
  void end_command();
  Error desynchronised(std::string_view what);

  std::int64_t offset_;                ///< last byte fed
  std::int64_t command_boundary_;
  std::int64_t transaction_boundary_;
  Expect expect_ = Expect::array;
  std::string line_;                   ///< a header line that the input was cut in
  std::int64_t arguments_left_ = 0;
  std::int64_t body_left_ = 0;         ///< bytes of the bulk body and its CRLF still to come
  int argument_ = 0;                   ///< index of the argument that is being read
  std::string name_, second_;          ///< the first bytes of the first two arguments
  bool inside_multi_ = false;
  bool broken_ = false;
  int getacks_ = 0;
};

}  // namespace penstock::keeper
