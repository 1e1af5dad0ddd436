/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who gives what to whom and when, the lease, what a message says and what hearing it changes:
 * ownership.cc, handover.cc, speaking.cc, peers.cc, listening.cc of lib/convergence.
 */

/* ---- ownership.cc and handover.cc */

static int member_in_force(int i, int j) {
  return HAS(HOST(i).cview, j) && HAS(HOST(i).bound, j) &&
         PEER(i, j).nonce == HAS(HOST(i).cnonces, j);
}

static int seen_committed(int i, int j) {
  return member_in_force(i, j) && PEER(i, j).phase == STABLE && PEER(i, j).gen == HOST(i).cgen;
}

static int orphans_free(int i) {
  if (HOST(i).alone > SILENCE) return 0; /* unknown_until */
  OTHERS(i, j) {
    const int said_empty = PEER(i, j).phase == LISTEN || PEER(i, j).phase == EVICTED;
    const int harmless = HAS(HOST(i).bound, j) && said_empty && PEER(i, j).claims == 0;
    if (member_in_force(i, j) || !HAS(HOST(i).knows, j) || harmless) continue;
#if defined(EARLY_ORPHANS)
    if (PEER(i, j).evidence < 1) return 0;
#elif defined(SHORT_WAIT)
    if (PEER(i, j).evidence < PASSES - 1) return 0;
#else
    if (PEER(i, j).evidence < PASSES) return 0;
#endif
  }
  return 1;
}

static unsigned next_own(int i, unsigned stated) {
  int owner[2];
  unsigned own = HOST(i).table;
  compute_map(HOST(i).cview, stated, owner);
  for (int b = 0; b < 2; ++b) {
    if (HAS(HOST(i).table, b) && owner[b] != i) {
#ifdef NEVER_RELEASE
      continue;
#endif
      if (owner[b] < 0 || seen_committed(i, owner[b])) own &= ~BIT(b);
    }
    if (HAS(HOST(i).table, b) || owner[b] != i) continue;
    int blocked = 0, anyone = HAS(statement(stated, i), b);
    OTHERS(i, j) {
      if (!HAS(HOST(i).cview, j) || !HAS(statement(stated, j), b)) continue;
      anyone = 1;
      if (!seen_committed(i, j) || HAS(PEER(i, j).claims, b)) blocked = 1;
    }
#ifdef NO_RELEASE_BEFORE_ACQUIRE
    blocked = 0;
#endif
    if (!blocked && (anyone || orphans_free(i))) own |= BIT(b);
  }
  return own;
}

static void settle(int i) {
  if (under_way(i)) return;
  unsigned own = HOST(i).table;
  if (young(i))
    own = 0;
  else if (HOST(i).phase == STABLE)
    own = next_own(i, HOST(i).stated);
#ifdef NO_FREEZE
  else
    own = next_own(i, HOST(i).cstated);
#endif
  HOST(i).own =
      HOST(i).table | own; /* claims: what the workers accept until they follow the table */
  HOST(i).table = own;
}

static void publish_lease(int i) {
  if (young(i)) {
    HOST(i).lease = 0;
    return;
  }
  int until = LEASE, witnessed = 0;
  OTHERS(i, j) {
    if (!HAS(heard(i), j)) continue;
    const int next_member = HOST(i).phase == PREPARED && HAS(HOST(i).view, j);
    if (!member_in_force(i, j) && !next_member) continue;
    if (HAS(PEER(i, j).cview, i)) witnessed = 1;
    until = least(until, most(0, LEASE - PEER(i, j).acked));
  }
  if (HOST(i).lapsed && !witnessed && HOST(i).alone > SILENCE) until = least(until, HOST(i).lease);
  HOST(i).lease = (unsigned)until;
  if (until > 0) HOST(i).lapsed = 0;
}

/* ---- speaking.cc: all that is worth a message of its own; times come on top in take_times() */

static int says(int j, int store) {
  const unsigned claims = agreeing(HOST(j).phase) ? HOST(j).frozen : HOST(j).own;
  const unsigned drains = HOST(j).view ? HOST(j).fdrain : HOST(j).draining;
  const unsigned cview = HOST(j).lapsed ? 0 : HOST(j).cview;
  const unsigned stated = participant(HOST(j).phase) ? HOST(j).stated : 0;
  int news = 0;
#define SAY(field, value)               \
  do {                                  \
    news |= SAID(j).field != (value);   \
    if (store) SAID(j).field = (value); \
  } while (0)
  SAY(nonce, HOST(j).nonce);
  SAY(phase, HOST(j).phase);
  SAY(gen, HOST(j).gen);
  SAY(view, HOST(j).view);
  SAY(claims, claims);
  SAY(drains, drains);
  SAY(stated, stated);
  SAY(nonces, HOST(j).nonces);
  SAY(cview, cview);
  SAY(cgen, HOST(j).cgen);
  SAY(alive, HOST(j).edges);
#undef SAY
  return news;
}

static int wants_to_speak(int i) {
  return running(i) && says(i, 0);
}
static void speak(int i) {
  says(i, 1);
}

/* Node::step() after the input was taken in. */
static void react(int i) {
  note_edges(i, 0);
  for (int step = 0; step < STEPS && advance(i); ++step) {
  }
  settle(i);
#ifndef LATE
  speak(i);
#endif
  publish_lease(i);
}

/* ---- peers.cc and listening.cc */

static int edge_holds(int i, int j) {
  if (!HAS(heard(i), j)) return 0;
  return PEER(i, j).acked != NEVER && least(PEER(i, j).acked, HOST(i).doubted) < EDGE;
}

/* What every message carries: that it came, whom its sender heard and how long ago. */
static void take_times(int i, int j, const unsigned heard_by[HOSTS][HOSTS], int first_word) {
  if (!is_outside(i, j) || !HAS(HOST(i).knows, j)) PEER(i, j).evidence = 0;
  HOST(i).knows |= BIT(j);
  PEER(i, j).hears = BIT(j);
  OTHERS(j, x) {
    if (!HAS(HOST(j).bound, x) || heard_by[j][x] >= AGE) continue;
    const unsigned their_nonce = PEER(j, x).nonce;
    const unsigned my_nonce = x == i ? HOST(i).nonce : PEER(i, x).nonce;
    const int known = x == i || HAS(HOST(i).bound, x);
    if (known && their_nonce != my_nonce) continue;
    if (known && heard_by[j][x] < SILENCE) PEER(i, j).hears |= BIT(x);
    if (x == i) {
      PEER(i, j).acked = (unsigned)least(PEER(i, j).acked, (int)heard_by[j][x]);
      continue;
    }
    const int inside = HAS(SAID(j).cview | SAID(j).view, x);
    const int counts = SAID(j).cview == 0 || first_word || inside || !HAS(HOST(i).knows, x);
    if (!counts) continue;
    PEER(i, x).evidence = (unsigned)least(PEER(i, x).evidence, (int)heard_by[j][x]);
    HOST(i).knows |= BIT(x);
  }
  HOST(i).silent &= ~BIT(j);
  if (edge_holds(i, j)) HOST(i).edges |= BIT(j);
}

static void ages_now(unsigned heard_by[HOSTS][HOSTS]) {
  for (int i = 0; i < HOSTS; ++i)
    OTHERS(i, j) {
      heard_by[i][j] = PEER(i, j).heard;
    }
}

static int answers(int i, int j) { /* does j acknowledge this start of i? */
  return HAS(HOST(j).bound, i) && PEER(j, i).nonce == HOST(i).nonce && PEER(j, i).heard < AGE;
}

static int hearable(int i, int j) {
  if (!running(i) || !readable(j) || PEER(i, j).lost) return 0;
  if (!HAS(HOST(i).bound, j) || PEER(i, j).nonce == SAID(j).nonce) return 1;
  return (HAS(HOST(i).silent, j) || PEER(i, j).heard >= REBIND) && answers(i, j);
}

/* Does the newest message of j say something that i has not heard? */
static int has_news(int i, int j) {
  return !HAS(HOST(i).bound, j) || PEER(i, j).nonce != SAID(j).nonce ||
         PEER(i, j).phase != SAID(j).phase || PEER(i, j).gen != SAID(j).gen ||
         PEER(i, j).view != SAID(j).view || PEER(i, j).claims != SAID(j).claims ||
         PEER(i, j).drains != SAID(j).drains || PEER(i, j).stated != SAID(j).stated ||
         PEER(i, j).nonces != SAID(j).nonces || PEER(i, j).cview != SAID(j).cview ||
         PEER(i, j).cgen != SAID(j).cgen || PEER(i, j).alive != SAID(j).alive;
}

static int can_hear(int i, int j) {
  return hearable(i, j) && has_news(i, j);
}

static void hear(int i, int j) {
  const int bound = HAS(HOST(i).bound, j);
  const int first_word = !bound || PEER(i, j).cgen != SAID(j).cgen;
  unsigned heard_by[HOSTS][HOSTS];
  ages_now(heard_by);
  if (!bound || PEER(i, j).nonce != SAID(j).nonce) {
    PEER(i, j).acked = NEVER;
    HOST(i).edges &= ~BIT(j);
    HOST(i).knows &= ~BIT(j);
  }
  HOST(i).bound |= BIT(j);
  PEER(i, j).nonce = SAID(j).nonce;
  PEER(i, j).phase = SAID(j).phase;
  PEER(i, j).gen = SAID(j).gen;
  PEER(i, j).view = SAID(j).view;
  PEER(i, j).claims = SAID(j).claims;
  PEER(i, j).drains = SAID(j).drains;
  PEER(i, j).stated = SAID(j).stated;
  PEER(i, j).nonces = SAID(j).nonces;
  PEER(i, j).cview = SAID(j).cview;
  PEER(i, j).cgen = SAID(j).cgen;
  PEER(i, j).alive = SAID(j).alive;
  PEER(i, j).heard = 0;
  take_times(i, j, heard_by, first_word);
  react(i);
}

static void timer_fired(int i) {
  HOST(i).due = 0;
  OTHERS(i, j) {
    if (HAS(HOST(i).bound, j) && least(PEER(i, j).heard, HOST(i).doubted) >= SILENCE)
      HOST(i).silent |= BIT(j);
    if (!edge_holds(i, j)) HOST(i).edges &= ~BIT(j);
  }
  react(i);
}

static void map_installed(int i) {
  HOST(i).own = HOST(i).table;
  react(i);
}
