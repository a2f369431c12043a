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
  enum class Expect { array, bulk, body, newline };
  // Implementation state: see the .cc file.
  std::int64_t offset_, command_boundary_, transaction_boundary_;
  Expect expect_ = Expect::array;
  std::string line_;
  std::int64_t arguments_left_ = 0, body_left_ = 0;
  std::string name_;
  int argument_index_ = 0, getacks_ = 0;
  std::string second_;
  bool inside_multi_ = false, broken_ = false;
};

}  // namespace penstock::keeper
