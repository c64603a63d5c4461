package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheStore;
import dev.holdfast.cache.Covered;
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
    static final KeyOperation<No, No, byte @Nullable []> GET = reading(null, (store, key, no, none) -> store.get(key));

    // NullAway does not see that the type says so.
    @SuppressWarnings("NullAway")
    static final KeyOperation<No, No, byte @Nullable []> GET_SHARED =
            reading(null, (store, key, no, none) -> store.getShared(key));

    /** Its first argument knows who tells of changes where. */
    static final KeyOperation<TrackedTiers, No, Covered> COVERED = new KeyOperation<>(
            Kind.READ,
            new Covered(null, null),
            (store, key, tracked, no) -> tracked.at(store, key),
            (key, tracked, no) -> Request.read(key));

    static final KeyOperation<No, No, Boolean> CONTAINS = reading(false, (store, key, no, none) -> store.contains(key));

    // NullAway does not see that the type says so.
    @SuppressWarnings("NullAway")
    static final KeyOperation<No, No, @Nullable Duration> TTL = reading(null, (store, key, no, none) -> store.ttl(key));

    static final KeyOperation<byte[], Duration, Boolean> PUT = storing(Kind.WRITE, (store, key, value, ttl) -> {
        store.put(key, value, ttl);
        return true;
    });

    static final KeyOperation<byte[], Duration, Boolean> FILL = storing(Kind.FILL, (store, key, value, ttl) -> {
        store.fill(key, value, ttl);
        return true;
    });

    /** Its first argument is what was seen, or {@code null}, and what is to be there then. A false condition is an answer. */
    static final KeyOperation<byte @Nullable [][], Duration, Boolean> FILL_SEEN = new KeyOperation<>(
            Kind.FILL,
            false,
            (store, key, values, ttl) -> store.fill(key, values[0], Objects.requireNonNull(values[1]), ttl),
            (key, values, ttl) -> Request.write(Kind.FILL, key, ttl));

    static final KeyOperation<byte[], Duration, Boolean> PUT_IF_ABSENT =
            storing(Kind.CONDITIONAL, (store, key, value, ttl) -> store.putIfAbsent(key, value, ttl));

    /** Its first argument is what is expected, and what is to be there then. */
    static final KeyOperation<byte[][], Duration, Boolean> REPLACE = new KeyOperation<>(
            Kind.CONDITIONAL,
            false,
            (store, key, values, ttl) -> store.replace(key, values[0], values[1], ttl),
            (key, values, ttl) -> Request.write(Kind.CONDITIONAL, key, ttl));

    static final KeyOperation<No, No, Boolean> REMOVE = new KeyOperation<>(
            Kind.WRITE, false, (store, key, no, none) -> store.remove(key), (key, no, none) -> Request.remove(key));

    /** What it leaves is no value: a tier holds nothing more for it. */
    static final KeyOperation<byte[], Duration, Boolean> REMOVE_LEAVING = new KeyOperation<>(
            Kind.WRITE,
            false,
            (store, key, tombstone, ttl) -> store.removeLeaving(key, tombstone, ttl),
            (key, tombstone, ttl) -> Request.remove(key));

    static final KeyOperation<byte[], No, Boolean> REMOVE_EXPECTED = new KeyOperation<>(
            Kind.CONDITIONAL,
            false,
            (store, key, expected, no) -> store.remove(key, expected),
            (key, expected, no) -> Request.conditional(key));

    static final KeyOperation<No, Duration, Boolean> EXPIRE = new KeyOperation<>(
            Kind.WRITE,
            false,
            (store, key, no, ttl) -> store.expire(key, ttl),
            (key, no, ttl) -> Request.write(Kind.WRITE, key, ttl));

    static final KeyOperation<Long, Duration, Long> INCREMENT = new KeyOperation<>(
            Kind.COUNT,
            0L,
            (store, key, delta, ttl) -> store.increment(key, delta, ttl),
            (key, delta, ttl) -> Request.count(key, delta, ttl));

    private static <R extends @Nullable Object> KeyOperation<No, No, R> reading(R none, Action<No, No, R> action) {
        return new KeyOperation<>(Kind.READ, none, action, (key, no, nothing) -> Request.read(key));
    }

    private static KeyOperation<byte[], Duration, Boolean> storing(
            Kind kind, Action<byte[], Duration, Boolean> action) {
        return new KeyOperation<>(kind, false, action, (key, value, ttl) -> Request.write(kind, key, ttl));
    }
}
