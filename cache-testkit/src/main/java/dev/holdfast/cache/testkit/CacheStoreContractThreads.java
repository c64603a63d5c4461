package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.spi.CacheStore;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Many threads: atomicity, interruption, disconnecting and closing under load. */
abstract class CacheStoreContractThreads extends CacheStoreContractLife {
    private static final int THREADS = 16;
    private static final int ROUNDS = 50;

    /**
     * In a loop without end, over a store whose calls never wait: virtual threads have no time slices, and one that only
     * yields is taken up again before any that was asleep.
     */
    private void letOthersRun() {
        if (inVirtualThreads()) {
            LockSupport.parkNanos(1);
        }
    }

    @Test
    void noIncrementOf16ThreadsIsLost() {
        Set<Long> results = ConcurrentHashMap.newKeySet();

        mode.atOnce(THREADS, thread -> {
            for (int i = 0; i < ROUNDS; i++) {
                assertTrue(results.add(store.increment("k", 1, LONG)), "two callers got the same value");
            }
        });

        assertHolds("k", bytes(String.valueOf(THREADS * ROUNDS)));
    }

    @Test
    void onlyOneOf16ThreadsPutsIfAbsent() {
        for (int round = 0; round < ROUNDS / 2; round++) {
            String key = "k" + round;
            List<Integer> winners = Collections.synchronizedList(new ArrayList<>());

            mode.atOnce(THREADS, thread -> {
                if (store.putIfAbsent(key, bytes("thread " + thread), LONG)) {
                    winners.add(thread);
                }
            });

            assertEquals(1, winners.size(), () -> winners + " won");
            assertHolds(key, bytes("thread " + winners.get(0)));
        }
    }

    @Test
    void noReplacementOf16ThreadsIsLost() {
        store.put("k", bytes("0"), LONG);

        mode.atOnce(THREADS, thread -> {
            for (int i = 0; i < 10; i++) {
                addOneByReplacing("k");
            }
        });

        assertHolds("k", bytes(String.valueOf(THREADS * 10)));
    }

    private void addOneByReplacing(String key) {
        while (true) {
            letOthersRun();
            byte[] seen = store.get(key);
            assertNotNull(seen);
            byte[] next = bytes(String.valueOf(Integer.parseInt(String.valueOf(text(seen))) + 1));
            if (store.replace(key, seen, next, LONG)) {
                return;
            }
        }
    }

    @Test
    void onlyOneOf16ThreadsRemoves() {
        for (int round = 0; round < ROUNDS / 2; round++) {
            store.put("k", VALUE, LONG);
            AtomicInteger removed = new AtomicInteger();
            boolean expected = round % 2 == 0;

            mode.atOnce(THREADS, thread -> {
                if (expected ? store.remove("k", VALUE) : store.remove("k")) {
                    removed.incrementAndGet();
                }
            });

            assertEquals(1, removed.get());
        }
    }

    @Test
    void oneIncrementThatIsRepeatedBy16ThreadsCountsOnce() {
        once("probe", 1, "id");
        for (int round = 0; round < 5; round++) {
            String id = "id-" + round;
            long expected = 3L * (round + 1);

            mode.atOnce(
                    THREADS,
                    thread -> assertEquals(
                            expected, store.incrementOnce("k", 3, LONG, id).orElseThrow()));

            assertHolds("k", bytes(String.valueOf(expected)));
        }
    }

    @Test
    void aReaderSeesWholeValuesOnly() {
        byte[][] values = {filled(10_000, 'a'), filled(20_000, 'b'), filled(1, 'c')};
        store.put("k", values[0], LONG);

        mode.atOnce(THREADS / 2, thread -> {
            for (int i = 0; i < ROUNDS; i++) {
                if (thread % 2 == 0) {
                    store.put("k", values[(thread + i) % values.length], LONG);
                } else {
                    byte[] seen = store.get("k");
                    assertNotNull(seen);
                    assertTrue(
                            seen.length == (seen[0] == 'a' ? 10_000 : seen[0] == 'b' ? 20_000 : 1)
                                    && seen[seen.length - 1] == seen[0],
                            "a torn value");
                }
            }
        });
    }

    private static byte[] filled(int length, char with) {
        return String.valueOf(with).repeat(length).getBytes(StandardCharsets.US_ASCII);
    }

    @Test
    void aThreadReadsItsOwnWrites() {
        assumeTrue(readsItsOwnWrites(), "the store is declared to read late what it writes");

        mode.atOnce(THREADS, thread -> {
            for (int i = 0; i < ROUNDS; i++) {
                String value = thread + "/" + i;
                store.put("k" + thread, bytes(value), LONG);
                assertEquals(value, text(store.get("k" + thread)));
                store.remove("k" + thread);
                assertFalse(store.contains("k" + thread));
            }
        });
    }

    @Test
    void callsWithSeveralKeysMayRunTogether() {
        Map<String, byte[]> entries = Map.of("a", VALUE, "b", VALUE, "c", VALUE, "d", VALUE);

        mode.atOnce(THREADS, thread -> {
            for (int i = 0; i < ROUNDS / 2; i++) {
                switch (thread % 3) {
                    case 0 -> store.putAll(entries, LONG);
                    case 1 -> store.removeAll(entries.keySet());
                    default -> store.getAll(entries.keySet()).values().forEach(v -> assertEquals("value", text(v)));
                }
            }
        });
    }

    @Test
    void probesMayRunTogetherAndWithCalls() {
        mode.atOnce(THREADS / 2, thread -> {
            for (int i = 0; i < 5; i++) {
                if (thread % 2 == 0) {
                    ProbeResult result = store.probe(PROBE_TIMEOUT);
                    assertTrue(result.writable() && !result.wentBack(), result::toString);
                } else {
                    // Whether a canary follows each of these is a matter of which is sooner.
                    store.put("k" + thread, VALUE, LONG);
                }
            }
        });
    }

    @Test
    void aThreadThatIsInterruptedBeforeACallIsToldAndStaysInterrupted() {
        boolean waits = waits();
        store.put("key", VALUE, LONG);

        assertAll(calls().entrySet().stream().map(call -> (Executable) () -> mode.atOnce(1, thread -> {
            Thread.currentThread().interrupt();
            try {
                call.getValue().accept(store);
                assertFalse(waits, () -> call.getKey() + " went on although the thread was interrupted");
            } catch (CacheInterruptedException e) {
                assertNotNull(e.getMessage());
            }
            assertTrue(Thread.interrupted(), () -> call.getKey() + " swallowed the interruption");
        })));
        store.put("key", OTHER, LONG);
        assertHolds("key", OTHER);
    }

    @Test
    void aThreadThatWasInterruptedBeforeACallChangesNothing() {
        store.put("key", VALUE, LONG);

        mode.atOnce(1, thread -> {
            Thread.currentThread().interrupt();
            allowedOrRefused(() -> store.put("key", OTHER, LONG));
            allowedOrRefused(() -> store.remove("key"));
            allowedOrRefused(() -> store.increment("counter", 1, LONG));
        });

        if (waits()) {
            assertHolds("key", VALUE);
            assertFalse(store.contains("counter"));
        }
    }

    private void allowedOrRefused(Runnable call) {
        if (waits()) {
            assertThrows(CacheInterruptedException.class, call::run);
        } else {
            call.run();
        }
    }

    @Test
    void interruptionsUnderLoadHarmNobodyElse() {
        List<Thread> victims = Collections.synchronizedList(new ArrayList<>());
        AtomicBoolean stop = new AtomicBoolean();
        AtomicLong acknowledged = new AtomicLong();
        AtomicLong interrupted = new AtomicLong();

        mode.atOnce(THREADS / 2 + 1, thread -> {
            if (thread == 0) {
                try {
                    interruptSometimes(victims);
                } finally {
                    stop.set(true);
                }
                return;
            }
            boolean victim = thread % 2 == 0;
            if (victim) {
                victims.add(Thread.currentThread());
            }
            while (!stop.get()) {
                letOthersRun();
                try {
                    store.increment("k", 1, LONG);
                    acknowledged.incrementAndGet();
                } catch (CacheInterruptedException e) {
                    assertTrue(victim, "the interruption of another thread came here");
                    assertTrue(Thread.currentThread().isInterrupted(), "the interrupt flag was not set again");
                    interrupted.incrementAndGet();
                }
                if (victim) {
                    Thread.interrupted();
                }
            }
        });

        long counter = store.increment("k", 0, LONG);
        assertTrue(
                acknowledged.get() <= counter && counter <= acknowledged.get() + interrupted.get(),
                () -> counter + " after " + acknowledged + " acknowledged and " + interrupted + " interrupted");
    }

    private static void interruptSometimes(List<Thread> victims) throws InterruptedException {
        eventually("the threads", () -> victims.size() == THREADS / 4);
        Random random = new Random(5);
        for (int i = 0; i < 100; i++) {
            victims.get(random.nextInt(victims.size())).interrupt();
            Thread.sleep(1);
        }
    }

    @Test
    void disconnectsUnderLoadFailCallsThatAreUnderWayAndNoOthers() {
        Exception cause = new Exception("disconnected by a test");
        AtomicBoolean stop = new AtomicBoolean();
        AtomicLong acknowledged = new AtomicLong();
        AtomicLong failed = new AtomicLong();
        List<Consumer<CacheStore>> others = List.copyOf(calls().values());

        mode.atOnce(THREADS / 2 + 1, thread -> {
            if (thread == 0) {
                try {
                    for (int i = 0; i < 30; i++) {
                        long before = acknowledged.get();
                        eventually("calls that succeed after a disconnect", () -> acknowledged.get() > before);
                        store.disconnect(cause);
                    }
                } finally {
                    stop.set(true);
                }
                return;
            }
            while (!stop.get()) {
                letOthersRun();
                try {
                    store.increment("k", 1, LONG);
                    acknowledged.incrementAndGet();
                } catch (CacheUnavailableException e) {
                    assertTrue(mentions(e, cause), () -> "a failure that does not come from the disconnect: " + e);
                    failed.incrementAndGet();
                }
                try {
                    others.get(ThreadLocalRandom.current().nextInt(others.size()))
                            .accept(store);
                } catch (CacheUnavailableException e) {
                    assertTrue(mentions(e, cause), () -> "a failure that does not come from the disconnect: " + e);
                }
            }
        });

        long counter = store.increment("k", 0, LONG);
        assertTrue(
                acknowledged.get() <= counter && counter <= acknowledged.get() + failed.get(),
                () -> counter + " after " + acknowledged + " acknowledged and " + failed + " failed");
        assertProbedWell(store, "after the disconnects");
    }

    private static boolean mentions(Throwable thrown, Throwable cause) {
        if (thrown == cause) {
            return true;
        }
        Throwable next = thrown.getCause();
        if (next != null && mentions(next, cause)) {
            return true;
        }
        for (Throwable suppressed : thrown.getSuppressed()) {
            if (mentions(suppressed, cause)) {
                return true;
            }
        }
        return false;
    }

    @Test
    void closeUnderLoadEndsEveryCall() {
        AtomicInteger running = new AtomicInteger();

        mode.atOnce(THREADS / 2 + 1, thread -> {
            if (thread == 0) {
                eventually("the threads", () -> running.get() == THREADS / 2);
                store.close();
                return;
            }
            boolean first = true;
            while (true) {
                letOthersRun();
                try {
                    store.put("k" + thread, VALUE, LONG);
                    if (first) {
                        running.incrementAndGet();
                        first = false;
                    }
                } catch (CacheUnavailableException e) {
                    // It was under way. The next one meets a closed store.
                } catch (IllegalStateException e) {
                    return;
                }
            }
        });
    }

    private static ThreadFactory virtualThreads() {
        Optional<ThreadFactory> virtual = CacheStoreContractMode.virtualThreads();
        assumeTrue(virtual.isPresent(), "this JVM has no virtual threads");
        return virtual.orElseThrow();
    }

    @Test
    void aThousandVirtualThreadsAreServed() {
        ThreadFactory virtual = virtualThreads();

        CacheStoreContractMode.atOnce(virtual, 1_000, thread -> {
            store.put("k" + thread, bytes("v" + thread), LONG);
            assertEquals("v" + thread, text(store.get("k" + thread)));
            store.increment("counter", 1, LONG);
        });

        assertHolds("counter", bytes("1000"));
    }

    @Test
    void platformAndVirtualThreadsTogetherAreServed() {
        ThreadFactory virtual = virtualThreads();
        AtomicInteger made = new AtomicInteger();

        CacheStoreContractMode.atOnce(
                body -> made.getAndIncrement() % 2 == 0
                        ? virtual.newThread(body)
                        : CacheStoreContractMode.platformThread(body),
                2 * THREADS,
                thread -> {
                    for (int i = 0; i < ROUNDS; i++) {
                        letOthersRun();
                        String value = thread + "/" + i;
                        store.put("k" + thread, bytes(value), LONG);
                        String seen = text(store.get("k" + thread));
                        assertTrue(seen != null || !readsItsOwnWrites(), "it is gone");
                        assertTrue(seen == null || seen.startsWith(thread + "/"), "another key's value: " + seen);
                        store.increment("counter", 1, LONG);
                    }
                });

        assertHolds("counter", bytes(String.valueOf(2 * THREADS * ROUNDS)));
    }

    @Test
    void aThousandInterruptedVirtualThreadsHarmNobody() {
        ThreadFactory virtual = virtualThreads();
        store.put("k", VALUE, LONG);

        CacheStoreContractMode.atOnce(virtual, 1_000, thread -> {
            if (thread % 2 == 0) {
                Thread.currentThread().interrupt();
            }
            try {
                assertEquals("value", text(store.get("k")));
            } catch (CacheInterruptedException e) {
                assertEquals(0, thread % 2, "the interruption of another thread came here");
            }
            assertEquals(thread % 2 == 0, Thread.currentThread().isInterrupted());
        });

        assertHolds("k", VALUE);
    }
}
