package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Agreement;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.TimeUnit;
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
    void whatIsMadeBeforeTheServerHasSaidWhatTimeItIsIsBelowEveryFloor() {
        millis += 60_000; // ahead of the server's
        agreements.awaits(true);
        long mark = limited.mark();

        assertEquals(0, limited.timeOf(mark));
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
}
