package dev.holdfast.cache.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.spi.KeyPrefix;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** A removal by prefix finds what is there, and looks at little else. */
class PrefixIndexTest {
    private static final Duration HOUR = Duration.ofHours(1);

    @Test
    void aRemovalPassesWhatBeginsLikeItsPrefixAndNotAllThatThereIs() {
        PrefixIndex index = new PrefixIndex();
        for (int i = 0; i < 50_000; i++) {
            index.add(new Entry("cache" + i % 100 + ":" + i, new byte[1], Entry.NEVER));
        }
        List<String> passed = new ArrayList<>();
        index.forEach("cache7:", entry -> passed.add(entry.key));
        assertEquals(500, passed.size());
        index.forEach("cache7", entry -> passed.add(entry.key));
        assertEquals(500 + 11 * 500, passed.size(), "cache7, and cache70 to cache79");
    }

    @Test
    void whatIsThereIsFoundWhateverHappenedToItBefore() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        PrefixIndex index = new PrefixIndex();
        Set<Entry> there = new HashSet<>();
        List<Entry> all = new ArrayList<>();
        for (int i = 0; i < 20_000; i++) {
            Entry some = all.isEmpty() ? null : all.get(random.nextInt(all.size()));
            if (some == null || random.nextInt(3) == 0) {
                some = new Entry(key(random), new byte[1], Entry.NEVER);
                index.add(some);
                there.add(some);
                all.add(some);
            } else if (there.remove(some)) {
                if (random.nextBoolean()) {
                    index.remove(some);
                } else {
                    Entry other = new Entry(some.key, new byte[1], Entry.NEVER);
                    index.replace(some, other);
                    there.add(other);
                    all.add(other);
                }
            }
        }
        for (String prefix : List.of("", "a", "a:", "b:", "a:1", ":", "none")) {
            Set<Entry> expected = new HashSet<>(there);
            expected.removeIf(entry -> !entry.key.startsWith(prefix));
            List<Entry> found = new ArrayList<>();
            index.forEach(prefix, found::add);
            assertEquals(expected.size(), found.size(), prefix + ", seed " + seed);
            assertEquals(expected, new HashSet<>(found), prefix + ", seed " + seed);
        }
    }

    private static String key(Random random) {
        String first = List.of("a:", "b:", "ab:", "", ":").get(random.nextInt(5));
        return first + random.nextInt(50) + (random.nextBoolean() ? ":x" : "");
    }

    @Test
    void anEntryThatWasTakenOutWhileAllArePassedIsNoObstacle() {
        PrefixIndex index = new PrefixIndex();
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < 2_000; i++) {
            Entry entry = new Entry("c:" + i, new byte[1], Entry.NEVER);
            entries.add(entry);
            index.add(entry);
        }
        Random random = new Random(1);
        Set<String> passed = new TreeSet<>();
        index.forEach("c:", entry -> {
            passed.add(entry.key);
            index.remove(entries.get(random.nextInt(1_000)));
            index.add(new Entry("c:new" + passed.size(), new byte[1], Entry.NEVER));
            index.forEach("c:4", other -> {});
        });
        for (int i = 1_000; i < 2_000; i++) {
            assertTrue(passed.contains("c:" + i), "c:" + i);
        }
    }

    @Test
    void whatWasEvictedOrHasExpiredIsNotKept() {
        long[] now = new long[1];
        try (MemoryStore store = new MemoryStore(100_000, KeyPrefix.NONE, () -> now[0])) {
            for (int i = 0; i < 5_000; i++) {
                store.put("c:" + i, new byte[10], HOUR);
            }
            store.entries().weightedBytes();
            now[0] = HOUR.toNanos() + 1;
            store.put("c:last", new byte[10], HOUR);
            store.entries().weightedBytes();
            assertEquals(1, store.removeByPrefix("c:"));
            assertFalse(store.contains("c:last"));
            store.entries().forEach("", entry -> fail("left in the index: " + entry.key));
        }
    }
}
