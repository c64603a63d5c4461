package dev.holdfast.cache.testkit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.holdfast.cache.ProbeResult;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** Many threads, and many virtual ones: atomicity. */
abstract class CacheStoreContractThreads extends CacheStoreContractLife {
    static final int THREADS = 16;
    private static final int ROUNDS = 50;

    /**
     * In a loop without end, over a store whose calls never wait: virtual threads have no time slices, and one that only
     * yields is taken up again before any that was asleep.
     */
    final void letOthersRun() {
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

    static ThreadFactory virtualThreads() {
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
}
