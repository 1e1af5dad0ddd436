// SPDX-License-Identifier: BSD-3-Clause
// XDP programs for test/bench/filters. `hash` is about the least that tells by a hash whether a
// frame is this host's: read the headers, hash source address and ports (the jhash of the kernel),
// look the bucket up in an array. It knows no IPv6, options, fragments or flows. Every bucket is
// another host's, so it drops what it hashes.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { kBuckets = 4096, kVirtualIp = 0x0a4d0032 };

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, kBuckets);
  __type(key, __u32);
  __type(value, __u8);
} is_ours SEC(".maps");

static __always_inline __u32 rotate(__u32 word, int bits) {
  return word << bits | word >> (32 - bits);
}

static __always_inline __u32 jhash_2words(__u32 a, __u32 b) {
  const __u32 start = 0xdeadbeef + (2 << 2);
  __u32 c = start;
  a += start;
  b += start;
  c = (c ^ b) - rotate(b, 14);
  a = (a ^ c) - rotate(c, 11);
  b = (b ^ a) - rotate(a, 25);
  c = (c ^ b) - rotate(b, 16);
  a = (a ^ c) - rotate(c, 4);
  b = (b ^ a) - rotate(a, 14);
  return (c ^ b) - rotate(b, 24);
}

SEC("xdp")
int hash(struct xdp_md* context) {
  void* start = (void*)(long)context->data;
  void* end = (void*)(long)context->data_end;
  struct ethhdr* ethernet = start;
  struct iphdr* ip = (void*)(ethernet + 1);
  struct tcphdr* tcp = (void*)(ip + 1);
  if ((void*)(tcp + 1) > end) return XDP_PASS;
  if (ethernet->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5) return XDP_PASS;
  if (ip->protocol != IPPROTO_TCP || ip->daddr != bpf_htonl(kVirtualIp)) return XDP_PASS;
  __u32 bucket = jhash_2words(ip->saddr, *(__u32*)tcp) % kBuckets;
  __u8* ours = bpf_map_lookup_elem(&is_ours, &bucket);
  return ours && *ours ? XDP_PASS : XDP_DROP;
}

// Nothing but the way there: the kernel's network stack does the rest.
SEC("xdp")
int pass(struct xdp_md* context) {
  return XDP_PASS;
}

SEC("xdp")
int drop(struct xdp_md* context) {
  return XDP_DROP;
}

char licence[] SEC("license") = "Dual BSD/GPL";
