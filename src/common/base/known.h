// An optional that is known to hold a value here: that it does is an invariant, checked in every build.
#pragma once

#include <optional>

#include "common/base/check.h"

namespace penstock {

template <class T>
const T& known(const std::optional<T>& value) {
  PS_CHECK(value.has_value(), "the value is known here");
  return *value;
}
template <class T>
T& known(std::optional<T>& value) {
  PS_CHECK(value.has_value(), "the value is known here");
  return *value;
}

}  // namespace penstock
