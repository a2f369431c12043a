// Preloaded into a daemon, this kills or stops it at the moment at which it writes a certain line into its
// log: a fault at a chosen step of a real process.
//
// PENSTOCK_STEP_FAULT names a file. While it is there, it holds one line, "kill" or "stop", a tab, and texts
// with tabs between them: what the process writes to its standard error with all of these texts in it is its
// last (kill), or its last until somebody sends SIGCONT (stop). The file is removed before: a fault happens
// once.
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

std::string read_fault(const char* file) {
  std::FILE* in = std::fopen(file, "r");
  if (!in) return "";
  char text[500] = {};
  const std::size_t got = std::fread(text, 1, sizeof text - 1, in);
  std::fclose(in);
  while (got > 0 && text[std::strlen(text) - 1] == '\n') text[std::strlen(text) - 1] = '\0';
  return text;
}

/// Whether all texts behind the action are in `line`.
bool is_meant(std::string_view texts, std::string_view line) {
  while (!texts.empty()) {
    const std::size_t tab = std::min(texts.find('\t'), texts.size());
    if (line.find(texts.substr(0, tab)) == std::string_view::npos) return false;
    texts.remove_prefix(std::min(tab + 1, texts.size()));
  }
  return true;
}

void fault_at(std::string_view line) {
  static const char* const file = std::getenv("PENSTOCK_STEP_FAULT");
  if (!file || access(file, F_OK) != 0) return;
  const std::string fault = read_fault(file);
  const std::size_t tab = fault.find('\t');
  if (tab == std::string::npos || !is_meant(std::string_view(fault).substr(tab + 1), line)) return;
  if (unlink(file) != 0) return;  // somebody else has had it
  kill(getpid(), fault.starts_with("stop") ? SIGSTOP : SIGKILL);
}

}  // namespace

extern "C" std::size_t fwrite(const void* data, std::size_t size, std::size_t count, std::FILE* stream) {
  static const auto libc = reinterpret_cast<decltype(&fwrite)>(dlsym(RTLD_NEXT, "fwrite"));
  const std::size_t written = libc(data, size, count, stream);
  if (stream == stderr) fault_at({static_cast<const char*>(data), size * count});
  return written;
}
