package dev.holdfast.cache.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the interface itself does, for implementations. */
class CacheStoreTest {

    @Test
    void aFractionOfAMillisecondIsRoundedUp() {
        assertEquals(1, CacheStore.ttlMillis(Duration.ofNanos(1)));
        assertEquals(1, CacheStore.ttlMillis(Duration.ofNanos(999_999)));
        assertEquals(1, CacheStore.ttlMillis(Duration.ofMillis(1)));
        assertEquals(2, CacheStore.ttlMillis(Duration.ofNanos(1_000_001)));
        assertEquals(1_000, CacheStore.ttlMillis(Duration.ofNanos(999_999_999)));
        assertEquals(3_600_000, CacheStore.ttlMillis(Duration.ofHours(1)));
    }

    @Test
    void theLongestTimeToLiveAndForeverAreTaken() {
        assertEquals(3_153_600_000_000L, CacheStore.ttlMillis(CacheStore.MAX_TTL));
        assertEquals(Long.MAX_VALUE, CacheStore.ttlMillis(CacheStore.FOREVER));
        assertEquals(Long.MAX_VALUE, CacheStore.ttlMillis(Duration.ofMillis(Long.MAX_VALUE)));
    }

    @Test
    void otherTimesToLiveAreRefused() {
        for (Duration ttl : new Duration[] {
            Duration.ZERO,
            Duration.ofNanos(-1),
            Duration.ofSeconds(Long.MIN_VALUE),
            CacheStore.MAX_TTL.plusNanos(1),
            CacheStore.FOREVER.plusNanos(1),
            Duration.ofSeconds(Long.MAX_VALUE)
        }) {
            assertThrows(IllegalArgumentException.class, () -> CacheStore.ttlMillis(ttl), ttl::toString);
        }
        assertThrows(NullPointerException.class, () -> CacheStore.ttlMillis(null));
    }

    @ParameterizedTest
    @ValueSource(strings = {"a", "A-Z-09", "00000000-0000-0000-0000-000000000000"})
    void aOnceIdIsReturned(String id) {
        assertSame(id, CacheStore.onceId(id));
        assertEquals(64, CacheStore.onceId("x".repeat(64)).length());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a b", "a_b", "a:b", "{a}", "\u00e9", "\u0661", "a\n"})
    void anotherOnceIdIsRefused(String id) {
        assertThrows(IllegalArgumentException.class, () -> CacheStore.onceId(id));
        assertThrows(IllegalArgumentException.class, () -> CacheStore.onceId("x".repeat(65)));
        assertThrows(NullPointerException.class, () -> CacheStore.onceId(null));
    }
}
