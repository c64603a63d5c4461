package dev.holdfast.cache.client;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;

/**
 * When the work began that made an entry and when the entry ends, by the servers' clock in epoch milliseconds, as far as this process knows it; a
 * store is only ever told how much longer.
 */
record Lifetime(long created, long freshUntil, long staleUntil) {

    /** The lifetime of a value written now; {@code random} from 0 to less than 1. */
    static Lifetime of(Duration ttl, CachePolicy policy, long now, double random) {
        long millis = CacheStore.ttlMillis(ttl);
        if (millis == Long.MAX_VALUE) {
            return new Lifetime(now, Long.MAX_VALUE, Long.MAX_VALUE);
        }
        if (policy.ttlJitter() > 0) {
            millis = Math.max(1, millis - (long) (millis * policy.ttlJitter() * random));
        }
        long freshUntil = now + millis;
        long longest = now + CacheStore.MAX_TTL.toMillis();
        return new Lifetime(
                now,
                freshUntil,
                Math.min(longest, freshUntil + policy.staleIfError().toMillis()));
    }

    static Lifetime ofAbsence(Duration ttl, long now) {
        long end = now + CacheStore.ttlMillis(ttl);
        return new Lifetime(now, end, end);
    }

    /**
     * The same, made at another time. If that is after its end, which a floor a moment ahead may be of an entry that lives for a shorter one, it ends then:
     * made before, it would be absent from the beginning. The store ends it when it should.
     */
    Lifetime madeAt(long time) {
        return new Lifetime(time, Math.max(time, freshUntil), Math.max(time, staleUntil));
    }

    /** The time to live to give the store. */
    Duration inStore() {
        return remaining(staleUntil, created);
    }

    static Duration remaining(long until, long now) {
        return until == Long.MAX_VALUE
                ? CacheStore.FOREVER
                : Duration.ofMillis(Math.min(CacheStore.MAX_TTL.toMillis(), Math.max(1, until - now)));
    }
}
