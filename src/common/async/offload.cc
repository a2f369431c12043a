#include "common/async/offload.h"

#include <atomic>

namespace penstock {
namespace {

std::atomic<int> g_offloads{0};

}  // namespace

void detail::enter_offload() {
  ++g_offloads;
}

void detail::leave_offload() {
  if (--g_offloads == 0) g_offloads.notify_all();
}

void wait_for_offloads() {
  for (int running = g_offloads; running > 0; running = g_offloads) g_offloads.wait(running);
}

}  // namespace penstock
