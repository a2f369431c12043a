// Errors are values. A function that can fail returns Result<T>; its Error says what went wrong in a form
// that a program can compare (Errc) and in words that a person can act on (who, what, where).
#pragma once

#include <boost/outcome/basic_result.hpp>
#include <boost/outcome/policy/terminate.hpp>
#include <boost/outcome/success_failure.hpp>
#include <boost/outcome/try.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock {

/// A closed set: callers branch on these, never on message text.
enum class Errc : std::uint8_t {
  invalid_argument,  ///< the caller's input is wrong; the message names the field
  not_found,         ///< the named thing does not exist
  conflict,          ///< it exists already, or a compare-and-set lost
  refused,           ///< the peer understood and said no (-ERR, 4xx)
  stale_epoch,       ///< the peer has seen a higher epoch than ours
  not_leader,        ///< our lease or ownership has ended; nothing was done
  unavailable,       ///< the peer cannot be reached, or is not ready; retry later
  timeout,           ///< no answer in time; the effect is unknown
  cancelled,         ///< we are shutting down
  protocol,          ///< the peer broke the protocol
  io,                ///< disk or socket failure
  corrupt,           ///< stored bytes fail their checksum or make no sense
  unsupported,       ///< the peer is too old, or the feature is off
  internal,          ///< a bug
};

/// The word used in logs, metrics and REST bodies, e.g. "stale_epoch".
std::string_view to_string(Errc code);

/// Whether trying the same again later can help.
bool is_retryable(Errc code);

struct [[nodiscard]] Error {
  Errc code = Errc::internal;
  std::string message;

  /// Adds who was asking: Error{io, "disk full"}.in("append log") reads "append log: disk full".
  Error in(std::string_view caller) &&;
  std::string text() const;  ///< "stale_epoch: setstate 127.0.0.1:7001: …"

  bool operator==(const Error&) const = default;
};

/// Asking a Result for the alternative it does not hold is a bug and ends the process.
template <class T = void>
using Result =
    BOOST_OUTCOME_V2_NAMESPACE::basic_result<T, Error, BOOST_OUTCOME_V2_NAMESPACE::policy::terminate>;

using BOOST_OUTCOME_V2_NAMESPACE::success;

inline auto fail(Errc code, std::string message) {
  return BOOST_OUTCOME_V2_NAMESPACE::failure(Error{code, std::move(message)});
}
inline auto fail(Error error) {
  return BOOST_OUTCOME_V2_NAMESPACE::failure(std::move(error));
}

}  // namespace penstock

/// PS_TRY(expr); or PS_TRY(auto value, expr); returns the error to the caller. PS_CO_TRY is the same in
/// coroutines.
#define PS_TRY(...) BOOST_OUTCOME_TRY(__VA_ARGS__)
#define PS_CO_TRY(...) BOOST_OUTCOME_CO_TRY(__VA_ARGS__)
