package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.time.Duration;
import java.util.AbstractList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Each key of a bulk load ends by itself, whatever is thrown while another one does. */
class LoadEndsTest extends EngineFixture {

    /** Nobody can say what it is. */
    private static final class Unspeakable extends RuntimeException {
        private static final long serialVersionUID = 1L;

        @Override
        public String getMessage() {
            throw new Unspeakable();
        }
    }

    private void assertFree(CacheEngine<String, String> cache, List<String> keys) throws Exception {
        assertEquals(0, cache.loadsUnderWay());
        for (String key : keys) {
            Future<String> next = start(() -> cache.get(key, unused -> "new"));
            assertEquals("new", result(next), key);
        }
    }

    @Test
    void aFailureThatCantBeSaidHoldsNoKeyOfABulkLoad() throws Exception {
        CacheEngine<String, String> cache = open(STALE);
        List<String> keys = List.of("a", "b", "c");
        assertThrows(
                RuntimeException.class,
                () -> cache.getAll(keys, unused -> {
                    throw new Unspeakable();
                }));
        assertFree(cache, keys);
    }

    @Test
    void aClockThatFailsWhereAKeyIsToRestHoldsNoKeyOfABulkLoad() throws Exception {
        AtomicBoolean broken = new AtomicBoolean();
        try (EngineServices failing = services(List.of(), time, () -> {
            if (broken.get()) {
                throw new ArithmeticException("a clock that fails");
            }
            return time.getAsLong();
        })) {
            CacheEngine<String, String> cache = open("clock", STALE, failing);
            List<String> keys = List.of("a", "b", "c");
            cache.putAll(Map.of("a", "v", "b", "v", "c", "v"));
            time.advance(Duration.ofMinutes(5));
            Future<?> failed = start(() -> cache.getAll(keys, unused -> {
                broken.set(true);
                throw new IllegalStateException("source is down");
            }));
            assertThrows(Exception.class, () -> result(failed));
            broken.set(false);
            time.advance(STALE.retryLoadAfter());
            assertFree(cache, keys);
        }
    }

    @Test
    void aChangeOfSeveralKeysThatCantBeAnnouncedLeavesNoneUnderChange() {
        Flights<String, String> flights = new Flights<>(() -> Duration.ofSeconds(1));
        List<String> keys = new AbstractList<>() {
            @Override
            public Iterator<String> iterator() {
                Iterator<String> all = List.of("a", "b", "c").iterator();
                return new Iterator<>() {
                    @Override
                    public boolean hasNext() {
                        return true;
                    }

                    @Override
                    public String next() {
                        if (!all.hasNext()) {
                            throw new OutOfMemoryError("Java heap space");
                        }
                        return all.next();
                    }
                };
            }

            @Override
            public String get(int index) {
                throw new UnsupportedOperationException();
            }

            @Override
            public int size() {
                return 4;
            }
        };
        boolean thrown = false;
        try {
            flights.changing(keys, () -> {});
        } catch (OutOfMemoryError e) {
            thrown = true;
        }
        assertEquals(true, thrown);
        assertEquals(0, flights.changes());
    }
}
