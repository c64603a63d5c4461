package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.StoreHealth;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Plays an outage, from the first failure to the return, on a composite of its own whose tiers are in this process: once in a
 * process, in the background, before there is a real one. The first outage loads and links some hundred classes otherwise
 * (resilience4j's event with the time zones among them), for 50 to 100 ms, while all callers wait.
 */
final class Rehearsal {
    private static final Logger log = LoggerFactory.getLogger(Rehearsal.class);
    private static final AtomicBoolean begun = new AtomicBoolean();
    private static final Duration LIMIT = Duration.ofSeconds(2);
    private static final Duration TTL = Duration.ofMinutes(1);

    private Rehearsal() {}

    /** Plays it, unless that was done in this process. */
    static void once() {
        if (begun.compareAndSet(false, true)) {
            boolean toTheEnd = play();
            log.trace("an outage was rehearsed{}", toTheEnd ? "" : ", but not to its end");
        }
    }

    /**
     * Plays it. Takes some hundred milliseconds, most of them waiting.
     *
     * @return whether the lost tier came back
     */
    static boolean play() {
        FailoverConfig quick = FailoverConfig.DEFAULT.withFailoverTimeout(LIMIT).withGracePeriod(Duration.ofMillis(50));
        Stage first = new Stage();
        FailoverStore store = FailoverStore.builder()
                .name("holdfast-rehearsal")
                .config(quick)
                .tier("first", first)
                .tier("second", new Stage())
                .unlogged()
                .build();
        try {
            first.gone = true;
            for (int i = 0; i < 3; i++) {
                callAll(store);
            }
            first.gone = false;
            long end = System.nanoTime() + LIMIT.toNanos();
            while (!first.cleaned && System.nanoTime() - end < 0) {
                TimeUnit.MILLISECONDS.sleep(20);
            }
            callAll(store);
            return first.cleaned;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (CacheException | IllegalStateException e) {
            // Nobody depends on it.
            log.debug("the rehearsal of an outage was cut short", e);
        } finally {
            store.abandon();
        }
        return false;
    }

    private static void callAll(FailoverStore store) {
        byte[] value = {1};
        store.put("a", value, TTL);
        store.get("a");
        store.getShared("a");
        try {
            store.increment("n", 1, TTL);
        } catch (CacheUnavailableException e) {
            // Perhaps counted on a tier that is gone, and perhaps not: that is what its caller is told.
            log.trace("an increment of the rehearsal has an unknown outcome", e);
        }
        store.putAll(Map.of("a", value, "b", value), TTL);
        store.getAll(List.of("a", "b"));
        store.remove("a");
        store.removeAll(List.of("a", "b"));
        store.fill("a", value, TTL);
        store.contains("a");
        store.removeByPrefix("a");
    }

    /** A tier that is gone when it is told to. */
    private static final class Stage implements CacheStore {
        private final Map<String, byte[]> values = new HashMap<>();
        private volatile boolean gone;
        /** Whether it was reconciled. */
        private volatile boolean cleaned;

        private synchronized Map<String, byte[]> values() {
            if (gone) {
                throw new CacheUnavailableException("gone, for the rehearsal", null, Reason.CONNECTION, true);
            }
            return values;
        }

        @Override
        public byte @Nullable [] get(String key) {
            return values().get(key);
        }

        @Override
        public Map<String, byte[]> getAll(Collection<String> keys) {
            Map<String, byte[]> found = new HashMap<>(values());
            found.keySet().retainAll(keys);
            return found;
        }

        @Override
        public void put(String key, byte[] value, Duration ttl) {
            values().put(key, value);
        }

        @Override
        public void putAll(Map<String, byte[]> entries, Duration ttl) {
            values().putAll(entries);
        }

        @Override
        public boolean putIfAbsent(String key, byte[] value, Duration ttl) {
            return values().putIfAbsent(key, value) == null;
        }

        @Override
        public boolean replace(String key, byte[] expected, byte[] value, Duration ttl) {
            return values().replace(key, value) != null;
        }

        @Override
        public boolean remove(String key) {
            return values().remove(key) != null;
        }

        @Override
        public boolean remove(String key, byte[] expected) {
            return remove(key);
        }

        @Override
        public void removeAll(Collection<String> keys) {
            values().keySet().removeAll(keys);
            cleaned = true;
        }

        @Override
        public boolean contains(String key) {
            return values().containsKey(key);
        }

        @Override
        public @Nullable Duration ttl(String key) {
            return contains(key) ? TTL : null;
        }

        @Override
        public boolean expire(String key, Duration ttl) {
            return contains(key);
        }

        @Override
        public long increment(String key, long delta, Duration ttlIfCreated) {
            values().put(key, new byte[1]);
            return delta;
        }

        @Override
        public long removeByPrefix(String prefix) {
            values().clear();
            cleaned = true;
            return 0;
        }

        @Override
        public ProbeResult probe(Duration timeout) {
            values();
            return new ProbeResult(false, false);
        }

        @Override
        public void disconnect(Throwable cause) {
            // No connections.
        }

        @Override
        public Duration callBound() {
            return Duration.ZERO;
        }

        @Override
        public StoreHealth health() {
            return StoreHealth.of("rehearsal", false, Instant.EPOCH);
        }

        @Override
        public void close() {
            // Nothing to release.
        }
    }
}
