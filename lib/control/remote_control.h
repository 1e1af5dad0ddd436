// SPDX-License-Identifier: BSD-3-Clause
// RemoteControl: an operator's command for one, several or all hosts -> an answer per host.
//
// Owner: control. Thread: the control thread. It finds out who is meant, lets the CommandChannel
// ask the others and this host's own commands answer for itself, and puts the answers together in
// the order of host ids. Whoever may use the UNIX socket may use this: the frames are sealed with a
// key that every member has, so what one member obeys, all do.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/messages.h"
#include "control/command_channel.h"
#include "control/convergence_driver.h"

namespace covey::control {

class RemoteControl {
 public:
  /// What this host answers to a command for itself; `from` is nobody for its own operator.
  using Local = std::function<api::CommandReply(const api::CommandRequest&, base::HostId from)>;
  using Done = std::function<void(const api::CommandReply&)>;

  /// `secret` is random per start.
  RemoteControl(boost::asio::io_context& io, ConvergenceDriver& driver, bucket::SipKey secret,
                Local local);
  RemoteControl(const RemoteControl&) = delete;
  RemoteControl& operator=(const RemoteControl&) = delete;

  void command(const api::CommandRequest& request, Done done);
  void close();
  [[nodiscard]] const CommandCounts& counts() const { return channel_.counts(); }

 private:
  struct Round;
  using Names = std::map<base::HostId, std::string>;

  [[nodiscard]] std::string obey(base::HostId from, const std::string& text);
  [[nodiscard]] Names known_hosts() const;
  void choose(const api::CommandRequest& request, const Names& hosts, const Done& done);
  void ask(const api::CommandRequest& request, const Names& hosts, const Done& done);
  void arm();

  ConvergenceDriver& driver_;
  Local local_;
  boost::asio::steady_timer timer_;
  CommandChannel channel_;
};

}  // namespace covey::control
