// SPDX-License-Identifier: BSD-3-Clause
// Snapshots and their reclamation, with real threads: run under TSan, this is the proof of the
// memory ordering.
#include "dataplane/publish.h"

#include <catch2/catch.hpp>
#include <thread>

using covey::dataplane::Follower;
using covey::dataplane::Publisher;

namespace {

// Counts the living, and is poisoned when it dies, so that a late reader is caught without a
// sanitizer too.
class Witness {
 public:
  Witness(std::atomic<int>& living, std::uint64_t number)
      : living_(living), number_(number), check_(~number) {
    living_.fetch_add(1);
  }
  ~Witness() {
    check_ = number_;
    living_.fetch_sub(1);
  }
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] bool intact() const { return check_ == ~number_; }

 private:
  std::atomic<int>& living_;
  std::uint64_t number_;
  std::uint64_t check_;
};

}  // namespace

TEST_CASE("a snapshot is current as soon as it is published") {
  std::atomic<int> living{0};
  Publisher<Witness> publisher(std::make_unique<Witness>(living, 1), 1);
  CHECK(publisher.current().number() == 1);
  static_cast<void>(publisher.publish(std::make_unique<Witness>(living, 2)));
  CHECK(publisher.current().number() == 2);
}

TEST_CASE("without readers an old snapshot is freed at once") {
  std::atomic<int> living{0};
  Publisher<Witness> publisher(std::make_unique<Witness>(living, 1), 4);
  const std::uint64_t ticket = publisher.publish(std::make_unique<Witness>(living, 2));
  CHECK(publisher.is_quiescent(ticket));
  CHECK(living == 1);
}

TEST_CASE("a reader that has not reported keeps the old snapshot alive") {
  std::atomic<int> living{0};
  Publisher<Witness> publisher(std::make_unique<Witness>(living, 1), 2);
  publisher.set_reading(0, true);
  publisher.set_reading(1, true);
  const std::uint64_t ticket = publisher.publish(std::make_unique<Witness>(living, 2));
  publisher.follow(0, publisher.newest());
  CHECK_FALSE(publisher.is_quiescent(ticket));
  CHECK(living == 2);
  publisher.follow(1, publisher.newest());
  CHECK(publisher.is_quiescent(ticket));
  CHECK(living == 1);
  publisher.set_reading(0, false);
  publisher.set_reading(1, false);
}

TEST_CASE("a reader that stopped reading is not waited for") {
  std::atomic<int> living{0};
  Publisher<Witness> publisher(std::make_unique<Witness>(living, 1), 1);
  publisher.set_reading(0, true);
  const std::uint64_t ticket = publisher.publish(std::make_unique<Witness>(living, 2));
  CHECK_FALSE(publisher.is_quiescent(ticket));
  publisher.set_reading(0, false);
  CHECK(publisher.is_quiescent(ticket));
}

TEST_CASE("a later ticket answers for the earlier ones and all are freed in order") {
  std::atomic<int> living{0};
  Publisher<Witness> publisher(std::make_unique<Witness>(living, 1), 1);
  publisher.set_reading(0, true);
  const std::uint64_t first = publisher.publish(std::make_unique<Witness>(living, 2));
  const std::uint64_t second = publisher.publish(std::make_unique<Witness>(living, 3));
  CHECK(publisher.retired() == 2);
  publisher.follow(0, publisher.newest());
  CHECK(publisher.is_quiescent(second));
  CHECK(publisher.is_quiescent(first));
  CHECK(publisher.retired() == 0);
  publisher.set_reading(0, false);
}

TEST_CASE("readers never see a freed or an older snapshot while thousands are published") {
  constexpr unsigned kReaders = 2;
  constexpr std::uint64_t kSnapshots = 5000;
  std::atomic<int> living{0};
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> wrong{0};
  Publisher<Witness> publisher(std::make_unique<Witness>(living, 0), kReaders);
  std::vector<std::thread> readers;
  for (unsigned i = 0; i < kReaders; ++i) {
    publisher.set_reading(i, true);
    readers.emplace_back([&publisher, &stop, &wrong, i] {
      std::uint64_t seen = 0;
      while (!stop.load()) {
        const auto& edition = publisher.newest();
        const Witness& witness = *edition.value;
        if (!witness.intact() || witness.number() < seen) wrong.fetch_add(1);
        seen = witness.number();
        publisher.follow(i, edition);
      }
    });
  }
  std::uint64_t ticket = 0;
  for (std::uint64_t number = 1; number <= kSnapshots; ++number) {
    ticket = publisher.publish(std::make_unique<Witness>(living, number));
    // Now and then wait for the readers, as the control thread does before it goes on with a new
    // map.
    while (number % 50 == 0 && !publisher.is_quiescent(ticket))
      std::this_thread::yield();
  }
  while (!publisher.is_quiescent(ticket))
    std::this_thread::yield();
  CHECK(living == 1);
  stop.store(true);
  for (unsigned i = 0; i < kReaders; ++i) {
    readers[i].join();
    publisher.set_reading(i, false);
  }
  CHECK(wrong == 0);
}

namespace {

/// A publisher with one follower, whose queue is asked for 64 at a time.
struct Queue {
  std::atomic<int> living{0};
  Publisher<Witness> publisher{std::make_unique<Witness>(living, 1), 1};
  Follower<Witness> follower{publisher, 0};

  Queue() { publisher.set_reading(0, true); }
  std::uint64_t publish(std::uint64_t number) {
    return publisher.publish(std::make_unique<Witness>(living, number));
  }
  /// A round in which that many were taken from the queue; the number of the value they met.
  std::uint64_t round(std::uint32_t taken) {
    const Witness& value = follower.begin_round();
    CHECK(value.intact());
    const std::uint64_t number = value.number();
    follower.end_round(taken, 64);
    return number;
  }
};

}  // namespace

TEST_CASE("what waits in a queue when a value is published is judged by the old one") {
  Queue queue;
  CHECK(queue.round(64) == 1);
  const std::uint64_t ticket = queue.publish(2);
  CHECK(queue.round(64) == 1);
  CHECK(queue.round(64) == 1);
  CHECK_FALSE(queue.publisher.is_quiescent(ticket));
  CHECK(queue.round(63) == 1);  // the queue was seen empty
  CHECK(queue.publisher.is_quiescent(ticket));
  CHECK(queue.round(64) == 2);
  CHECK(queue.living == 1);
}

TEST_CASE("what comes while a round goes on is not taken for seen") {
  Queue queue;
  CHECK(queue.follower.begin_round().number() == 1);
  const std::uint64_t ticket = queue.publish(2);  // and then the reader sleeps for a while
  queue.follower.end_round(0, 64);
  CHECK_FALSE(queue.publisher.is_quiescent(ticket));
  CHECK(queue.round(64) == 1);
  CHECK(queue.round(10) == 1);
  CHECK(queue.round(0) == 2);
  CHECK(queue.publisher.is_quiescent(ticket));
}

TEST_CASE("a queue that never gets empty is followed after as much as fits into it") {
  Queue queue;
  CHECK(queue.round(64) == 1);
  const std::uint64_t ticket = queue.publish(2);
  for (int i = 0; i < 4096 / 64; ++i)
    CHECK(queue.round(64) == 1);
  CHECK(queue.publisher.is_quiescent(ticket));
  CHECK(queue.round(64) == 2);
}

TEST_CASE("of two values published one after the other only the newest is followed") {
  Queue queue;
  CHECK(queue.round(64) == 1);
  static_cast<void>(queue.publish(2));
  CHECK(queue.round(64) == 1);
  const std::uint64_t ticket = queue.publish(3);
  CHECK(queue.round(64) == 1);
  CHECK(queue.round(5) == 1);
  CHECK(queue.round(5) == 3);
  CHECK(queue.publisher.is_quiescent(ticket));
  CHECK(queue.living == 1);
}

TEST_CASE("what is published while a round ends is waited for in the next one") {
  // The allocator gives the memory of a value that was freed to the next one: an address says
  // nothing about which value it is.
  Queue queue;
  CHECK(queue.round(64) == 1);
  std::uint64_t value = 1;
  for (std::uint64_t number = 2; number < 200; number += 2) {
    static_cast<void>(queue.publish(number));
    CHECK(queue.follower.begin_round().number() == value);
    const std::uint64_t ticket = queue.publish(number + 1);
    queue.follower.end_round(0, 64);
    CHECK_FALSE(queue.publisher.is_quiescent(ticket));
    CHECK(queue.round(64) == number);
    CHECK_FALSE(queue.publisher.is_quiescent(ticket));
    CHECK(queue.round(0) == number);
    CHECK(queue.publisher.is_quiescent(ticket));
    value = number + 1;
  }
}
