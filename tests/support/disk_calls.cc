#include "disk_calls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace penstock::test {
namespace {

using Kind = DiskCall::Kind;
constexpr std::size_t kPage = 4096;

/// libc's own, or whoever else stands between.
template <class F>
F* next(const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

/// What the environment says, for a process that knows nothing of this.
class FaultsOfTheEnvironment : public DiskObserver {
 public:
  FaultsOfTheEnvironment() {
    if (const char* file = std::getenv("PENSTOCK_DISK_FAULTS")) faults_ = file;
    if (const char* count = std::getenv("PENSTOCK_DISK_KILL_AT")) kill_at_ = std::atol(count);
  }
  DiskAnswer before(const DiskCall& call) override {
    if (++calls_ == kill_at_) kill(getpid(), SIGKILL);
    if (faults_.empty()) return {};
    std::FILE* file = std::fopen(faults_.c_str(), "r");
    if (!file) return {};
    char text[200] = {};
    const std::size_t got = std::fread(text, 1, sizeof text - 2, file);
    std::fclose(file);
    text[got] = ' ';
    const std::string words = " " + std::string(text);
    const bool meant = words.find(" all") != std::string::npos ||
                       words.find(" " + std::string(to_string(call.kind))) != std::string::npos;
    if (!meant) return {};
    return {words.starts_with(" ENOSPC") ? ENOSPC : EIO};
  }
  void done(const DiskCall&) override {}

 private:
  std::string faults_;
  long kill_at_ = -1;
  std::atomic<long> calls_ = 0;
};

struct Watched {
  std::string directory;  ///< with a slash at its end
  DiskObserver* observer = nullptr;
};

std::atomic<Watched*> watched = nullptr;
thread_local bool asking = false;  ///< what an observer does itself is nobody's business

void watch_as_the_environment_says() {
  const char* directory = std::getenv("PENSTOCK_DISK_WATCH");
  if (!directory) return;
  static FaultsOfTheEnvironment observer;
  static Watched environment{std::string(directory) + "/", &observer};
  watched = &environment;
}

std::string path_of(int fd) {
  char link[40], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path);
  return length < 0 ? "" : std::string(path, static_cast<std::size_t>(length));
}

/// One call on its way: asks, and tells when it was done.
class Passage {
 public:
  explicit Passage(const std::string& path) : watched_(asking ? nullptr : watched.load()) {
    if (watched_ && !(path + "/").starts_with(watched_->directory)) watched_ = nullptr;
  }
  bool is_watched() const { return watched_ != nullptr; }
  DiskAnswer ask(const DiskCall& call) {
    asking = true;
    const DiskAnswer answer = watched_->observer->before(call);
    asking = false;
    return answer;
  }
  void tell(const DiskCall& call) {
    const int kept = errno;
    asking = true;
    watched_->observer->done(call);
    asking = false;
    errno = kept;
  }

 private:
  Watched* watched_;
};

/// A call that either takes place or does not.
template <class Call>
int whole(const DiskCall& call, Call real) {
  Passage passage(call.path);
  if (!passage.is_watched()) return real();
  if (const int error = passage.ask(call).error) {
    errno = error;
    return -1;
  }
  const int result = real();
  if (result >= 0) passage.tell(call);
  return result;
}

template <class Call>
int on_descriptor(int fd, DiskCall call, Call real) {
  if (asking || !watched.load()) return real();
  call.path = path_of(fd);
  return whole(call, real);
}

template <class Write>
ssize_t written(int fd, const void* data, std::size_t size, off_t at, Write real) {
  if (asking || !watched.load()) return real(size);
  DiskCall call{.kind = Kind::write, .path = path_of(fd), .at = static_cast<std::uint64_t>(at)};
  call.bytes = {static_cast<const char*>(data), size};
  Passage passage(call.path);
  if (!passage.is_watched()) return real(size);
  const DiskAnswer answer = passage.ask(call);
  if (answer.error) {
    errno = answer.error;
    return -1;
  }
  const ssize_t result = real(std::min(size, answer.at_most));
  if (result <= 0) return result;
  call.bytes = call.bytes.substr(0, static_cast<std::size_t>(result));
  passage.tell(call);
  return result;
}

template <class Open>
int opened(const std::string& path, int flags, Open real) {
  if (asking || !watched.load()) return real();
  const bool there = access(path.c_str(), F_OK) == 0;
  DiskCall call{.kind = Kind::open, .path = path};
  call.creates = (flags & O_CREAT) != 0 && !there;
  call.truncates = (flags & O_TRUNC) != 0 && there;
  return whole(call, real);
}

std::string beneath(int directory, const char* name) {
  return name[0] == '/' || directory == AT_FDCWD ? name : path_of(directory) + "/" + name;
}

std::vector<iovec> take_front(const iovec* pieces, int count, std::size_t most) {
  std::vector<iovec> front;
  for (int i = 0; i < count && most > 0; ++i) {
    front.push_back({pieces[i].iov_base, std::min(pieces[i].iov_len, most)});
    most -= front.back().iov_len;
  }
  return front;
}

mode_t mode_in(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

struct AtStart {
  AtStart() { watch_as_the_environment_says(); }
} at_start;

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::open:
      return "open";
    case Kind::write:
      return "write";
    case Kind::truncate:
      return "truncate";
    case Kind::sync:
      return "sync";
    case Kind::rename:
      return "rename";
    case Kind::remove:
      return "remove";
    case Kind::make_directory:
      return "make_directory";
  }
  return "?";
}

DiskWatch::DiskWatch(std::string directory, DiskObserver& observer) {
  watched = new Watched{std::move(directory) + "/", &observer};
}

DiskWatch::~DiskWatch() {
  delete watched.exchange(nullptr);
}

}  // namespace penstock::test

// What stands before libc. The names with 64 are what 64-bit programs call with large files asked for.
using namespace penstock::test;

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  static const auto real = next<int(const char*, int, ...)>("open");
  return opened(path, flags, [&] { return real(path, flags, mode); });
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_in(flags, arguments);
  va_end(arguments);
  static const auto real = next<int(const char*, int, ...)>("open64");
  return opened(path, flags, [&] { return real(path, flags, mode); });
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  static const auto real = next<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  return written(fd, data, size, at, [&](size_t n) { return real(fd, data, n, at); });
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  static const auto real = next<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  return written(fd, data, size, at, [&](size_t n) { return real(fd, data, n, at); });
}

ssize_t write(int fd, const void* data, size_t size) {
  static const auto real = next<ssize_t(int, const void*, size_t)>("write");
  if (asking || !watched.load()) return real(fd, data, size);
  return written(fd, data, size, lseek(fd, 0, SEEK_CUR), [&](size_t n) { return real(fd, data, n); });
}

/// The observer sees one piece; what is written stays where it lies in memory, O_DIRECT asks for that.
ssize_t pwritev(int fd, const iovec* pieces, int count, off_t at) {
  static const auto real = next<ssize_t(int, const iovec*, int, off_t)>("pwritev");
  if (asking || !watched.load()) return real(fd, pieces, count, at);
  std::string all;
  for (int i = 0; i < count; ++i) all.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  return written(fd, all.data(), all.size(), at, [&](size_t most) {
    if (most < all.size() && (fcntl(fd, F_GETFL) & O_DIRECT) != 0)
      most = std::max(most / kPage, size_t{1}) * kPage;
    const std::vector<iovec> front = take_front(pieces, count, most);
    return real(fd, front.data(), static_cast<int>(front.size()), at);
  });
}

int ftruncate(int fd, off_t size) noexcept {
  static const auto real = next<int(int, off_t)>("ftruncate");
  return on_descriptor(fd, {.kind = Kind::truncate, .size = static_cast<std::uint64_t>(size)},
                       [&] { return real(fd, size); });
}

int ftruncate64(int fd, off64_t size) noexcept {
  static const auto real = next<int(int, off64_t)>("ftruncate64");
  return on_descriptor(fd, {.kind = Kind::truncate, .size = static_cast<std::uint64_t>(size)},
                       [&] { return real(fd, size); });
}

int fsync(int fd) {
  static const auto real = next<int(int)>("fsync");
  return on_descriptor(fd, {.kind = Kind::sync}, [&] { return real(fd); });
}

int fdatasync(int fd) {
  static const auto real = next<int(int)>("fdatasync");
  return on_descriptor(fd, {.kind = Kind::sync}, [&] { return real(fd); });
}

int rename(const char* from, const char* to) noexcept {
  static const auto real = next<int(const char*, const char*)>("rename");
  return whole({.kind = Kind::rename, .path = from, .to = to}, [&] { return real(from, to); });
}

int unlink(const char* path) noexcept {
  static const auto real = next<int(const char*)>("unlink");
  return whole({.kind = Kind::remove, .path = path}, [&] { return real(path); });
}

int unlinkat(int directory, const char* name, int flags) noexcept {
  static const auto real = next<int(int, const char*, int)>("unlinkat");
  return whole({.kind = Kind::remove, .path = beneath(directory, name)},
               [&] { return real(directory, name, flags); });
}

int rmdir(const char* path) noexcept {
  static const auto real = next<int(const char*)>("rmdir");
  return whole({.kind = Kind::remove, .path = path}, [&] { return real(path); });
}

int remove(const char* path) noexcept {
  static const auto real = next<int(const char*)>("remove");
  return whole({.kind = Kind::remove, .path = path}, [&] { return real(path); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  static const auto real = next<int(const char*, mode_t)>("mkdir");
  return whole({.kind = Kind::make_directory, .path = path}, [&] { return real(path, mode); });
}

}  // extern "C"
