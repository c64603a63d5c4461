package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.ProbeResult;
import java.net.ConnectException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class TierProbesTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(20);
    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final AtomicLong now = new AtomicLong(TimeUnit.DAYS.toNanos(3));
    private final AtomicInteger sent = new AtomicInteger();
    private final TierProbes probes = new TierProbes(now::get);

    private TierProbe ask(String tier) {
        return probes.probe(tier, TIMEOUT, PAUSE, limit -> {
            sent.incrementAndGet();
            now.addAndGet(3_000_000);
            return ProbeResult.OK;
        });
    }

    @Test
    void oneTestInAPauseAnswersAllWhoAsk() {
        TierProbe first = ask("single");
        assertTrue(first.answered());
        assertEquals(Duration.ofMillis(3), first.latency());
        for (int i = 0; i < 1_000; i++) {
            assertSame(first, ask("single"));
        }
        assertEquals(1, sent.get());
        ask("upstash");
        assertEquals(2, sent.get(), "each tier has tests of its own");
        now.addAndGet(PAUSE.toNanos());
        ask("single");
        assertEquals(3, sent.get());
    }

    @Test
    void whoAsksWhileATestRunsWaitsForItOrIsToldOfARecentOne() throws Exception {
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        CompletableFuture<TierProbe> one =
                CompletableFuture.supplyAsync(() -> probes.probe("t", TIMEOUT, PAUSE, limit -> {
                    begun.countDown();
                    try {
                        assertTrue(answer.await(20, TimeUnit.SECONDS));
                    } catch (InterruptedException e) {
                        throw new AssertionError(e);
                    }
                    return ProbeResult.OK;
                }));
        assertTrue(begun.await(20, TimeUnit.SECONDS));
        CompletableFuture<TierProbe> two = CompletableFuture.supplyAsync(() -> ask("t"));
        answer.countDown();
        assertSame(one.get(20, TimeUnit.SECONDS), two.get(20, TimeUnit.SECONDS));
        assertEquals(0, sent.get());

        now.addAndGet(PAUSE.toNanos());
        TierProbe[] meanwhile = new TierProbe[1];
        TierProbe three = probes.probe("t", TIMEOUT, PAUSE, limit -> {
            meanwhile[0] = ask("t");
            return ProbeResult.OK;
        });
        assertSame(
                one.get(), meanwhile[0], "the one before is recent, and nobody waits for a server that may be frozen");
        assertSame(three, ask("t"));
    }

    @Test
    void whatFailsIsSaidInAFewWords() {
        TierProbe refused = probes.probe("a", TIMEOUT, PAUSE, limit -> {
            throw new CacheUnavailableException("no", new ConnectException("x"), Reason.CONNECTION, false);
        });
        assertFalse(refused.answered());
        assertNull(refused.latency());
        assertEquals("connection refused", refused.error());
        TierProbe rejected = probes.probe("b", TIMEOUT, PAUSE, limit -> {
            throw new CacheRejectedException("NOPERM");
        });
        assertTrue(rejected.answered());
        assertFalse(rejected.writable());
    }

    @Test
    void anErrorEndsTheTestForAllAndTheNextIsMade() {
        for (int i = 0; i < 2; i++) {
            try {
                probes.probe("t", TIMEOUT, Duration.ZERO, limit -> {
                    throw new IllegalStateException("closed");
                });
            } catch (IllegalStateException e) {
                assertEquals("closed", e.getMessage());
            }
        }
        now.addAndGet(1);
        assertTrue(probes.probe("t", TIMEOUT, Duration.ZERO, limit -> ProbeResult.OK)
                .answered());
    }
}
