/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to hosts: faults and time. And what must be true of them. */

/* ---- faults */

static void begin_incarnation(int i) {
  HOST(i).mode = RUNNING;
  HOST(i).phase = LISTEN;
  HOST(i).listen = LISTENING;
  HOST(i).alone = ALONE;
  HOST(i).doubted = AGE;
  HOST(i).due = 1;
  speak(i);
  OTHERS(i, j) {
    PEER(i, j).heard = AGE, PEER(i, j).acked = NEVER, PEER(i, j).evidence = PASSES;
  }
}

/* Nothing of a dead process remains; what the others know of it does. */
static void clear(int i) {
  const unsigned nonce = HOST(i).nonce;
  memset(&HOST(i), 0, sizeof(HOST(i)));
  memset(&SAID(i), 0, sizeof(SAID(i)));
  HOST(i).nonce = nonce;
  OTHERS(i, j) {
    memset(&PEER(i, j), 0, sizeof(PEER(i, j)));
  }
}

static int dead(int i) {
  return HOST(i).mode == DEAD;
}
static int sleeps(int i) {
  return HOST(i).mode == PAUSED;
}
static void crash(int i) {
  HOST(i).mode = DYING;
}
static void pause_host(int i) {
  HOST(i).mode = PAUSING;
}
static void restart(int i) {
  HOST(i).nonce ^= 1;
  begin_incarnation(i);
}

static void drain(int i) {
  HOST(i).draining = 1;
  HOST(i).due = 1;
}

/* After one tick asleep the timer may be late enough for doubt or not; after two it is. */
static void wake(int i, int doubts) {
  HOST(i).mode = RUNNING;
  HOST(i).slept = 0;
  HOST(i).due = 1;
  now.calm = 0;
  if (!doubts) return;
  HOST(i).doubted = 0;
  HOST(i).alone = ALONE;
  if (HOST(i).lease == 0 && !young(i)) HOST(i).lapsed = 1;
  if (HOST(i).phase == LISTEN) HOST(i).listen = LISTENING;
}

/* ---- time */

/* Everything said in this tick has been heard or lost, every timer and every worker has run. */
static int can_tick(void) {
  for (int i = 0; i < HOSTS; ++i) {
    if (!running(i)) continue;
    if (HOST(i).due || under_way(i) || wants_to_speak(i)) return 0;
    OTHERS(i, j) {
      if (can_hear(i, j)) return 0;
    }
  }
  return 1;
}

static unsigned down(unsigned rest) {
  return rest ? rest - 1 : 0;
}

static void grow_older(int i) {
  HOST(i).lease = down(HOST(i).lease);
  HOST(i).alone = down(HOST(i).alone);
  HOST(i).listen = down(HOST(i).listen);
  HOST(i).doubted = (unsigned)least(HOST(i).doubted + 1, AGE);
  OTHERS(i, j) {
    PEER(i, j).heard = (unsigned)least(PEER(i, j).heard + 1, AGE);
    if (PEER(i, j).acked != NEVER) PEER(i, j).acked = (unsigned)least(PEER(i, j).acked + 1, AGE);
    PEER(i, j).evidence = (unsigned)least(PEER(i, j).evidence + 1, PASSES);
  }
}

static int settled(int i) {
  if (HOST(i).phase != STABLE || HOST(i).alone || HOST(i).listen || HOST(i).broken ||
      HOST(i).lapsed)
    return 0;
  if (HOST(i).bound != heard(i) || HOST(i).doubted < AGE ||
      next_own(i, HOST(i).stated) != HOST(i).table)
    return 0;
  OTHERS(i, j) {
    if (HAS(HOST(i).bound, j) && (PEER(i, j).heard > 0 || PEER(i, j).acked > 1)) return 0;
  }
  return 1;
}

static void tick(void) {
  unsigned heard_by[HOSTS][HOSTS];
  for (int i = 0; i < HOSTS; ++i) {
    if (HOST(i).mode == DYING) {
      clear(i);
      HOST(i).mode = DEAD;
    }
    if (HOST(i).mode == PAUSING)
      HOST(i).mode = PAUSED;
    else if (HOST(i).mode == PAUSED)
      HOST(i).slept = 1;
    if (HOST(i).mode != DEAD) grow_older(i);
  }
  ages_now(heard_by);
  for (int i = 0; i < HOSTS; ++i)
    OTHERS(i, j) {
      { /* the heartbeats of this tick, without news */
        if (!hearable(i, j) || has_news(i, j)) continue;
      }
      PEER(i, j).heard = 0;
      take_times(i, j, heard_by, 0);
    }
  for (int i = 0; i < HOSTS; ++i) {
    OTHERS(i, j) {
      PEER(i, j).lost = 0;
    }
    if (!running(i)) continue;
    note_edges(i, 1);
    publish_lease(i);
    HOST(i).due = !settled(i);
  }
}

/* ---- properties */

static int accepts(int i, int b) {
  if (HOST(i).mode == DYING || HOST(i).mode == DEAD) return 0;
#ifdef NO_LEASE
  return HAS(HOST(i).own, b) && !young(i);
#endif
  return HAS(HOST(i).own, b) && HOST(i).lease > 0;
}

static void check(void) {
  for (int b = 0; b < 2; ++b)
    if (accepts(0, b) + accepts(1, b) + accepts(2, b) > 1) now.bad = TWO_OWNERS;
  for (int i = 0; i < HOSTS; ++i) {
    if (!running(i)) continue;
    OTHERS(i, j) {
      const int together = running(j) && HOST(i).phase == STABLE && HOST(j).phase == STABLE &&
                           HOST(i).gen == HOST(j).gen && HOST(i).view == HOST(j).view &&
                           HOST(i).nonces == HOST(j).nonces;
      if (together && HOST(i).stated != HOST(j).stated) now.bad = TWO_MAPS;
    }
#ifndef NO_FREEZE
    if (agreeing(HOST(i).phase) && (HOST(i).own & ~HOST(i).frozen)) now.bad = THAWED;
#endif
  }
}

/* Called when nothing has gone wrong for CALM ticks: every host that runs is in one view, every
   bucket is accepted by the host whom the map gives it, and by no other. */
static void check_coverage(void) {
  unsigned alive = 0, able = 0;
  for (int i = 0; i < HOSTS; ++i) {
    if (running(i)) alive |= BIT(i);
    if (running(i) && !HOST(i).draining) able |= BIT(i);
  }
  for (int i = 0; i < HOSTS; ++i) {
    int owner[2];
    if (!HAS(alive, i)) continue;
    compute_map(HOST(i).cview, HOST(i).stated, owner);
    if (HOST(i).phase != STABLE || HOST(i).view != alive) now.bad = UNCOVERED;
    for (int b = 0; b < 2; ++b)
      if (accepts(i, b) != (owner[b] == i) || (able && owner[b] < 0)) now.bad = UNCOVERED;
  }
  for (int b = 0; b < 2 && able; ++b)
    if (accepts(0, b) + accepts(1, b) + accepts(2, b) != 1) now.bad = UNCOVERED;
}

static void begin(void) {
  for (int i = 0; i < HOSTS; ++i)
    begin_incarnation(i);
#if START == 0 /* three hosts have agreed; the third has no bucket */
  static const unsigned claims[HOSTS] = {1, 2, 0};
  const unsigned view = ALL;
#elif START == 1 /* one host serves both buckets, two come */
  static const unsigned claims[HOSTS] = {3, 0, 0};
  const unsigned view = 1;
#else            /* nobody serves */
  static const unsigned claims[HOSTS] = {0, 0, 0};
  const unsigned view = 0;
#endif
  for (int i = 0; i < HOSTS; ++i) {
    if (!HAS(view, i)) continue;
    HOST(i).phase = STABLE;
    HOST(i).gen = HOST(i).cgen = 1;
    HOST(i).view = HOST(i).cview = view;
    HOST(i).own = HOST(i).table = HOST(i).frozen = claims[i];
    HOST(i).stated = claims[0] | claims[1] << 3 | claims[2] << 6;
#ifdef NO_FREEZE
    HOST(i).cstated = HOST(i).stated;
#endif
    HOST(i).alone = HOST(i).listen = HOST(i).due = 0;
    HOST(i).lease = LEASE;
    HOST(i).bound = HOST(i).edges = HOST(i).knows = view & ~BIT(i);
    OTHERS(i, j) {
      if (!HAS(view, j)) continue;
      PEER(i, j).phase = STABLE;
      PEER(i, j).gen = PEER(i, j).cgen = 1;
      PEER(i, j).view = PEER(i, j).cview = PEER(i, j).hears = view;
      PEER(i, j).claims = claims[j];
      PEER(i, j).stated = HOST(i).stated;
      PEER(i, j).alive = view & ~BIT(j);
      PEER(i, j).heard = PEER(i, j).evidence = 0;
      PEER(i, j).acked = 1;
    }
    speak(i);
  }
}
