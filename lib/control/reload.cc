// SPDX-License-Identifier: BSD-3-Clause
#include "control/reload.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

#include "control/commands.h"

namespace covey::control {

namespace {

api::ReloadReply refusal(int code, std::string text) {
  return {.ok = false, .text = std::move(text), .code = code, .changes = {}, .mistakes = {}};
}

/// A reading must never end the daemon, whatever the file holds.
Reread read(const std::function<Reread()>& reading) {
  try {
    return reading();
  } catch (const std::exception& error) {
    Reread failed;
    failed.mistakes.push_back(std::string("cannot be read: ") + error.what());
    return failed;
  }
}

}  // namespace

void Reload::begin(Done done) {
  if (std::exchange(busy_, true)) {
    done(refusal(kRefused, "a reload is under way"));
    return;
  }
  parts_.supervision.reloading();
  reader_ =
      std::jthread([this, reading = parts_.config.reading(), done = std::move(done)]() mutable {
        boost::asio::post(
            io_, [this, reread = read(reading), done = std::move(done)] { finish(reread, done); });
      });
}

void Reload::finish(const Reread& reread, const Done& done) {
  busy_ = false;
  api::ReloadReply reply = follow(reread);
  log(reply);
  parts_.supervision.reloaded();
  done(reply);
}

api::ReloadReply Reload::follow(const Reread& reread) {
  api::ReloadReply reply;
  reply.changes = reread.changes;
  reply.mistakes = reread.mistakes;
  if (!reread.mistakes.empty()) {
    reply.code = kInvalidConfiguration;
    reply.text = "the file has mistakes; nothing was changed";
    return reply;
  }
  if (std::ranges::any_of(reread.changes, &api::ConfigChange::needs_restart)) {
    reply.code = kRefused;
    reply.text = "some changes need a restart; nothing was changed";
    return reply;
  }
  reply.ok = true;
  if (!reread.adopt) {
    reply.text = "nothing has changed";
    return reply;
  }
  reread.adopt();
  convergence::Configuration wanted = reread.configuration;
  hold_back(parts_.rules.states(), reread.class_rules, wanted.classes);
  parts_.driver.stage(std::move(wanted));
  parts_.health.adopt(reread.health);
  const std::string waits_for = parts_.driver.status().staging;
  reply.text = waits_for.empty() ? "in effect on this host" : "staged: " + waits_for;
  return reply;
}

void Reload::log(const api::ReloadReply& reply) {
  const LogLevel level = reply.ok ? LogLevel::info : LogLevel::warning;
  parts_.logger.log(level, "reload", {{"answer", reply.text}});
  for (const std::string& mistake : reply.mistakes)
    parts_.logger.log(level, "reload_mistake", {{"place", mistake}});
  for (const api::ConfigChange& change : reply.changes) {
    parts_.logger.log(
        level, "reload_change",
        {{"change", change.text}, {"needs_restart", change.needs_restart ? "yes" : "no"}});
  }
}

}  // namespace covey::control
