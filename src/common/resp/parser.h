// Incremental RESP2 parsing over hiredis' reader, with our own limits: the peer is not trusted.
//
// For replies to commands (and commands sent to us as arrays). It must never see an RDB payload.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "common/base/result.h"
#include "common/resp/value.h"

namespace penstock::resp {

struct Limits {
  std::size_t buffered_bytes_max = 1 << 20;  ///< bytes fed and not yet returned as values
  std::size_t elements_max = 1 << 16;        ///< values in one reply, nested ones included
  std::size_t depth_max = 6;                 ///< arrays within arrays
  std::size_t line_bytes_max = 64 << 10;     ///< of a status, an error, a number, a length
};

class Parser {
 public:
  explicit Parser(Limits limits = {});
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  /// Errc::protocol when a limit is passed (the message names it) or the peer speaks nonsense; the parser is
  /// dead from then on.
  Result<> feed(std::string_view bytes);
  /// The next whole value; nullopt: feed more.
  Result<std::optional<Value>> next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penstock::resp
