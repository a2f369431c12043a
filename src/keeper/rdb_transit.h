// An RDB on its way from the upstream to disk, for those who pass it on meanwhile: they read from the file
// that is being written, each at its own pace.
//
//   T1  Nobody gets its last byte before the whole of it was found good and the store has made it its own.
//   One
//       that turns out to be cut short, broken or empty therefore never completes anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "keeper/store/store.h"

namespace penstock::keeper {

/// Belongs to the loop of its journal.
struct RdbTransit {
  enum class State { arriving, stored, failed };

  Store::RdbTicket ticket = 0;
  std::string replid;
  std::int64_t offset = 0;
  Store::RdbPurpose purpose = Store::RdbPurpose::new_generation;
  std::shared_ptr<Store::RdbReader> reader;

  State state = State::arriving;
  bool doubtful = false;               ///< the one before has failed
  std::optional<std::int64_t> length;  ///< as the upstream has announced it; a transfer with a mark has none
  bool holds_something = false;        ///< a key or a function has been seen: it will not be held back
  std::uint64_t written = 0;
  std::uint64_t log = 0;  ///< stored: number of the log that it belongs to

  /// What may be read now (T1).
  std::uint64_t readable() const { return state == State::stored || written == 0 ? written : written - 1; }
};

}  // namespace penstock::keeper
