package dev.holdfast.cache.client;

import dev.holdfast.cache.failover.TierPolicy;
import dev.holdfast.cache.spi.CacheStore;

/** A server's store and its place. */
record Tier(String name, CacheStore store, TierPolicy rules) {}
