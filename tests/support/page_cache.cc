#include "page_cache.h"

#include <algorithm>
#include <fstream>
#include <set>

namespace penstock::test {
namespace {

constexpr std::size_t kSector = 512;  ///< what a disk writes whole

std::string parent(const std::string& name) {
  const auto slash = name.rfind('/');
  return slash == std::string::npos ? "" : name.substr(0, slash);
}

}  // namespace

std::string_view to_string(Loss loss) {
  switch (loss) {
    case Loss::nothing:
      return "nothing";
    case Loss::all:
      return "all";
    case Loss::contents:
      return "contents";
    case Loss::names:
      return "names";
    case Loss::torn:
      return "torn";
    case Loss::some:
      return "some";
    case Loss::some_anyhow:
      return "some_anyhow";
  }
  return "?";
}

/// Beneath the directory; empty for itself.
std::string PageCache::name(const std::string& path) const {
  const std::string top = directory_.string();
  return path.size() <= top.size() ? "" : path.substr(top.size() + 1);
}

void PageCache::make(Names& names, const NameChange& change) {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.what;
}

void PageCache::apply(const DiskCall& call) {
  using Kind = DiskCall::Kind;
  const std::string path = name(call.path);
  const auto change_name = [&](NameChange change) {
    make(now_, change);
    name_changes_.push_back(std::move(change));
  };
  switch (call.kind) {
    case Kind::open:
      if (call.creates) change_name({"", path, std::make_shared<File>()});
      if (call.truncates) now_.at(path)->changes.push_back({Change::State::pending, 0, "", ++writes_});
      return;
    case Kind::write:
      now_.at(path)->changes.push_back({Change::State::pending, call.at, std::string(call.bytes), ++writes_});
      return;
    case Kind::truncate:
      now_.at(path)->changes.push_back({Change::State::pending, call.size, "", ++writes_});
      return;
    case Kind::rename:
      return change_name({path, name(call.to), now_.at(path)});
    case Kind::remove:
      return change_name({path, "", now_.at(path)});
    case Kind::make_directory:
      if (!path.empty()) change_name({"", path, nullptr});
      return;
    case Kind::sync:
      break;
  }
  if (const auto found = now_.find(path); found != now_.end() && found->second) {
    File& file = *found->second;
    for (Change& change : file.changes)
      if (change.state == Change::State::pending) change.state = Change::State::made;
    // Up to the first that may or may not be there, they are one with what is on disk.
    while (!file.changes.empty() && file.changes.front().state == Change::State::made) {
      carry_out(file.on_disk, file.changes.front(), file.changes.front().bytes.size());
      file.changes.erase(file.changes.begin());
    }
    return;
  }
  std::erase_if(name_changes_, [&](const NameChange& change) {
    const bool here = (!change.from.empty() && parent(change.from) == path) ||
                      (!change.to.empty() && parent(change.to) == path);
    if (here) make(on_disk_, change);
    return here;
  });
}

void PageCache::sync_failed(const DiskCall& call) {
  const auto found = now_.find(name(call.path));
  if (found == now_.end() || !found->second) return;  // the names of a directory can be synced again
  for (Change& change : found->second->changes)
    if (change.state == Change::State::pending) change.state = Change::State::lost;
}

void PageCache::carry_out(std::string& content, const Change& change, std::size_t bytes) {
  if (change.bytes.empty()) {
    content.resize(change.at, '\0');
    return;
  }
  if (bytes == 0) return;
  content.resize(std::max(content.size(), change.at + bytes), '\0');
  content.replace(change.at, bytes, change.bytes, 0, bytes);
}

std::string PageCache::content(const File& file, Loss loss, std::mt19937& random) const {
  std::string content = file.on_disk;
  const bool mostly = random() % 2 == 0;
  for (const Change& one : file.changes) {
    std::size_t bytes = one.bytes.size();
    bool there = true;
    if (one.state != Change::State::made) {
      if (loss == Loss::all) there = false;
      if (loss == Loss::torn && one.order == writes_) bytes /= 2;
      if (loss == Loss::contents && !one.bytes.empty()) {
        content.resize(std::max(content.size(), one.at + bytes), '\0');
        continue;
      }
      if (loss == Loss::some || loss == Loss::some_anyhow) {
        there = random() % 8 == 0 ? !mostly : mostly;
        // The end of a write that was torn is that of a sector.
        if (there && random() % 8 == 0)
          bytes = std::min(bytes, kSector * (random() % 3 + 1) - one.at % kSector);
      }
    }
    if (there) carry_out(content, one, bytes);
  }
  return content;
}

PageCache::Names PageCache::names_after(Loss loss, std::mt19937& random) const {
  if (loss == Loss::nothing || loss == Loss::contents || loss == Loss::torn) return now_;
  Names names = on_disk_;
  if (loss == Loss::some) {
    for (auto left = random() % (name_changes_.size() + 1); const NameChange& change : name_changes_) {
      if (left-- == 0) break;
      make(names, change);
    }
  } else if (loss == Loss::some_anyhow) {
    std::set<std::string> stuck;  // what follows on a change of a name that did not come does not come
    for (const NameChange& change : name_changes_) {
      const bool comes = !stuck.contains(change.from) && !stuck.contains(change.to) && random() % 2 == 0;
      if (comes) {
        make(names, change);
      } else {
        if (!change.from.empty()) stuck.insert(change.from);
        if (!change.to.empty()) stuck.insert(change.to);
      }
    }
  }
  return names;
}

PageCache::Image PageCache::after(Loss loss, std::mt19937& random) const {
  Image image;
  const Names names = names_after(loss, random);
  for (const auto& [name, file] : names) {
    const std::string above = parent(name);
    if (!above.empty() && !image.contains(above)) continue;  // with its directory
    image[name] = file ? std::optional(content(*file, loss, random)) : std::nullopt;
  }
  return image;
}

void PageCache::put(const Image& image, const std::filesystem::path& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  for (const auto& [name, content] : image) {
    if (!content) {
      std::filesystem::create_directory(directory / name);
    } else {
      std::ofstream(directory / name, std::ios::binary) << *content;
    }
  }
}

}  // namespace penstock::test
