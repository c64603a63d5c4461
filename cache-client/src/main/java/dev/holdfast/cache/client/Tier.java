package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.failover.TierPolicy;

/** A server's store and its place. */
record Tier(String name, CacheStore store, TierPolicy rules) {}
