package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisSentinels;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The master of three real sentinels is killed, or freezes, under eight callers. */
@Execution(ExecutionMode.CONCURRENT)
class SentinelOutageTest {
    private static final Logger LOG = LoggerFactory.getLogger(SentinelOutageTest.class);
    private static final int CALLERS = 8;

    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong longest = new AtomicLong();
    private final AtomicBoolean ended = new AtomicBoolean();

    /** How the master ends as such. */
    private enum End {
        KILLED,
        FROZEN,
        REPLACED
    }

    /** What became of it, in milliseconds since the master went. */
    private record Outcome(long switched, long served) {}

    private Outcome outage(End end, boolean oneSentinelFrozen, String tiers) throws InterruptedException {
        try (RedisSentinels sentinels = RedisSentinels.start("shop");
                CacheClient client =
                        CacheClient.from(Settings.of(Map.of("REDIS_URL", sentinels.url(), "CACHE_TIERS", tiers)))) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).build();
            List<Thread> callers = new ArrayList<>();
            for (int i = 0; i < CALLERS; i++) {
                String key = "k" + i;
                Thread caller = new Thread(() -> call(cache, key));
                callers.add(caller);
                caller.start();
            }
            try {
                LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
                RedisServer first = sentinels.master();
                if (oneSentinelFrozen) {
                    sentinels.freezeSentinel(0);
                }
                long start = System.nanoTime();
                switch (end) {
                    case FROZEN -> first.freeze();
                    case KILLED -> first.kill();
                    case REPLACED -> sentinels.failOver();
                }
                sentinels.awaitSwitch(first);
                long switched = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
                RedisServer second = sentinels.master();
                EngineFixture.until("the new master serves", () -> hasAny(second));
                long served = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
                LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
                return new Outcome(switched, served);
            } finally {
                ended.set(true);
                for (Thread caller : callers) {
                    caller.join();
                }
                LOG.info(
                        "{} {}: {} calls, {} failed, the longest took {} ms",
                        end,
                        tiers,
                        calls,
                        failures.size(),
                        longest);
            }
        }
    }

    private void call(Cache<String, String> cache, String key) {
        for (int n = 0; !ended.get(); n++) {
            long start = System.nanoTime();
            try {
                // A key of this round's, so that the new master has what was written to it and not to the former one.
                cache.put(key + '-' + n, "value");
                cache.get(key + '-' + n);
            } catch (RuntimeException | Error e) {
                failures.add(e);
            } finally {
                calls.addAndGet(2);
                longest.accumulateAndGet(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start), Math::max);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    /** Whether a client has written to a server since it is the master. */
    private static boolean hasAny(RedisServer server) {
        try {
            return String.valueOf(server.command("CLIENT", "LIST"))
                    .lines()
                    .anyMatch(line -> line.contains(" name=holdfast ") && line.contains(" cmd=set "));
        } catch (UncheckedIOException e) {
            // The sentinels close all connections to a server that they promote, the testkit's too.
            return false;
        }
    }

    private void assertAlone(End end, boolean oneSentinelFrozen) throws InterruptedException {
        Outcome outcome = outage(end, oneSentinelFrozen, "single");
        LOG.info("alone: {}", outcome);
        assertTrue(outcome.served() - outcome.switched() < 2_000, outcome::toString);
        assertTrue(longest.get() < Duration.ofSeconds(15).toMillis(), () -> longest + " ms for one call");
    }

    private void assertBeforeMemory(End end) throws InterruptedException {
        Outcome outcome = outage(end, false, "single,memory");
        LOG.info("before memory: {}", outcome);
        assertEquals(List.of(), List.copyOf(failures), () -> calls + " calls");
        assertTrue(longest.get() < Duration.ofSeconds(5).toMillis(), () -> longest + " ms for one call");
    }

    @Test
    void aKilledMasterAloneIsReplacedByTheNewOne() throws InterruptedException {
        assertAlone(End.KILLED, false);
    }

    @Test
    void aFrozenMasterAloneIsReplacedByTheNewOne() throws InterruptedException {
        assertAlone(End.FROZEN, false);
    }

    @Test
    void aFrozenMasterAloneIsReplacedThoughOneOfTheSentinelsIsFrozenToo() throws InterruptedException {
        assertAlone(End.FROZEN, true);
    }

    @Test
    void aKilledMasterBeforeMemoryCostsNoCallAnError() throws InterruptedException {
        assertBeforeMemory(End.KILLED);
    }

    @Test
    void aFrozenMasterBeforeMemoryCostsNoCallAnError() throws InterruptedException {
        assertBeforeMemory(End.FROZEN);
    }

    @Test
    void aMasterThatIsReplacedAloneIsLeft() throws InterruptedException {
        assertAlone(End.REPLACED, false);
    }

    @Test
    void aMasterThatIsReplacedBeforeMemoryCostsNoCallAnError() throws InterruptedException {
        assertBeforeMemory(End.REPLACED);
    }
}
