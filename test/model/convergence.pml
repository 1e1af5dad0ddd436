// SPDX-License-Identifier: BSD-3-Clause
// The environment of three convergence cores: who hears whom and when, what fails, how time
// passes. What a host does with what it hears is C, in the files included below. README.md says
// what is modelled, in which bounds, and what is not.

#ifndef START
#define START 0
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif
#ifndef PAUSES
#define PAUSES 0
#endif
#ifndef LOSSES
#define LOSSES 0
#endif
#ifndef DRAINS
#define DRAINS 0
#endif
#ifndef CALM
#define CALM 20
#endif

typedef Host {
  unsigned mode : 3;     // alive, paused, dead
  unsigned slept : 1;    // paused for more than one tick
  unsigned nonce : 1;    // the incarnation, told apart from the one before
  unsigned phase : 3;
  unsigned gen : 4;      // the proposal, in force once committed:
  unsigned view : 3;
  unsigned nonces : 3;
  unsigned frozen : 2;   // own part: claims
  unsigned fdrain : 1;   // and drain flag
  unsigned stated : 9;   // all parts, from PREPARED on; the map follows from them
  unsigned cgen : 4;     // the commitment
  unsigned cview : 3;
  unsigned cnonces : 3;
  unsigned table : 2;    // the newest table given to the workers
  unsigned own : 2;      // what the workers accept, if the lease lets them
  unsigned lease : 3;    // what is left of the lease they know
  unsigned draining : 1; // the operator's wish
  unsigned lapsed : 1;
  unsigned doubted : 3;  // since the end of the newest own stall
  unsigned alone : 4;    // rest of alone_after and unknown_until
  unsigned listen : 2;
  unsigned bound : 3;    // hosts on record
  unsigned silent : 3;
  unsigned edges : 3;    // own row
  unsigned knows : 3;    // hosts with a record of evidence
  unsigned broken : 6;   // since when edges are broken
  unsigned due : 1;      // the timer has to run in this tick
#ifdef NO_FREEZE
  unsigned cstated : 9;
#endif
}

typedef Said {           // the newest message of a host, but for its times
  unsigned nonce : 1;
  unsigned phase : 3;
  unsigned gen : 4;
  unsigned view : 3;
  unsigned claims : 2;
  unsigned drains : 1;
  unsigned stated : 9;   // stands for the digests of view and map
  unsigned nonces : 3;
  unsigned cview : 3;
  unsigned cgen : 4;
  unsigned alive : 3;    // its row
}

typedef Pair {           // what one host knows of another: the newest message it heard
  unsigned nonce : 1;
  unsigned phase : 3;
  unsigned gen : 4;
  unsigned view : 3;
  unsigned claims : 2;
  unsigned drains : 1;
  unsigned stated : 9;
  unsigned nonces : 3;
  unsigned cview : 3;
  unsigned cgen : 4;
  unsigned alive : 3;
  unsigned hears : 3;    // whom it acknowledges
  unsigned heard : 3;    // ticks since that message
  unsigned acked : 3;    // ticks since the newest own message that it acknowledges, 7: none
  unsigned evidence : 3; // ticks since the newest message of it that anybody reports
  unsigned lost : 1;     // nothing more comes through in this tick
}

Host hosts[3];
Said said[3];
Pair pairs[6];         // of host 0: 1, 2; of host 1: 0, 2; of host 2: 0, 1
unsigned crashes : 2 = CRASHES;
unsigned restarts : 2 = RESTARTS;
unsigned pauses : 2 = PAUSES;
unsigned losses : 3 = LOSSES;
unsigned drains : 2 = DRAINS;
unsigned calm : 6;       // ticks since the newest fault
unsigned bad : 3;        // which promise is broken:
// 1 two hosts accept one bucket, 2 two maps in one generation, 3 not converged in time,
// 4 more generations than GENERATIONS, 5 claims grew while an agreement was under way

c_code {
\#include "view.c"
\#include "agreement.c"
\#include "handover.c"
\#include "world.c"
}

// One line per kind of event. A guard's call has a blank before its bracket because Spin takes
// `f(` in a c_expr for a side effect; these have none.
#define HOLDS \
  assert(bad != 1); assert(bad != 2); assert(bad != 3); assert(bad != 4); assert(bad != 5)
#define STEP(guard, action) \
  :: d_step { c_expr { guard } -> c_code { action; check(); }; HOLDS }
#define FAULT(budget, guard, action) \
  :: d_step { budget > 0 && c_expr { guard } -> budget--; calm = 0; c_code { action; } }

#define HEARING(i, j) \
  STEP(can_hear (i, j), hear(i, j)) \
  FAULT(losses, hearable (i, j), PEER(i, j).lost = 1)
#define EVENTS(i) \
  STEP(running (i) && HOST (i).due, timer_fired(i)) \
  STEP(running (i) && under_way (i), map_installed(i)) \
  STEP(wants_to_speak (i), speak(i)) \
  STEP(sleeps (i), wake(i, HOST(i).slept)) \
  STEP(sleeps (i) && !HOST (i).slept, wake(i, 1)) \
  FAULT(crashes, running (i), crash(i)) \
  FAULT(restarts, dead (i), restart(i)) \
  FAULT(pauses, running (i), pause_host(i)) \
  FAULT(drains, running (i) && !HOST (i).draining, drain(i))

active proctype world() {
  d_step { c_code { begin(); check(); }; HOLDS }
  do
  HEARING(0, 1) HEARING(0, 2) HEARING(1, 0) HEARING(1, 2) HEARING(2, 0) HEARING(2, 1)
  EVENTS(0)
  EVENTS(1)
  EVENTS(2)
  :: d_step {
       c_expr { can_tick () } -> c_code { tick(); check(); };
       if
       :: calm < CALM -> calm++
       :: else -> c_code { check_coverage(); }
       fi;
       HOLDS
     };
#ifdef PROGRESS
progress: skip
#endif
  od
}
