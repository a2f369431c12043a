// What a disk may hold after a bad day. A store that opens serves bytes that were appended, at their offsets,
// and goes on; one that does not open says which file is at fault.
//
// Damage keeps to what happens to disks: nobody writes valid checksums over wrong bytes, and what was synced
// is trusted (proto/keeper_store.md). A second kind of run writes such checksums all the same: then nothing
// is promised but that the process lives.
#include <fcntl.h>

#include <memory>
#include <set>

#include "fuzz/input.h"
#include "fuzz/store_files.h"
#include "keeper/core/boundary_scanner.h"
#include "keeper/store/mark.h"
#include "keeper/store/meta_json.h"
#include "keeper/store/segment_file.h"
#include "keeper/store/store.h"

namespace {

using namespace penstock;
using namespace penstock::keeper;
using fuzz::directory, fuzz::Files, fuzz::files_in, fuzz::put_files;
namespace fs = std::filesystem;

constexpr std::int64_t kStart = 100;  ///< offset of the RDB
constexpr char kRdb[] = "REDIS0011 and so on";

/// A store at some moment of its life, and all that it was ever given.
struct Image {
  StoreOptions options;
  Files files;
  std::string stream;                 ///< from kStart + 1 on
  std::set<std::int64_t> boundaries;  ///< of transactions
  std::int64_t durable = kStart;
  std::set<std::string> sealed;  ///< every mark and header that was written, as it stands in its file
};

/// Marks and headers whose checksums fit.
std::set<std::string> sealed_in(const fs::path& dir) {
  std::set<std::string> sealed;
  for (const auto& generation : fs::directory_iterator(dir)) {
    if (!generation.is_directory()) continue;
    for (const auto& path : files_named(generation.path(), "log-")) {
      const auto header = read_segment_header(File::open(path, O_RDONLY).value()).value();
      if (!header) continue;
      sealed.insert(encode(*header));
      const fs::path sums = sums_path(generation.path(), header->first);
      if (!fs::exists(sums)) continue;
      const auto marks = read_marks(File::open(sums, O_RDONLY).value(), header->first).value();
      for (const Mark& mark : marks) sealed.insert(encode(mark, header->first));
    }
  }
  return sealed;
}

class Life {
 public:
  Life(const fs::path& dir, StoreOptions options) : dir_(dir), options_(options) {
    fs::remove_all(dir_);
    store_ = std::move(Store::open(dir_, "orders", "s1", options_)).value();
    const auto ticket =
        store_->begin_rdb(std::string(40, 'a'), kStart, Store::RdbPurpose::new_generation).value();
    FUZZ_CHECK(store_->write_rdb(ticket, kRdb) && store_->commit_rdb(ticket, true));
    image_.options = options_;
    image_.boundaries.insert(kStart);
  }

  void append(const std::string& bytes) {
    BoundaryScanner scanner(scanner_);
    FUZZ_CHECK(scanner.feed(bytes) && store_->append(bytes, scanner.transaction_boundary()));
    scanner_ = scanner;
    image_.stream += bytes;
    image_.boundaries.insert(scanner.transaction_boundary());
    if (options_.fsync == StoreOptions::Fsync::always) image_.durable = scanner.end();
    look();
  }
  void sync() { image_.durable = store_->fsync_in_background().value(); }
  void cut_to_boundary() {
    const std::int64_t end = store_->transaction_boundary();
    FUZZ_CHECK(store_->truncate_to(end));
    scanner_ = BoundaryScanner(end);
    image_.stream.resize(static_cast<std::size_t>(end - kStart));
    image_.durable = std::min(image_.durable, end);
    look();
  }
  /// As a crash of the process leaves it.
  Image now() {
    image_.files = files_in(dir_);
    return image_;
  }
  Image closed() {
    store_.reset();
    look();
    image_.durable = kStart + static_cast<std::int64_t>(image_.stream.size());
    return now();
  }

 private:
  void look() { image_.sealed.merge(sealed_in(dir_)); }

  fs::path dir_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  BoundaryScanner scanner_{kStart};
  Image image_;
};

std::string echo(std::size_t i, std::size_t size) {
  return "*2\r\n$4\r\nECHO\r\n$" + std::to_string(size) + "\r\n" +
         std::string(size, static_cast<char>('A' + i % 26)) + "\r\n";
}

Image make_image(std::size_t kind) {
  StoreOptions options;
  options.segment_bytes = 300;
  options.log_bytes_max = kind == 3 ? 900 : 1 << 20;
  options.fsync = kind == 1 ? StoreOptions::Fsync::always : StoreOptions::Fsync::everysec;
  Life life(directory() / "life", options);
  for (std::size_t i = 0; i < 24; ++i) {
    if (i == 9 || i == 23) life.append("*1\r\n$5\r\nMULTI\r\n");
    life.append(echo(i, i * 5));
    if (i == 12) life.append("*1\r\n$4\r\nEXEC\r\n");
    if (kind != 0 && i % 7 == 6) life.sync();
    if (kind == 4 && i == 11) life.cut_to_boundary();
  }
  return kind == 2 ? life.closed() : life.now();
}

const Image& image(std::size_t kind) {
  static std::map<std::size_t, Image> images;
  auto found = images.find(kind);
  if (found == images.end()) found = images.emplace(kind, make_image(kind)).first;
  return found->second;
}

/// One of the things that happen to files.
void damage(fuzz::Input& input, Files& files) {
  auto file = std::next(files.begin(), static_cast<std::ptrdiff_t>(input.below(files.size())));
  std::string& content = file->second;
  const std::size_t kind = input.below(7);
  const std::size_t at = input.number(2) % (content.size() + 1);
  switch (kind) {
    case 0:
      if (at < content.size()) content[at] = static_cast<char>(content[at] ^ (1 + input.below(255)));
      break;
    case 1:
      content.resize(at);
      break;
    case 2:
      std::fill(content.begin() + static_cast<std::ptrdiff_t>(at), content.end(), '\0');
      break;
    case 3: {
      const std::string_view written = input.until('|').substr(0, 64);
      content.replace(at, std::min(written.size(), content.size() - at), written);
      break;
    }
    case 4:
      files.erase(file);
      break;
    case 5:  // an old block where a new one should be
      content = std::next(files.begin(), static_cast<std::ptrdiff_t>(at % files.size()))->second;
      break;
    default: {
      const std::string folder = fs::path(file->first).parent_path();
      files.insert({folder + "/" + std::string(input.until('|').substr(0, 40)), content});
    }
  }
}

void check_rdb(Store& store, bool damaged) {
  if (!store.rdb_offset()) return;
  auto reader = store.open_rdb();
  FUZZ_CHECK(reader, "%s", reader.error().text().c_str());
  std::string got(reader.value()->size(), '\0');
  FUZZ_CHECK(reader.value()->read(0, got.data(), got.size()).value() == got.size());
  FUZZ_CHECK(damaged || (got == kRdb && store.rdb_offset() == kStart));
}

/// All that the store serves, by pieces of any size.
std::string read_log(Store& store, std::uint8_t how) {
  const ReplHistory history = store.history();
  std::string out;
  char chunk[512];
  for (std::int64_t at = history.log_first; at <= history.end;) {
    auto got = store.read(at, chunk, how == 0 ? sizeof chunk : 1 + how % sizeof chunk);
    FUZZ_CHECK(got && got.value() > 0, "at %lld of %lld..%lld", static_cast<long long>(at),
               static_cast<long long>(history.log_first), static_cast<long long>(history.end));
    out.append(chunk, got.value());
    at += static_cast<std::int64_t>(got.value());
  }
  FUZZ_CHECK(store.read(history.end + 1, chunk, sizeof chunk).value() == 0);
  return out;
}

void check_error(const Error& error, const fs::path& dir) {
  FUZZ_CHECK(error.code == Errc::corrupt || error.code == Errc::io || error.code == Errc::conflict, "%s",
             error.text().c_str());
  FUZZ_CHECK(error.message.find(dir.string()) != std::string::npos, "no file is named: %s",
             error.text().c_str());
}

void run_damaged(fuzz::Input& input) {
  const Image& whole = image(input.below(5));
  const std::uint8_t how = input.byte();
  Files files = whole.files;
  for (int i = 0; i < 8 && !input.empty() && !files.empty(); ++i) damage(input, files);
  const fs::path dir = directory() / "damaged";
  put_files(dir, files);
  // libFuzzer learns what is compared, checksums too. Such damage is not of this world.
  for (const std::string& sealed : sealed_in(dir))
    if (!whole.sealed.contains(sealed)) return;
  const bool meta_damaged = files["meta.json"] != whole.files.at("meta.json");
  bool rdb_damaged = meta_damaged, anything_left = false;
  for (const auto& [name, content] : files) {
    const auto before = whole.files.find(name);
    const bool was_there = before != whole.files.end();
    if (name.find("rdb-") != std::string::npos) {
      rdb_damaged = rdb_damaged || !was_there || before->second != content;
      anything_left = anything_left || was_there;
    }
    if (name.find("log-") != std::string::npos)
      anything_left = anything_left || (was_there && content.starts_with(before->second.substr(0, 64)));
  }

  auto opened = Store::open(dir, "orders", "s1", whole.options);
  if (!opened) return check_error(opened.error(), dir);
  Store& store = *opened.value();
  const ReplHistory history = store.history();
  if (history.replid.empty()) {
    FUZZ_CHECK(meta_damaged || !anything_left, "the log is gone");
    return;
  }
  const std::string served = read_log(store, how);
  const std::int64_t last = kStart + static_cast<std::int64_t>(whole.stream.size());
  FUZZ_CHECK(history.log_first > kStart && history.end <= last);
  for (std::int64_t at = std::max(history.log_first, whole.durable + 1); at <= history.end; ++at)
    FUZZ_CHECK(served[static_cast<std::size_t>(at - history.log_first)] ==
                   whole.stream[static_cast<std::size_t>(at - kStart - 1)],
               "another byte at %lld", static_cast<long long>(at));
  FUZZ_CHECK(whole.boundaries.contains(history.end), "ends at %lld", static_cast<long long>(history.end));
  FUZZ_CHECK(store.transaction_boundary() == history.end);
  check_rdb(store, rdb_damaged);

  const std::string more = echo(0, 400);
  FUZZ_CHECK(store.append(more, history.end + static_cast<std::int64_t>(more.size())));
  const ReplHistory grown = store.history();
  opened.value().reset();
  auto again = Store::open(dir, "orders", "s1", whole.options);
  FUZZ_CHECK(again, "%s", again.error().text().c_str());
  FUZZ_CHECK(again.value()->history().end == grown.end);
  const std::string all = served + more;
  FUZZ_CHECK(read_log(*again.value(), 0) ==
             all.substr(static_cast<std::size_t>(again.value()->history().log_first - history.log_first)));
}

/// Checksums that fit, of anything.
void run_hostile(fuzz::Input& input) {
  Files files = image(0).files;
  std::int64_t first = kStart + 1;
  for (int i = 0; i < 6 && !input.empty(); ++i) {
    const auto number = [&input] { return static_cast<std::int64_t>(input.number(8)); };
    switch (input.below(4)) {
      case 0: {
        first = number();
        const std::int64_t boundary = number();
        files[segment_path("gen-1", first)] =
            encode(SegmentHeader{first, boundary}) + std::string(input.until('|'));
        break;
      }
      case 1: {
        Mark mark{.begin = number(), .end = number(), .boundary = number(), .durable = number()};
        mark.sum = static_cast<std::uint32_t>(input.number(4));
        files[sums_path("gen-1", first)] += encode(mark, first);
        break;
      }
      case 2:
        files["meta.json"] = std::string(input.rest());
        break;
      default:
        files["gen-1/" + std::string(input.until('|').substr(0, 30))] = "x";
    }
  }
  std::size_t there = 0;
  for (const auto& [name, content] : files) there += content.size();
  const fs::path dir = directory() / "hostile";
  put_files(dir, files);
  auto opened = Store::open(dir, "orders", "s1", image(0).options);
  if (!opened) return check_error(opened.error(), dir);
  Store& store = *opened.value();
  if (store.history().replid.empty()) return;
  FUZZ_CHECK(read_log(store, 0).size() <= there);
  check_rdb(store, true);
  const std::string more = echo(0, 400);
  const std::int64_t end = store.history().end;
  if (end < INT64_MAX - 1000) FUZZ_CHECK(store.append(more, end + static_cast<std::int64_t>(more.size())));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  if (input.below(4) == 3) {
    run_hostile(input);
  } else {
    run_damaged(input);
  }
  return 0;
}
