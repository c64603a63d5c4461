package dev.holdfast.cache.memory;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * How many entries were evicted, by the beginning of their keys up to the first colon and with it, where the names of caches end. Keys of no
 * typed cache may begin in any number of ways: only so many are told apart. For any number of threads.
 */
final class Evictions {
    private static final int MOST_PREFIXES = 1_000;

    private final Map<String, LongAdder> byPrefix = new ConcurrentHashMap<>();

    void add(String key) {
        String prefix = key.substring(0, key.indexOf(':') + 1);
        LongAdder count = byPrefix.get(prefix);
        if (count == null && byPrefix.size() < MOST_PREFIXES) {
            count = byPrefix.computeIfAbsent(prefix, unused -> new LongAdder());
        }
        if (count != null) {
            count.increment();
        }
    }

    long of(String prefix) {
        LongAdder count = byPrefix.get(prefix);
        return count == null ? 0 : count.sum();
    }
}
