package dev.holdfast.cache.spi;

/**
 * What a store in this process has of the keys with a prefix.
 *
 * @param entries how many entries there are, about
 * @param evictions how many were evicted since the store was created: for want of room or since they had expired, not removed by callers
 */
public record EntryUse(long entries, long evictions) {}
