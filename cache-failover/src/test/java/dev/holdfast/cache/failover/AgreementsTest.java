package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.Agreement;
import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.ForwardingStore;
import dev.holdfast.cache.spi.Roll;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class AgreementsTest {
    private static final Duration WITHIN = Duration.ofSeconds(5);
    private static final long SERVER = 1_700_000_000_000L;

    private long millis = SERVER;
    private long nanos = 5;
    private final Agreements agreements = new Agreements(() -> Instant.ofEpochMilli(millis), () -> nanos, true);
    private final Agreement limited = agreements.open("l:", WITHIN, prefix -> true);
    private final Agreement unlimited = agreements.open("u:", Duration.ZERO, prefix -> true);

    private void pass(long passed) {
        millis += passed;
        nanos += TimeUnit.MILLISECONDS.toNanos(passed);
    }

    @Test
    void whatIsMadeBeforeTheServerHasSaidWhatTimeItIsIsBelowTheNextFloorAndBelievedHere() {
        millis += 2_400; // ahead of the server's
        agreements.awaits(true);
        long mark = limited.mark();

        assertTrue(limited.timeOf(mark) < SERVER + 1, "the next floor, if another clears now");
        assertTrue(limited.timeOf(mark) > limited.staleBefore(limited.now(), Long.MAX_VALUE), "who puts reads it");
        assertEquals(millis, unlimited.timeOf(unlimited.mark()), "nobody is told of a floor of that in time");

        agreements.serverSaid(SERVER, 0);
        assertEquals(SERVER, limited.timeOf(mark), "it is known by now");
        agreements.raise(Map.of("l:", SERVER + 1));
        assertTrue(limited.timeOf(mark) < limited.floor());
    }

    @Test
    void whereNoServerSaysTheTimeThisMachineDoes() {
        agreements.awaits(true);
        agreements.awaits(false);

        assertEquals(millis, limited.timeOf(limited.mark()));
    }

    @Test
    void aClockThatIsSetBackBeforeTheServerHasSaidTheTimeMakesNothingYounger() {
        long made = limited.timeOf(limited.mark());
        pass(4_000);
        assertFalse(agreements.tick());
        millis -= 3_000;
        agreements.tick();
        pass(2_000);

        assertTrue(made < limited.staleBefore(limited.now(), Long.MAX_VALUE), "it is six seconds old");
    }

    @Test
    void whatIsTrustedIsTrustedByTheMonotonicClockToo() {
        long second = TimeUnit.SECONDS.toNanos(1);
        assertFalse(limited.isTrustedUntil(nanos));
        assertTrue(unlimited.isTrustedUntil(nanos + 100 * second));

        agreements.trust(second / 2, 2 * second);
        millis -= 60_000; // whatever is set

        assertTrue(limited.isTrustedUntil(nanos + second));
        assertTrue(limited.isTrustedUntil(nanos + second * 3 / 2));
        assertFalse(limited.isTrustedUntil(nanos + second * 3 / 2 + 1));
        agreements.distrust();
        assertFalse(limited.isTrustedUntil(nanos));
    }

    /** A server that knows its clients, who are all well. */
    private static final class Server extends ForwardingStore {
        Server(CacheStore store) {
            super(store);
        }

        @Override
        public Roll beat(Beat beat, Duration timeout) {
            return new Roll(System.currentTimeMillis(), 0, -1, 1, Map.of());
        }

        @Override
        public CacheStore within(Duration limit) {
            return new Server(store().within(limit));
        }
    }

    @Test
    void whatACompositeTrustsItTrustsByTheClockOfWhoAsks() {
        try (FailoverStore store = FailoverStore.builder()
                .tier("first", new Server(MemoryStore.create(1 << 20)))
                .build()) {
            Agreement agreement = store.agreement("l:", WITHIN);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (agreement.trustedUntil() == Long.MIN_VALUE) {
                assertTrue(System.nanoTime() - end < 0, "nobody is missing");
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
            }
            assertTrue(agreement.isTrustedUntil(System.nanoTime()));
            assertFalse(agreement.isTrustedUntil(System.nanoTime() + TimeUnit.SECONDS.toNanos(3)));
        }
    }

    @Test
    void whatWasMadeBeforeTheMachineStoodStillIsOfAnyAge() {
        agreements.serverSaid(SERVER, 0);
        long made = limited.timeOf(limited.mark());
        pass(200);
        agreements.tick();
        millis += 3_600_000; // the monotonic clock stood still with it
        pass(200);
        agreements.tick();

        assertTrue(made < limited.staleBefore(limited.now(), Long.MAX_VALUE), "by an hour, unless the clock was set");
        pass(200);
        long again = limited.timeOf(limited.mark());
        assertFalse(again < limited.staleBefore(limited.now(), Long.MAX_VALUE));

        agreements.serverSaid(SERVER + 3_600_600, 0);
        assertTrue(made < limited.staleBefore(limited.now(), Long.MAX_VALUE));
        long told = limited.timeOf(limited.mark());
        assertFalse(told < limited.staleBefore(limited.now(), Long.MAX_VALUE));
    }

    @Test
    void aClockThatIsAheadAndIsSetMakesNothingOldForLong() {
        millis += 3_600_000;
        agreements.tick();
        millis += 1_000;
        agreements.tick();
        agreements.serverSaid(SERVER, 0);
        pass(10);

        long made = limited.timeOf(limited.mark());
        assertFalse(made < limited.staleBefore(limited.now(), Long.MAX_VALUE));
    }

    /** It was the server's time at the beginning of a slow answer, or at its end. */
    @Test
    void aTimeThatWasToldSlowlyIsNeitherAheadOfAFloorNorAFloorBehindIt() {
        millis += 2_000;
        agreements.awaits(true);
        agreements.serverSaid(SERVER, TimeUnit.MILLISECONDS.toNanos(800));

        long made = limited.timeOf(limited.mark());
        assertTrue(made <= SERVER, () -> (made - SERVER) + " ms ahead");
        long floor = agreements.clear("l:", Long.MIN_VALUE);
        assertTrue(floor > SERVER + 800, () -> (floor - SERVER) + " ms ahead");
        assertFalse(agreements.isAbove(floor));

        agreements.serverSaid(SERVER + 1, TimeUnit.MILLISECONDS.toNanos(2));
        long exact = limited.timeOf(limited.mark());
        assertTrue(exact >= SERVER && exact <= SERVER + 5, () -> (exact - SERVER) + " ms ahead");
    }
}
