package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.spi.Agreement;
import java.time.Clock;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** When entries say that they were made. */
class EntriesTest {
    private static final String KEY = "c:k";

    private long serverMillis = 1_700_000_000_000L;
    private long monotonic = 5;
    private long floor = Long.MIN_VALUE;

    private final Agreement agreement = new Agreement() {
        @Override
        public long now() {
            return serverMillis;
        }

        @Override
        public long mark() {
            return monotonic;
        }

        @Override
        public long timeOf(long mark) {
            return serverMillis - (monotonic - mark);
        }

        @Override
        public long floor() {
            return floor;
        }
    };
    private final Entries<String> entries = new Entries<>("c:", Codec.string(), Clock.systemUTC(), agreement, true);

    private byte[] made(Entries.Begin begin) {
        CachePolicy policy = CachePolicy.defaults();
        return entries.encode(KEY, "v", entries.lifetime(policy, policy.ttl()), begin, null, Map.of())
                .entry();
    }

    @Test
    void anEntryIsAsOldAsTheBeginningOfTheWorkThatMadeIt() {
        Entries.Begin begin = entries.begin();
        long begun = serverMillis;
        serverMillis += 300;
        monotonic += 300;
        assertEquals(begun, Envelope.created(made(begin)));
    }

    @Test
    void workDuringWhichTheMachineStoodStillBeganBefore() {
        Entries.Begin begin = entries.begin();
        long begun = serverMillis;
        serverMillis += 60_000;
        monotonic += 300; // which stood still with it
        floor = serverMillis - 30_000; // somebody cleared the cache meanwhile

        byte[] entry = made(begin);
        assertTrue(Envelope.created(entry) <= begun, () -> (Envelope.created(entry) - begun) + " ms later");
        assertEquals(Entries.State.EXPIRED, entries.state(KEY, entry, serverMillis));
    }

    @Test
    void workThatBeganByAClockThatWasAheadIsAsOldAsIsKnownByItsEnd() {
        Entries.Begin begin = entries.begin();
        serverMillis -= 60_000;
        monotonic += 300;
        assertEquals(serverMillis - 300, Envelope.created(made(begin)));
    }
}
