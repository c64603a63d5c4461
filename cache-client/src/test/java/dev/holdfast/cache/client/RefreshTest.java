package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CachePolicy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Who asks for a refresh gets what is loaded from then on, and that is stored as a change. */
class RefreshTest extends EngineFixture {
    private final CacheEngine<String, String> cache = open(STALE);
    private final CountDownLatch reached = new CountDownLatch(1);
    private final CountDownLatch release = new CountDownLatch(1);

    /** The first call of an operation waits. */
    private void hold(String held) {
        store.before = operation -> {
            if (operation.equals(held) && reached.getCount() > 0) {
                reached.countDown();
                await(release);
            }
        };
    }

    @Test
    void aRefreshWhileALoadIsBeingStoredLoadsAnewAndIsStoredAfterIt() throws Exception {
        hold("fill");
        Future<String> loading = start(() -> cache.get("k", key -> "old"));
        await(reached);
        Future<String> refreshing = start(() -> cache.refresh("k", key -> "new"));
        until("it has loaded", () -> cache.stats().loads() == 2);
        release.countDown();
        assertEquals("old", result(loading));
        assertEquals("new", result(refreshing));
        assertEquals("new", cache.get("k"));
        assertEquals(1, store.count("put"), "a change, which a server that is out must not undo");
        assertEquals(0, cache.loadsUnderWay());
    }

    @Test
    void aRefreshOfAKeyThatIsLoadedAndNotYetStoredLoadsAnew() throws Exception {
        cache.put("gone", "v");
        time.advance(Duration.ofMinutes(5));
        hold("remove");
        // The last value of the one is dropped before the other is stored.
        Future<Map<String, String>> loading =
                start(() -> cache.getAll(List.of("gone", "k"), keys -> new HashMap<>(Map.of("k", "old"))));
        await(reached);
        assertEquals("new", cache.refresh("k", key -> "new"));
        release.countDown();
        assertEquals(Map.of("k", "old"), result(loading));
        assertEquals("new", cache.get("k"), "what was loaded before is not stored after it");
        assertEquals(0, cache.loadsUnderWay());
    }

    @Test
    void aRefreshThatJoinsALoadIsNotAnsweredWithWhatTheStoreHeldAlready() throws Exception {
        CachePolicy narrow = STALE.withMaxLoads(1);
        CacheEngine<String, String> own = open("own", narrow, services);
        CountDownLatch looking = new CountDownLatch(1);
        CountDownLatch look = new CountDownLatch(1);
        store.after = operation -> {
            store.after = unused -> {};
            looking.countDown();
            await(look);
        };
        // It looks, finds nothing, and before it has begun its load another one has ended.
        Future<String> late = start(() -> own.get("k", key -> "loaded"));
        await(looking);
        own.get("k", key -> "before");
        CountDownLatch second = new CountDownLatch(1);
        CountDownLatch found = new CountDownLatch(1);
        store.after = operation -> {
            store.after = unused -> {};
            second.countDown();
            await(found);
        };
        look.countDown();
        await(second);
        Future<String> refreshing = start(() -> own.refresh("k", key -> "not called"));
        until("it has joined", () -> own.stats().joins() == 1);
        found.countDown();
        assertEquals("loaded", result(late));
        assertEquals("loaded", result(refreshing));
        assertEquals("loaded", own.get("k"));
    }

    @Test
    void manyWhoWaitForOneLoadLeaveItInConstantTime() {
        Flight<String, String> flight = new Flight<>("k", null);
        int count = 60_000;
        List<Waiter<String, String>> waiters = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            Waiter<String, String> waiter = new Waiter<>(flight, null, Waiter.Patience.ENDLESS, null);
            waiters.add(waiter);
            assertTrue(flight.joinOwn(waiter));
        }
        long start = System.nanoTime();
        for (int i = count - 1; i > 0; i--) {
            assertEquals(Succession.GOES_ON, flight.leave(waiters.get(i)));
        }
        long millis = (System.nanoTime() - start) / 1_000_000;
        assertTrue(millis < 3_000, () -> millis + " ms");
        assertNull(waiters.get(0).getNow(null));
    }

    /** A refresh is a change: whoever was told of it, on whichever thread it ran, reads nothing older. */
    @Test
    void nobodyIsToldOfARefreshBeforeItIsStored() throws Exception {
        hold("put");
        CompletableFuture<String> asked = cache.async().refresh("k", key -> "new");
        await(reached);
        Future<String> joined = start(() -> cache.get("k", key -> "other"));
        assertFalse(asked.isDone());
        release.countDown();
        assertEquals("new", asked.join());
        assertEquals("new", cache.get("k"));
        assertEquals("new", result(joined));
        assertEquals(0, cache.loadsUnderWay());
    }
}
