package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.memory.MemoryStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whatever a part of it throws, all of a closing is done, and what was left is done by the next. */
class ClosingStepsTest {
    private static final class Gone extends NoClassDefFoundError {
        private static final long serialVersionUID = 1L;
    }

    private final ScriptedStore store = new ScriptedStore(MemoryStore.create(8 << 20));
    private final ExecutorService threads = Executors.newCachedThreadPool();

    @AfterEach
    void end() {
        threads.shutdownNow();
    }

    private static void fail() {
        throw new Gone();
    }

    @Test
    void aCacheThatCantBeClosedKeepsNoStoreOpen() throws Exception {
        CountDownLatch storing = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        CacheClient client = CacheClient.builder().memory(() -> store).build();
        Cache<String, String> stuck =
                client.cache("stuck", String.class, String.class).build();
        Cache<String, String> other =
                client.cache("other", String.class, String.class).build();
        store.before = operation -> {
            if (operation.equals("fill")) {
                storing.countDown();
                EngineFixture.await(release);
            }
        };
        Future<String> loading = threads.submit(() -> stuck.get("k", key -> "v"));
        EngineFixture.await(storing);
        // Whoever closes asks it how long it may have to wait.
        store.beforeBound = ClosingStepsTest::fail;
        assertThrows(Gone.class, client::close);
        assertFalse(client.isAlive());
        assertEquals(1, store.closings.get());
        assertThrows(IllegalStateException.class, () -> other.get("k"));
        release.countDown();
        assertEquals("v", EngineFixture.result(loading));
        client.close();
        assertEquals(1, store.closings.get(), "what was done is not done again");
    }

    @Test
    void aStoreThatCantBeClosedIsClosedByTheNextClosing() {
        CacheClient client = CacheClient.builder().memory(() -> store).build();
        store.beforeClose = ClosingStepsTest::fail;
        assertThrows(Gone.class, client::close);
        store.beforeClose = () -> {};
        client.close();
        client.close();
        assertEquals(2, store.closings.get());
    }

    @Test
    void aClientThatCantBeOpenedClosesEveryStoreAndSaysWhyItCantBeOpened() {
        ScriptedStore second = new ScriptedStore(MemoryStore.create(8 << 20));
        store.beforeClose = ClosingStepsTest::fail;
        second.beforeBound = () -> {
            throw new IllegalArgumentException("no bound");
        };
        CacheClientBuilder builder = CacheClient.builder()
                .tier("first", store)
                .tier("second", second)
                .failover(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofMillis(100)));
        CacheConfigException e = assertThrows(CacheConfigException.class, builder::build);
        assertEquals(1, store.closings.get());
        assertEquals(1, second.closings.get());
        assertEquals(Gone.class, e.getSuppressed()[0].getClass());
    }

    @Test
    void everyStepIsTakenInItsOrderAndTheFirstFailureIsThrown() {
        List<String> taken = new ArrayList<>();
        Gone first = new Gone();
        Closing closing = new Closing(
                () -> taken.add("a"),
                () -> {
                    taken.add("b");
                    if (taken.size() == 2) {
                        throw first;
                    }
                },
                () -> {
                    taken.add("c");
                    if (taken.size() == 3) {
                        throw first;
                    }
                },
                () -> taken.add("d"));
        assertSame(first, assertThrows(Gone.class, closing::close));
        assertEquals(List.of("a", "b", "c", "d"), taken);
        closing.close();
        closing.close();
        assertEquals(List.of("a", "b", "c", "d", "b", "c"), taken);
    }
}
