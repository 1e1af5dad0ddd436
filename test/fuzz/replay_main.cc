// SPDX-License-Identifier: BSD-3-Clause
// main() for fuzz targets in an ordinary build: runs every file of the corpus directories given as
// arguments.
//
// Owner: test/fuzz. Thread: one.
// It turns seeds and once-found crashes into a regression test without libFuzzer. No file at all is
// a failure, since it would mean that the test checks nothing.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> files_below(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory, error)) {
    if (entry.is_regular_file()) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool replay(const std::filesystem::path& path) {
  std::ifstream input(path, std::ios::binary);
  if (!input) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return false;
  }
  const std::vector<char> bytes{std::istreambuf_iterator<char>(input), {}};
  // A copy of the exact size on the heap, so that a sanitizer sees the first byte read beyond the
  // end.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  return LLVMFuzzerTestOneInput(exact.data(), exact.size()) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t replayed = 0;
  for (int i = 1; i < argc; ++i) {
    for (const std::filesystem::path& path : files_below(argv[i])) {
      if (!replay(path)) return 1;
      ++replayed;
    }
  }
  std::printf("%zu inputs replayed\n", replayed);
  return replayed > 0 ? 0 : 1;
}
