package dev.holdfast.cache.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Holds what a store claims to weigh against the heap that it really takes. */
class MemoryStoreFootprintTest {
    private static final int ENTRIES = 100_000;
    private static final double TOLERANCE = 0.2;

    @ParameterizedTest
    @CsvSource({"0, user:", "100, user:", "500, \u9375:"})
    void theClaimedWeightIsTheHeapTaken(int valueBytes, String keyPrefix) throws InterruptedException {
        MemoryStore store = MemoryStore.create(1L << 30);
        long before = usedHeap();
        for (int i = 0; i < ENTRIES; i++) {
            store.put(keyPrefix + i, new byte[valueBytes], Duration.ofHours(1));
        }
        long claimed = store.entries().weightedBytes();
        long taken = usedHeap() - before;
        assertEquals(ENTRIES, store.entries().size());
        System.out.printf(
                "%d entries with %d bytes under \"%s…\": claimed %d bytes each, taken %d%n",
                ENTRIES, valueBytes, keyPrefix, claimed / ENTRIES, taken / ENTRIES);
        assertTrue(
                Math.abs(claimed - taken) <= TOLERANCE * taken,
                () -> "claims " + claimed / ENTRIES + " bytes an entry, takes " + taken / ENTRIES);
    }

    /** The least of some measurements, each after a collection: other threads of the JVM allocate meanwhile. */
    private static long usedHeap() throws InterruptedException {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 4; i++) {
            System.gc();
            Thread.sleep(20);
            least = Math.min(
                    least,
                    Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory());
        }
        return least;
    }
}
