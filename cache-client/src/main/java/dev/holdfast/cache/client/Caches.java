package dev.holdfast.cache.client;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** The caches of one client by name: the same name with equal arguments is the same cache. */
final class Caches {
    private static final int MAX_NAME = 64;

    private final ReentrantLock lock = new ReentrantLock();
    private final Map<String, Opened> byName = new LinkedHashMap<>();
    private boolean closed;

    /** What a cache was asked for with, and what came of it. */
    private record Opened(Object keys, Object values, CachePolicy policy, CacheEngine<?, ?> cache) {
        boolean wasAskedFor(Object otherKeys, Object otherValues, CachePolicy otherPolicy) {
            return keys.equals(otherKeys) && values.equals(otherValues) && policy.equals(otherPolicy);
        }
    }

    /**
     * Returns a cache, opened if need be.
     *
     * @param name its name
     * @param keys what decides its keys: a class or a function
     * @param values what decides its values: a type or a codec
     * @param policy its policy
     * @param open opens it
     */
    @SuppressWarnings("unchecked") // equal arguments, so the same K and V
    <K, V> Cache<K, V> get(
            String name, Object keys, Object values, CachePolicy policy, Supplier<CacheEngine<K, V>> open) {
        if (!isName(name)) {
            throw new IllegalArgumentException(
                    "a cache's name has 1 to 64 characters out of A-Z a-z 0-9 . _ -, this is \"" + name + '"');
        }
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the cache client is closed");
            }
            Opened opened = byName.get(name);
            if (opened != null && !opened.cache.isClosed()) {
                if (!opened.wasAskedFor(keys, values, policy)) {
                    throw new IllegalStateException("the cache " + name + " is open with keys " + opened.keys
                            + ", values " + opened.values + " and " + opened.policy + "; now asked for with keys "
                            + keys
                            + ", values " + values + " and " + policy);
                }
                return (Cache<K, V>) opened.cache;
            }
            CacheEngine<K, V> cache = open.get();
            byName.put(name, new Opened(keys, values, policy, cache));
            return cache;
        } finally {
            lock.unlock();
        }
    }

    /** By hand: a regular expression may be the first of its process, and takes its share of the start. */
    private static boolean isName(String name) {
        boolean valid = !name.isEmpty() && name.length() <= MAX_NAME;
        for (int i = 0; valid && i < name.length(); i++) {
            char c = name.charAt(i);
            valid = (c >= 'a' && c <= 'z')
                    || (c >= 'A' && c <= 'Z')
                    || (c >= '0' && c <= '9')
                    || c == '.'
                    || c == '_'
                    || c == '-';
        }
        return valid;
    }

    /** What keys in the store begin with, counters included. */
    Collection<String> prefixes() {
        List<String> prefixes = new ArrayList<>();
        prefixes.add(CacheClient.COUNTERS);
        all().forEach(cache -> prefixes.add(cache.name() + ':'));
        return prefixes;
    }

    List<CacheEngine<?, ?>> all() {
        lock.lock();
        try {
            return List.copyOf(byName.values().stream()
                    .<CacheEngine<?, ?>>map(Opened::cache)
                    .filter(cache -> !cache.isClosed())
                    .toList());
        } finally {
            lock.unlock();
        }
    }

    void close() {
        List<CacheEngine<?, ?>> open = all();
        lock.lock();
        try {
            closed = true;
            byName.clear();
        } finally {
            lock.unlock();
        }
        open.forEach(Cache::close);
    }
}
