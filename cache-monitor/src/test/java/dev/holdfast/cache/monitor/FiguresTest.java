package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheStats;
import java.time.Duration;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class FiguresTest {
    private final FakeClient client = new FakeClient();

    private Window window(long seconds) {
        return client.figures.look().window(TimeUnit.SECONDS.toNanos(seconds));
    }

    @Test
    void aMinuteHoldsWhatHappenedInItAndTheNextDoesNot() {
        client.pass(Duration.ofMinutes(10), () -> {});
        client.reads(1_000, 72.4);
        client.operations(1_500, 12.5, 15);
        assertEquals(72.4, window(60).hitRate());
        assertEquals(1.0, window(60).errorRate());
        assertEquals(12.5, window(60).responseTime().meanMicros() / 1_000, 0.4);
        assertEquals(1_000, window(60).reads());
        client.pass(Duration.ofSeconds(70), () -> {});
        assertNull(window(60).hitRate(), "nothing was read");
        assertNull(window(60).errorRate());
        assertEquals(0, window(60).responseTime().count());
        assertEquals(72.4, window(600).hitRate());
        assertEquals(60_000, window(60).millis());
    }

    @Test
    void whoAsksWithinASecondSharesALook() {
        client.pass(Duration.ofMinutes(1), () -> {});
        int before = client.looks;
        Figures.Now first = client.figures.now();
        for (int i = 0; i < 100; i++) {
            assertSame(first, client.figures.now());
        }
        assertEquals(before, client.looks, "the last look that was kept is young enough");
        client.nanos += TimeUnit.SECONDS.toNanos(1);
        assertNotSame(first, client.figures.now());
        client.figures.now();
        assertEquals(before + 1, client.looks);
        assertNotSame(client.figures.now(), client.figures.look(), "who judges looks anew");
    }

    @Test
    void aResetMakesNothingNegative() {
        client.pass(Duration.ofMinutes(5), () -> client.reads(100, 50));
        client.operations(100, 900, 50);
        client.figures.remember();
        client.reset();
        client.reads(40, 25);
        client.operations(10, 1, 0);
        Window now = window(60);
        assertEquals(12 * 100 + 40, now.reads(), "the last full minute and what came since");
        assertTrue(now.ofCaches(Tally.OfCache.HITS) > 0 && now.ofTiers(Tally.OfTier.FAILED) == 50);
        client.pass(Duration.ofSeconds(65), () -> {});
        assertEquals(0, window(60).reads());
        assertEquals(0, window(60).ofTiers(Tally.OfTier.TOTAL));
    }

    /** Thousands of caches that nobody uses are kept once and not once for each sample. */
    @Test
    void whatDoesNotChangeIsKeptOnce() {
        client.reads(100, 50);
        Tally before = client.figures.remember().look().sample().caches().get("leads");
        client.pass(Duration.ofMinutes(5), () -> {});
        assertSame(before, client.figures.remember().look().sample().caches().get("leads"));
        client.reads(1, 0);
        assertNotSame(before, client.figures.look().look().sample().caches().get("leads"));
        assertEquals(1, window(60).reads());
    }

    /** A cache for each of an application's tenants, opened and closed: what they counted stays counted, and they are not kept. */
    @Test
    void whatWasClosedLongAgoIsOneSum() {
        TreeMap<String, CacheStats> open = new TreeMap<>();
        Ledger ledger = new Ledger(client::health, () -> open, () -> client.nanos, client::time);
        for (int tenant = 0; tenant < 1_000; tenant++) {
            open.clear();
            open.put(String.format("tenant-%04d", tenant), FakeClient.stats(2, 1));
            ledger.look();
            client.nanos += TimeUnit.MINUTES.toNanos(1);
        }
        Sample last = ledger.look().sample();
        assertTrue(last.caches().size() < 100 + 130, () -> last.caches().size() + " are kept");
        assertEquals(100, last.named().size());
        long hits = last.closed().count(Tally.OfCache.HITS)
                + last.caches().values().stream()
                        .mapToLong(each -> each.count(Tally.OfCache.HITS))
                        .sum();
        assertEquals(2_000, hits);
        assertTrue(last.caches().containsKey("tenant-0000"), "one of the hundred that have names of their own");
    }

    @Test
    void anHourIsKeptByTheMinute() {
        client.pass(Duration.ofMinutes(30), () -> client.reads(100, 20));
        client.pass(Duration.ofMinutes(60), () -> client.reads(100, 80));
        assertEquals(80, window(3_600).hitRate(), 0.5);
        assertEquals(3_600_000.0, (double) window(3_600).millis(), 65_000.0);
        Figures.Now now = client.figures.look();
        int ends = now.history().minutes(now.look().sample(), 60).size();
        assertTrue(ends >= 59 && ends <= 61, () -> ends + " ends of minutes");
    }
}
