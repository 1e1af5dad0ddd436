// SPDX-License-Identifier: BSD-3-Clause
#include "process/pulse.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

namespace covey::process {

namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(10);  // while the daemon starts

}  // namespace

struct Pulse::Page {
  std::array<pthread_mutex_t, kMaxPulses> pulses;
  std::atomic<unsigned> taken{0};
  std::atomic<unsigned> held{0};
  std::atomic<unsigned> expected{0};  // 0: not known yet
};

base::Result<std::unique_ptr<Pulse>> Pulse::make() {
  base::Result<SharedPage<Page>> page = make_shared_page<Page>("the pulse");
  if (!page) return std::unexpected(page.error());
  pthread_mutexattr_t kind;
  ::pthread_mutexattr_init(&kind);
  ::pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
  for (pthread_mutex_t& pulse : (*page)->pulses)
    ::pthread_mutex_init(&pulse, &kind);
  ::pthread_mutexattr_destroy(&kind);
  return std::make_unique<Pulse>(std::move(*page));
}

Pulse::Pulse(SharedPage<Page> page) : page_(std::move(page)) {}

Pulse::~Pulse() = default;

std::shared_ptr<void> Pulse::hold() {
  const unsigned at = page_->taken.fetch_add(1);
  if (at >= kMaxPulses) return nullptr;
  pthread_mutex_t* pulse = &page_->pulses[at];
  ::pthread_mutex_lock(pulse);
  page_->held.fetch_add(1);
  return {pulse, [](pthread_mutex_t* own) { ::pthread_mutex_unlock(own); }};
}

void Pulse::expect(unsigned threads) {
  page_->expected.store(threads);
}

bool Pulse::wait_for_death(const std::stop_token& stop) {
  while (page_->expected.load() == 0 || page_->held.load() < page_->expected.load()) {
    if (stop.stop_requested()) return false;
    std::this_thread::sleep_for(kLookEvery);
  }
  bool any_died = false;
  for (unsigned at = 0; at < std::min(page_->held.load(), kMaxPulses); ++at) {
    // Blocks for as long as the thread lives.
    const bool died = ::pthread_mutex_lock(&page_->pulses[at]) == EOWNERDEAD;
    if (died) ::pthread_mutex_consistent(&page_->pulses[at]);
    ::pthread_mutex_unlock(&page_->pulses[at]);
    any_died = any_died || died;
  }
  return any_died;
}

}  // namespace covey::process
