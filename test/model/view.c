/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model's words, and what a host makes of what it knows: map, edges, view.
 *
 * All state is in the Promela variables `hosts`, `said` and `pairs`, so that Spin stores and
 * restores it. Functions carry the names of the C++ functions they stand for. Sets of hosts are
 * three bits, sets of buckets two. Times are ages or rests in ticks and end at the greatest value
 * that still makes a difference.
 */

enum { LISTEN, PROPOSE, PREPARED, STABLE, EVICTED };
enum { FINE, TWO_OWNERS, TWO_MAPS, UNCOVERED, ENDLESS, THAWED }; /* as convergence.pml says */
enum { RUNNING, PAUSING, PAUSED, DYING, DEAD }; /* -ING: until the next tick, still readable */

enum {
  SILENCE = DD,             /* D: silent after that many ticks */
  EDGE = DD + 1,            /* D + T: an edge needs an acknowledgement younger than that */
  LEASE = DD + 1,           /* L, rounded down from D + 1.45 T */
  PASSES = LEASE,           /* L + margin; clocks of the model agree, so the margin is none */
  DEBOUNCE = 2,             /* 1.2 T, rounded up */
  LISTENING = 2,            /* 1.5 T, rounded up */
  REBIND = 3,               /* 2.5 T, rounded up */
  AGE = EDGE + 1,           /* greatest age worth keeping */
  NEVER = 7,                /* never acknowledged */
  ALONE = PASSES + SILENCE, /* rest of alone_after, counted so that the second D shows too */
  STEPS = 8,                /* kMaxTransitions */
};

#define HOSTS 3
#define ALL 7
#define HOST(i) now.hosts[i]
#define PEER(i, j) now.pairs[(i)*2 + ((j) > (i) ? (j)-1 : (j))]
#define SAID(i) now.said[i]
#define BIT(i) (1u << (i))
#define HAS(set, i) (((set) >> (i)) & 1u)
#define OTHERS(i, j)              \
  for (int j = 0; j < HOSTS; ++j) \
    if (j != (i))

typedef struct {
  unsigned members, generation;
} View;

static int size_of(unsigned set) {
  return HAS(set, 0) + HAS(set, 1) + HAS(set, 2);
}
static int lowest(unsigned set) {
  return HAS(set, 0) ? 0 : HAS(set, 1) ? 1 : 2;
}
static int agreeing(unsigned phase) {
  return phase == PROPOSE || phase == PREPARED;
}
static int participant(unsigned phase) {
  return agreeing(phase) || phase == STABLE;
}
static int least(int a, int b) {
  return a < b ? a : b;
}
static int most(int a, int b) {
  return a > b ? a : b;
}
static int young(int i) {
  return HOST(i).cview == 0;
}
static int running(int i) {
  return HOST(i).mode == RUNNING;
}
static int readable(int i) {
  return HOST(i).mode == RUNNING || HOST(i).mode == PAUSING || HOST(i).mode == DYING;
}
static int under_way(int i) {
  return HOST(i).table != HOST(i).own;
}
static unsigned heard(int i) {
  return HOST(i).bound & ~HOST(i).silent;
}
static unsigned statement(unsigned all, int i) {
  return (all >> (3 * i)) & 7;
}

/* ---- the map: bucket::assign() for two buckets. A statement is two bits of claims and a drain
 * flag. */

static const int kScore[2][HOSTS] = {{1, 3, 2}, {2, 1, 3}};

static int best_of(int b, unsigned set) {
  int best = -1;
  for (int i = 0; i < HOSTS; ++i)
    if (HAS(set, i) && (best < 0 || kScore[b][i] > kScore[b][best])) best = i;
  return best;
}

static void compute_map(unsigned view, unsigned statements, int owner[2]) {
  int quota[HOSTS] = {0}, held[HOSTS] = {0}, weight = 0, left = 2;
  unsigned claimants[2] = {0}, draining = 0, under = 0, served = 0;
  for (int i = 0; i < HOSTS; ++i) {
    if (!HAS(view, i)) continue;
    const unsigned said = statement(statements, i);
    if (said & 4)
      draining |= BIT(i);
    else
      ++weight;
    for (int b = 0; b < 2; ++b)
      if (HAS(said, b)) claimants[b] |= BIT(i);
  }
  for (int i = 0; i < HOSTS && weight; ++i)
    if (HAS(view & ~draining, i)) quota[i] = 2 / weight, left -= quota[i];
  for (; weight && left > 0; --left) { /* equal remainders: most claims first, then the lower id */
    int next = -1, surplus = -1;
    for (int i = 0; i < HOSTS; ++i) {
      const int claims = size_of(statement(statements, i) & 3);
      if (HAS(view & ~draining & ~served, i) && claims > surplus) next = i, surplus = claims;
    }
    served |= BIT(next);
    ++quota[next];
  }
  for (int b = 0; b < 2; ++b) {
    owner[b] = size_of(claimants[b]) == 1 ? lowest(claimants[b]) : -1;
    if (owner[b] >= 0) ++held[owner[b]];
  }
  for (int i = 0; i < HOSTS; ++i)
    if (HAS(view, i) && held[i] < quota[i]) under |= BIT(i);
#define GIVE(b, i)                               \
  do {                                           \
    owner[b] = (i);                              \
    if (++held[i] >= quota[i]) under &= ~BIT(i); \
  } while (0)
  for (int b = 0; b < 2; ++b) {
    if (size_of(claimants[b]) < 2) continue;
    const unsigned wanting = claimants[b] & under;
    GIVE(b, best_of(b, wanting ? wanting : claimants[b]));
  }
  for (int i = 0; i < HOSTS && weight; ++i) {
    while (held[i] > quota[i]) {
      const int worse = owner[0] == i && (owner[1] != i || kScore[0][i] < kScore[1][i]) ? 0 : 1;
      owner[worse] = -1;
      --held[i];
    }
  }
  for (int b = 0; b < 2 && weight; ++b)
    if (owner[b] < 0) GIVE(b, best_of(b, under));
#undef GIVE
  for (int b = 0; b < 2; ++b)
    if (owner[b] >= 0 && HAS(draining, owner[b])) owner[b] = -1;
}

/* ---- edges.cc: rows as the hosts publish them */

static int row_known(int i, int a) {
  return a == i || HAS(heard(i), a);
}
static unsigned row(int i, int a) {
  return a == i ? HOST(i).edges : PEER(i, a).alive;
}
static int good(int i, int a, int b) {
  return row_known(i, a) && row_known(i, b) && HAS(row(i, a), b) && HAS(row(i, b), a);
}
static int broken(int i, int a, int b) {
  return (row_known(i, a) && !HAS(row(i, a), b)) || (row_known(i, b) && !HAS(row(i, b), a));
}
/* How long the edge {a, b} has been broken: two bits a pair, named by the third host. */
static unsigned broken_age(int i, int a, int b) {
  return (HOST(i).broken >> (2 * (3 - a - b))) & 3;
}
static void set_broken_age(int i, int third, unsigned age) {
  HOST(i).broken = (HOST(i).broken & ~(3u << (2 * third))) | (age << (2 * third));
}
static void note_edges(int i, int ticks) {
  for (int third = 0; third < HOSTS; ++third) {
    const int a = (third + 1) % 3, b = (third + 2) % 3;
    const int age = broken(i, a, b) ? least(broken_age(i, a, b) + ticks, DEBOUNCE) : 0;
    set_broken_age(i, third, age);
  }
}

/* ---- view.cc and the questions agreement.cc puts to it */

static View senior(int i) {
  View views[HOSTS], best = {0, 0};
  int count = 0, replaced = 0;
  OTHERS(i, j) {
    const int asleep = HOST(i).lapsed && PEER(i, j).heard > HOST(i).doubted;
    if (!HAS(heard(i), j) || asleep || !participant(PEER(i, j).phase)) continue;
    if (!HAS(PEER(i, j).cview, j)) continue;
    views[count++] = (View){PEER(i, j).cview, PEER(i, j).cgen};
    replaced |= !HAS(PEER(i, j).cview, i);
  }
  if (!young(i) && !(HOST(i).lapsed && replaced))
    views[count++] = (View){HOST(i).cview, HOST(i).cgen};
  for (int v = 0; v < count; ++v) {
    const View view = views[v];
    int stale = 0;
    for (int o = 0; o < count; ++o)
      stale |= (views[o].members & view.members) && views[o].generation > view.generation;
    if (stale) continue;
    const int larger = size_of(view.members) - size_of(best.members);
    const int lower = lowest(best.members) - lowest(view.members);
    const int newer = (int)view.generation - (int)best.generation;
    const int smaller = (int)best.members - (int)view.members;
    const int rank = larger ? larger : lower ? lower : newer ? newer : smaller;
    if (best.members == 0 || rank > 0) best = view;
  }
  return best;
}

static int empty_handed(int i) {
  return HOST(i).own == 0 && !under_way(i);
}

static int is_invited(int i) {
  OTHERS(i, j) {
    if (HAS(HOST(i).edges, j) && agreeing(PEER(i, j).phase) && HAS(PEER(i, j).view, i)) return 1;
  }
  return 0;
}

/* HostFacts of host j: bit sets over hosts, filled by view_facts(). */
typedef struct {
  unsigned voice, member, admissible, hears[HOSTS];
} Facts;

static Facts view_facts(int i, View base) {
  Facts facts = {0};
  facts.voice = BIT(i) | heard(i);
  facts.hears[i] = BIT(i) | heard(i);
  if (HAS(base.members, i) && (!young(i) || HOST(i).phase == PREPARED)) facts.member |= BIT(i);
  const int listened = agreeing(HOST(i).phase) || HOST(i).listen == 0 || is_invited(i);
  if (young(i) && listened && empty_handed(i)) facts.admissible |= BIT(i);
  OTHERS(i, j) {
    if (!HAS(HOST(i).bound, j)) continue;
    facts.hears[j] = PEER(i, j).hears;
    int same = 1;
    if (base.members == HOST(i).view && base.generation == HOST(i).gen)
      same = PEER(i, j).nonce == HAS(HOST(i).nonces, j);
    else if (base.members == HOST(i).cview && base.generation == HOST(i).cgen)
      same = PEER(i, j).nonce == HAS(HOST(i).cnonces, j);
    const int here = HAS(heard(i), j);
    if (same && !(here && !participant(PEER(i, j).phase))) facts.member |= BIT(j);
    const int joins = agreeing(PEER(i, j).phase) && PEER(i, j).cview == 0;
    const int waits = PEER(i, j).phase == LISTEN || PEER(i, j).phase == EVICTED;
    const int wants = joins || (base.members == 0 && waits);
    if (here && HAS(HOST(i).edges, j) && PEER(i, j).claims == 0 && wants)
      facts.admissible |= BIT(j);
  }
  return facts;
}

static unsigned silent_to_all(const Facts* facts, unsigned members) {
  unsigned silent = 0;
  for (int accused = 0; accused < HOSTS; ++accused) {
    int witnesses = 0, agreed = 1;
    for (int w = 0; w < HOSTS; ++w) {
      if (w == accused || !HAS(members & facts->voice, w)) continue;
      ++witnesses;
      if (HAS(facts->hears[w], accused)) agreed = 0;
    }
    if (HAS(members, accused) && witnesses && agreed) silent |= BIT(accused);
  }
  return silent;
}

static unsigned cut_to_clique(int i, unsigned members) {
  for (int limit = size_of(members); limit > 0; --limit) {
    int worst = -1, highest = 0;
    for (int a = 0; a < HOSTS; ++a) {
      int count = 0;
      for (int b = 0; b < HOSTS; ++b)
        if (a != b && HAS(members, a) && HAS(members, b))
          count += broken(i, a, b) && broken_age(i, a, b) >= DEBOUNCE;
      if (count > 0 && count >= highest) worst = a, highest = count;
    }
    if (worst < 0) break;
    members &= ~BIT(worst);
  }
  return members;
}

static unsigned choose_view(int i) {
  const View base = senior(i);
  const Facts facts = view_facts(i, base);
  unsigned members = base.members & facts.member;
  members &= ~silent_to_all(&facts, members);
  members = cut_to_clique(i, members);
  if (members == 0 && HAS(facts.admissible, i)) members = BIT(i);
  for (int a = 0; a < HOSTS; ++a) {
    int fits = HAS(facts.admissible, a) && !HAS(members, a);
    for (int b = 0; b < HOSTS; ++b)
      if (b != a && HAS(members, b)) fits = fits && good(i, a, b);
    if (fits) members |= BIT(a);
  }
  return members;
}
