// Commands as clients and replicas send them: RESP arrays of bulk strings, the odd inline command, and the
// bare newlines by which a loading replica says that it lives. Pure and incremental: any cut of the input
// gives the same commands, and each byte is looked at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace penstock::serve {

/// What a peer may make us hold. Headers are checked against them before anything that they announce comes.
struct CommandLimits {
  std::size_t arguments_max = 1024;
  std::size_t argument_bytes_max = 64 << 10;
  std::size_t command_bytes_max = 256 << 10;  ///< all arguments together
  std::size_t inline_bytes_max = 64 << 10;    ///< a line that is no array, with its end
};

class CommandReader {
 public:
  static constexpr std::size_t kHeaderBytesMax = 32;  ///< "*<number>" or "$<number>", with its end

  explicit CommandReader(CommandLimits limits = {}) : limits_(limits) {}

  /// Take with next() what is whole before more is fed: only the beginning of a command is kept.
  void feed(std::string_view bytes) { input_ += bytes; }
  /// The next whole command (never empty), nullopt: feed more. Errc::protocol is final and names the limit
  /// that was passed.
  Result<std::optional<std::vector<std::string>>> next();

  /// For the commands that follow.
  void set_limits(CommandLimits limits) { limits_ = limits; }
  /// The beginning of a command has come and its end has not.
  bool inside_command() const { return !input_.empty() || arguments_left_ > 0; }
  std::size_t held_bytes() const { return input_.size() + command_bytes_; }

 private:
  std::string_view rest() const { return std::string_view(input_).substr(at_); }
  Result<bool> read_one();
  Result<bool> take_words();
  Result<bool> take_argument();
  Result<bool> take_number(char kind, std::size_t max, const char* unit, std::size_t& number);
  void forget_what_was_taken();

  CommandLimits limits_;
  std::string input_;
  std::size_t at_ = 0;  ///< what stands before is taken
  std::vector<std::string> command_;
  std::size_t arguments_left_ = 0;     ///< of the array that is being read
  std::optional<std::size_t> length_;  ///< of the argument that is being read
  std::size_t command_bytes_ = 0;      ///< announced so far
  std::string broken_;                 ///< why nothing more can be read
};

}  // namespace penstock::serve
