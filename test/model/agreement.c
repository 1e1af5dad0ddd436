/* SPDX-License-Identifier: BSD-3-Clause */
/* LISTEN -> PROPOSE -> PREPARED -> STABLE and the ways out of it: lib/convergence/agreement.cc. */

static int may_be_alone(int i) {
  if (HOST(i).alone > SILENCE) return 0;
  if (heard(i) == 0) {
    OTHERS(i, j) {
      /* D + G after the last word, rounded down */
      if (HAS(HOST(i).bound, j) && PEER(i, j).heard < SILENCE + 1) return 0;
    }
    return 1;
  }
  return !young(i) || HOST(i).alone == 0;
}

static unsigned nonces_of(int i, unsigned view) {
  unsigned nonces = HAS(view, i) ? HOST(i).nonce << i : 0;
  OTHERS(i, j) {
    if (HAS(view, j)) nonces |= PEER(i, j).nonce << j;
  }
  return nonces;
}

static int must_propose(int i, unsigned wanted) {
  if (!participant(HOST(i).phase) || wanted != HOST(i).view) return 1;
  return nonces_of(i, wanted) != HOST(i).nonces || HOST(i).draining != HOST(i).fdrain;
}

static unsigned next_generation(int i) {
  unsigned highest = 0;
  int open = 1;
  OTHERS(i, j) {
    if (!HAS(heard(i), j) || PEER(i, j).gen < highest) continue;
    if (PEER(i, j).gen > highest) open = 1;
    highest = PEER(i, j).gen;
    open = open && agreeing(PEER(i, j).phase);
  }
  if (highest > HOST(i).gen && open) return highest;
  return (unsigned)most((int)highest, (int)HOST(i).gen) + 1;
}

static unsigned generation_to_adopt(int i) {
  int behind = 0;
  OTHERS(i, j) {
    behind |=
        HAS(HOST(i).view & heard(i), j) && HAS(PEER(i, j).view, i) && PEER(i, j).gen > HOST(i).gen;
  }
#ifdef NO_ADOPT
  behind = 0;
#endif
  return behind ? next_generation(i) : 0;
}

static int is_outside(int i, int j) {
  return !young(i) && !HAS(HOST(i).cview | HOST(i).view, j);
}

static void become_proposing(int i, unsigned generation, unsigned wanted) {
  OTHERS(i, j) if (HAS(wanted, j) && is_outside(i, j)) {
    PEER(i, j).evidence = (unsigned)least(PEER(i, j).evidence, PEER(i, j).heard);
    HOST(i).knows |= BIT(j);
  }
  if (generation > GENERATIONS) now.bad = ENDLESS, generation = GENERATIONS;
  HOST(i).phase = PROPOSE;
  HOST(i).gen = generation;
  HOST(i).view = wanted;
  HOST(i).nonces = nonces_of(i, wanted);
  HOST(i).frozen = HOST(i).own;
  HOST(i).fdrain = HOST(i).draining;
  HOST(i).stated = 0;
}

static int all_parts_known(int i) {
  OTHERS(i, j) {
    if (!HAS(HOST(i).view, j)) continue;
    const int same = PEER(i, j).gen == HOST(i).gen && PEER(i, j).view == HOST(i).view;
    if (!HAS(heard(i), j) || !agreeing(PEER(i, j).phase) || !same) return 0;
  }
  return 1;
}

static void become_prepared(int i) {
  HOST(i).stated = (HOST(i).frozen | HOST(i).fdrain << 2) << (3 * i);
  OTHERS(i, j) {
    if (HAS(HOST(i).view, j))
      HOST(i).stated |= (PEER(i, j).claims | PEER(i, j).drains << 2) << (3 * j);
  }
  HOST(i).phase = PREPARED;
}

/* The digests of view and map cover exactly what is compared here. */
static int all_prepared(int i) {
#ifdef COMMIT_ALONE
  return 1;
#endif
  OTHERS(i, j) {
    if (!HAS(HOST(i).view, j)) continue;
    const int there = PEER(i, j).phase == PREPARED || PEER(i, j).phase == STABLE;
    const int same = PEER(i, j).gen == HOST(i).gen && PEER(i, j).view == HOST(i).view &&
                     PEER(i, j).nonces == HOST(i).nonces && PEER(i, j).stated == HOST(i).stated;
    if (!HAS(heard(i), j) || !there || !same) return 0;
  }
  return 1;
}

static void become_stable(int i) {
  HOST(i).phase = STABLE;
  HOST(i).cgen = HOST(i).gen;
  HOST(i).cview = HOST(i).view;
  HOST(i).cnonces = HOST(i).nonces;
#ifdef NO_FREEZE
  HOST(i).cstated = HOST(i).stated;
#endif
}

static void forget_proposal(int i) {
  HOST(i).view = HOST(i).nonces = HOST(i).stated = HOST(i).frozen = HOST(i).fdrain = 0;
}

static void become_listening(int i) {
  HOST(i).phase = LISTEN;
  forget_proposal(i);
}

static void become_evicted(int i) {
  HOST(i).cview = HOST(i).cnonces = 0;
  forget_proposal(i);
  HOST(i).lapsed = 0;
  HOST(i).listen = LISTENING;
  HOST(i).alone = ALONE;
  HOST(i).phase = EVICTED;
}

static int advance(int i) {
  const unsigned wanted = choose_view(i);
  if (!HAS(wanted, i)) {
    if (!young(i)) return become_evicted(i), 1;
    if (!agreeing(HOST(i).phase)) return 0;
    return become_listening(i), 1;
  }
  if (wanted == BIT(i) && HOST(i).view != wanted && !may_be_alone(i)) return 0;
  if (must_propose(i, wanted)) return become_proposing(i, next_generation(i), wanted), 1;
  const unsigned higher = generation_to_adopt(i);
  if (higher) return become_proposing(i, higher, wanted), 1;
  if (HOST(i).phase == PROPOSE && all_parts_known(i)) return become_prepared(i), 1;
  if (HOST(i).phase == PREPARED && all_prepared(i)) return become_stable(i), 1;
  return 0;
}
