// SPDX-License-Identifier: BSD-3-Clause
// Writes the seed frames as files: `fuzz_write_seeds test/fuzz/corpus/packet_parse`, to be
// committed.
//
// Owner: test/fuzz. Thread: one. Run it after adding to test/support/seed_frames.cc; files of found
// crashes stay.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "support/seed_frames.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  const std::filesystem::path directory(argv[1]);
  for (const covey::test::SeedFrame& seed : covey::test::seed_frames()) {
    std::ofstream file(directory / seed.name, std::ios::binary | std::ios::trunc);
    file.write(reinterpret_cast<const char*>(seed.frame.data()),
               static_cast<std::streamsize>(seed.frame.size()));
    if (!file.flush()) {
      std::fprintf(stderr, "cannot write %s\n", (directory / seed.name).c_str());
      return 1;
    }
  }
  return 0;
}
