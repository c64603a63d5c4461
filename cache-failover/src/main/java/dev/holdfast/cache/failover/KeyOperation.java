package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Covered;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An operation on one key: what it does at a store, and what is known of it beforehand. Its arguments are handed over with each call, so
 * that a read on the healthy path allocates nothing.
 *
 * @param <A> its first argument after the key
 * @param <B> its second
 * @param <R> its result
 * @param kind what it does to the key
 * @param none the result of a call that was not made; also what a fast path returns that failed
 * @param action what it does at a store
 * @param request what a call asks for; checks the arguments, before a store sees them
 */
record KeyOperation<A, B, R extends @Nullable Object>(Kind kind, R none, Action<A, B, R> action, Asking<A, B> request) {

    /** Does it. */
    @FunctionalInterface
    interface Action<A, B, R extends @Nullable Object> {
        R on(CacheStore store, String key, A first, B second);
    }

    /** Says what a call asks for. */
    @FunctionalInterface
    interface Asking<A, B> {
        Request of(String key, A first, B second);
    }

    /** An argument that is none. */
    enum No {
        ARGUMENT
    }

    // NullAway does not see that the type says so.
    @SuppressWarnings("NullAway")
    static final KeyOperation<No, No, byte @Nullable []> GET =
            plain(Kind.READ, null, (store, key, no, none) -> store.get(key));

    // NullAway does not see that the type says so.
    @SuppressWarnings("NullAway")
    static final KeyOperation<No, No, byte @Nullable []> GET_SHARED =
            plain(Kind.READ, null, (store, key, no, none) -> store.getShared(key));

    /** Its first argument knows who tells of changes where. */
    static final KeyOperation<TrackedTiers, No, Covered> COVERED =
            plain(Kind.READ, new Covered(null, null), (store, key, tracked, no) -> tracked.at(store, key));

    static final KeyOperation<No, No, Boolean> CONTAINS =
            plain(Kind.READ, false, (store, key, no, none) -> store.contains(key));

    // NullAway does not see that the type says so.
    @SuppressWarnings("NullAway")
    static final KeyOperation<No, No, @Nullable Duration> TTL =
            plain(Kind.READ, null, (store, key, no, none) -> store.ttl(key));

    static final KeyOperation<byte[], Duration, Boolean> PUT = storing(Kind.WRITE, (store, key, value, ttl) -> {
        store.put(key, value, ttl);
        return true;
    });

    static final KeyOperation<byte[], Duration, Boolean> FILL = storing(Kind.FILL, (store, key, value, ttl) -> {
        store.fill(key, value, ttl);
        return true;
    });

    /** Its first argument is what was seen, or {@code null}, and what is to be there then. A false condition is an answer. */
    static final KeyOperation<byte @Nullable [][], Duration, Boolean> FILL_SEEN = storing(
            Kind.FILL, (store, key, values, ttl) -> store.fill(key, values[0], Objects.requireNonNull(values[1]), ttl));

    static final KeyOperation<byte[], Duration, Boolean> PUT_IF_ABSENT =
            storing(Kind.CONDITIONAL, (store, key, value, ttl) -> store.putIfAbsent(key, value, ttl));

    /** Its first argument is what is expected, and what is to be there then. */
    static final KeyOperation<byte[][], Duration, Boolean> REPLACE =
            storing(Kind.CONDITIONAL, (store, key, values, ttl) -> store.replace(key, values[0], values[1], ttl));

    static final KeyOperation<No, No, Boolean> REMOVE =
            plain(Kind.WRITE, false, (store, key, no, none) -> store.remove(key));

    /** What it leaves is no value: a tier holds nothing more for it. */
    static final KeyOperation<byte[], Duration, Boolean> REMOVE_LEAVING =
            plain(Kind.WRITE, false, (store, key, tombstone, ttl) -> store.removeLeaving(key, tombstone, ttl));

    static final KeyOperation<byte[], No, Boolean> REMOVE_EXPECTED =
            plain(Kind.CONDITIONAL, false, (store, key, expected, no) -> store.remove(key, expected));

    static final KeyOperation<No, Duration, Boolean> EXPIRE =
            storing(Kind.WRITE, (store, key, no, ttl) -> store.expire(key, ttl));

    static final KeyOperation<Long, Duration, Long> INCREMENT = new KeyOperation<>(
            Kind.COUNT,
            0L,
            (store, key, delta, ttl) -> store.increment(key, delta, ttl),
            (key, delta, ttl) -> Request.count(key, delta, ttl));

    private static <A, B, R extends @Nullable Object> KeyOperation<A, B, R> plain(
            Kind kind, R none, Action<A, B, R> action) {
        return new KeyOperation<>(kind, none, action, (key, first, second) -> Request.of(kind, key));
    }

    private static <A> KeyOperation<A, Duration, Boolean> storing(Kind kind, Action<A, Duration, Boolean> action) {
        return new KeyOperation<>(kind, false, action, (key, first, ttl) -> Request.write(kind, key, ttl));
    }
}
