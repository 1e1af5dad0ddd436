// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/eal.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

namespace covey::dataplane {

namespace {

constexpr const char* kRuntimeRoot = "/run/covey";  // unless RUNTIME_DIRECTORY says otherwise

std::string join(const std::vector<unsigned>& numbers) {
  std::string text;
  for (const unsigned number : numbers) {
    if (!text.empty()) text += ',';
    text += std::to_string(number);
  }
  return text;
}

ssize_t write_log(void* /*cookie*/, const char* text, std::size_t length) {
  // One write per line, so that lines of several threads do not mix.
  std::string line = "dpdk: ";
  line.append(text, length);
  return ::write(STDERR_FILENO, line.data(), line.size()) < 0 ? 0 : static_cast<ssize_t>(length);
}

void route_log() {
  const cookie_io_functions_t functions = {nullptr, write_log, nullptr, nullptr};
  std::FILE* stream = ::fopencookie(nullptr, "w", functions);
  if (stream == nullptr) return;  // then DPDK's own way to stderr has to do
  std::setvbuf(stream, nullptr, _IOLBF, BUFSIZ);
  rte_openlog_stream(stream);
}

/// The process an instance belongs to, by its name; nothing if the name is not one of ours.
std::optional<pid_t> owner_of(std::string_view instance) {
  constexpr std::string_view kPrefix = "covey-";
  if (!instance.starts_with(kPrefix)) return std::nullopt;
  const std::string_view digits = instance.substr(kPrefix.size());
  pid_t owner = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), owner);
  const bool is_number = error == std::errc() && end == digits.data() + digits.size();
  if (!is_number || owner <= 0) return std::nullopt;
  return owner;
}

/// EAL needs an existing directory; systemd makes one and names it, otherwise we do.
base::Result<std::string> prepare_runtime_directory(const std::string& instance) {
  const char* given = std::getenv("RUNTIME_DIRECTORY");
  const std::string root = given != nullptr && *given != '\0' ? given : kRuntimeRoot;
  std::error_code error;
  std::filesystem::create_directories(root, error);
  if (error) {
    return base::fail(base::ErrorCode::io,
                      "make the runtime directory " + root + ": " + error.message());
  }
  ::setenv("RUNTIME_DIRECTORY", root.c_str(), 1);
  remove_left_overs(root + "/dpdk");
  return root + "/dpdk/" + instance;
}

}  // namespace

std::vector<std::string> eal_arguments(const EalPlan& plan) {
  std::vector<std::string> arguments = {"coveyd"};
  if (plan.huge_pages) {
    // A virtio device hands the files of our memory to its other end, and only a few: one for each
    // page would be too many.
    arguments.insert(arguments.end(), {"--in-memory", "--single-file-segments"});
  } else {
    // EAL refuses --in-memory together with --no-huge.
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  }
  arguments.insert(arguments.end(), {"-m", std::to_string(plan.memory_mb), "--iova-mode=va",
                                     "--file-prefix=" + plan.instance,
                                     "--lcores=0@(" + join(plan.cpus) + ")", "--log-level=warning",
                                     // It warns that a socket of the past is not made.
                                     "--log-level=lib.telemetry:error"});
  if (plan.pci_address.empty()) {
    arguments.emplace_back("--no-pci");
  } else {
    arguments.insert(arguments.end(), {"-a", plan.pci_address});
  }
  arguments.insert(arguments.end(), plan.more_arguments.begin(), plan.more_arguments.end());
  return arguments;
}

void remove_left_overs(const std::string& directory) {
  std::error_code ignored;  // what cannot be removed does no harm
  std::vector<std::filesystem::path> dead;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (!std::filesystem::is_directory(entry.symlink_status(ignored))) continue;
    const std::optional<pid_t> owner = owner_of(entry.path().filename().native());
    const bool is_dead = owner && ::kill(*owner, 0) != 0 && errno == ESRCH;
    if (is_dead) dead.push_back(entry.path());
  }
  for (const std::filesystem::path& path : dead)
    std::filesystem::remove_all(path, ignored);
}

std::uint64_t free_huge_memory_mb() {
  constexpr std::string_view kPrefix = "hugepages-";  // hugepages-2048kB
  std::uint64_t total_kb = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    std::uint64_t pages = 0;
    std::ifstream(entry.path() / "free_hugepages") >> pages;
    total_kb += pages * std::strtoull(name.c_str() + kPrefix.size(), nullptr, 10);
  }
  return total_kb / 1024;
}

base::Result<std::unique_ptr<Eal>> Eal::start(const EalPlan& plan) {
  base::Result<std::string> directory = prepare_runtime_directory(plan.instance);
  if (!directory) return std::unexpected(directory.error());
  std::vector<std::string> arguments = eal_arguments(plan);
  std::vector<char*> pointers;
  for (std::string& argument : arguments)
    pointers.push_back(argument.data());
  route_log();
  // Drivers write to sockets whose other end may have gone (vhost-user): that is an error to them.
  ::signal(SIGPIPE, SIG_IGN);

  // EAL starts threads; signals are the control thread's business, so these must never take one.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int used = rte_eal_init(static_cast<int>(pointers.size()), pointers.data());
  const int error = rte_errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (used < 0) {
    return base::fail(base::ErrorCode::unavailable, std::string("start DPDK: ") +
                                                        rte_strerror(error) +
                                                        " (its own words are above, marked dpdk:)");
  }
  return std::make_unique<Eal>(std::move(*directory));
}

Eal::Eal(std::string runtime_directory) : runtime_directory_(std::move(runtime_directory)) {}

Eal::~Eal() {
  rte_eal_cleanup();
  std::error_code ignored;  // left-overs in a runtime directory do no harm
  std::filesystem::remove_all(runtime_directory_, ignored);
}

}  // namespace covey::dataplane
