package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheEvent.LoadFailed;
import dev.holdfast.cache.CacheLoadException;
import dev.holdfast.cache.CachePolicy;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** A listener is told off the caller's path. */
class EventsTest extends EngineFixture {
    private final CountDownLatch release = new CountDownLatch(1);
    private final List<String> told = new CopyOnWriteArrayList<>();
    private final List<Thread> tellers = new CopyOnWriteArrayList<>();

    private void hang(LoadFailed event) {
        tellers.add(Thread.currentThread());
        await(release);
        told.add(event.cache() + ' ' + event.key() + ' ' + event.cause().getMessage());
        throw new IllegalStateException("a listener that fails");
    }

    private static void fail(CacheEngine<String, String> cache, int count) {
        for (int i = 0; i < count; i++) {
            int number = i;
            assertThrows(
                    CacheLoadException.class,
                    () -> cache.get("k" + number, key -> {
                        throw new Exception("failure " + number);
                    }));
        }
    }

    @Test
    void aListenerThatHangsAndFailsHoldsNobodyUpAndIsToldInOrder() {
        try (EngineServices listening = services(LoadFailed.class, this::hang)) {
            CacheEngine<String, String> cache = open("c", CachePolicy.of(MINUTE), listening);
            fail(cache, 3);
            until("the listener is being told", () -> tellers.size() == 1);
            assertEquals(List.of(), told);
            assertNotEquals(Thread.currentThread(), tellers.get(0));
            release.countDown();
            until("it was told of all", () -> told.size() == 3);
            assertEquals(List.of("c c:k0 failure 0", "c c:k1 failure 1", "c c:k2 failure 2"), told);
        }
    }

    @Test
    void whatAListenerDoesNotTakeInIsDroppedAndCountedAllTheSame() {
        try (EngineServices listening = services(LoadFailed.class, this::hang)) {
            CacheEngine<String, String> cache = open("c", CachePolicy.of(MINUTE), listening);
            fail(cache, 3_000);
            assertEquals(3_000, cache.stats().loadFailures());
            release.countDown();
            until("it was told of what had waited", () -> told.size() >= 1_024);
            assertTrue(told.size() < 1_100, () -> told.size() + " waited");
        }
    }
}
