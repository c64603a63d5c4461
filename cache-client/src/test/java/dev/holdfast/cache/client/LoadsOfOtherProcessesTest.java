package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.BulkCacheLoader;
import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.FakeClock;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/**
 * Two clients over one server, which know nothing of each other: what one loads is not stored over a change that the other made
 * since that load began, whichever load and whichever change.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LoadsOfOtherProcessesTest {
    private static final Duration FIVE_MINUTES = Duration.ofMinutes(5);
    private static final CachePolicy POLICY = CachePolicy.of(FIVE_MINUTES).withStaleIfError(Duration.ofHours(1));
    private static final CachePolicy AHEAD = POLICY.withRefreshAhead(0.5);
    private static final CachePolicy REMEMBERING = POLICY.withRememberAbsence(FIVE_MINUTES);
    private static final CachePolicy SOFT = POLICY.withLoadSoftTimeout(Duration.ofMillis(2));

    private final FakeClock time = new FakeClock();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicInteger names = new AtomicInteger();
    private RedisServer redis;
    private CacheClient ours;
    private CacheClient theirs;

    @BeforeAll
    void start() {
        redis = RedisServer.start();
        ours = client();
        theirs = client();
    }

    private CacheClient client() {
        return CacheClient.builder()
                .settings(Settings.of(Map.of("REDIS_URL", redis.url())))
                .clock(time)
                .build();
    }

    @AfterAll
    void stop() {
        threads.shutdownNow();
        ours.close();
        theirs.close();
        redis.close();
    }

    /** What the server holds for the key when the load's caller looks. */
    private enum Before {
        NOTHING,
        FRESH,
        STALE,
        TOMBSTONE,
        UNREADABLE
    }

    /** A change of the other client; {@code left} may be read after it, and nothing else. */
    private record Change(String name, Consumer<Cache<String, String>> change, String left) {
        /** Whether it changes something where the key holds this. */
        boolean changes(Before before) {
            return switch (name) {
                case "replace", "remove, expected", "expire" -> before == Before.FRESH;
                case "putIfAbsent" -> before != Before.FRESH;
                default -> true;
            };
        }
    }

    private static final List<Change> CHANGES = List.of(
            new Change("remove", cache -> cache.remove("k"), null),
            new Change("remove, expected", cache -> cache.remove("k", "old"), null),
            new Change("getAndRemove", cache -> cache.getAndRemove("k"), null),
            new Change("removeAll", cache -> cache.removeAll(List.of("x", "k")), null),
            new Change("markStale", cache -> cache.markStale("k"), null),
            new Change("markStale twice", LoadsOfOtherProcessesTest::markStaleTwice, null),
            new Change("asynchronous remove", cache -> cache.async().remove("k").join(), null),
            new Change("put", cache -> cache.put("k", "put"), "put"),
            new Change("putAll", cache -> cache.putAll(Map.of("k", "put")), "put"),
            new Change("putIfAbsent", cache -> cache.putIfAbsent("k", "put"), "put"),
            new Change("replace", cache -> cache.replace("k", "old", "put"), "put"),
            new Change("putAbsent", cache -> cache.putAbsent("k", FIVE_MINUTES), null),
            new Change("expire", cache -> cache.expire("k", Duration.ofMinutes(9)), "old"));

    private static void markStaleTwice(Cache<String, String> cache) {
        cache.markStale("k");
        cache.markStale("k");
    }

    /** A loader that says when it runs and ends, with what it had found by then, when it is let. */
    private static final class Held {
        final CountDownLatch loading = new CountDownLatch(1);
        final CountDownLatch release = new CountDownLatch(1);

        String load() {
            loading.countDown();
            EngineFixture.await(release);
            return "from before";
        }

        CacheLoader<String, String> single() {
            return key -> load();
        }

        BulkCacheLoader<String, String> bulk() {
            return keys -> Map.of("k", load(), "j", "another");
        }

        CacheLoader<String, String> absent() {
            return key -> load().isEmpty() ? "" : null;
        }

        CacheLoader<String, String> notModified() {
            return CacheLoader.adaptive((key, context) -> {
                load();
                return context.notModified();
            });
        }
    }

    private interface Starter {
        Future<?> start(Cache<String, String> cache, Held held) throws Exception;
    }

    /** A way in which loads come about. */
    private record Kind(String name, Before before, Starter starter) {}

    private List<Kind> kinds() {
        List<String> both = List.of("j", "k");
        return List.of(
                new Kind("get", Before.NOTHING, (c, held) -> run(() -> c.get("k", held.single()))),
                new Kind("get after a removal", Before.TOMBSTONE, (c, held) -> run(() -> c.get("k", held.single()))),
                new Kind("get of a stale value", Before.STALE, (c, held) -> run(() -> c.get("k", held.single()))),
                new Kind(
                        "get of what can't be read",
                        Before.UNREADABLE,
                        (c, held) -> run(() -> c.get("k", held.single()))),
                new Kind(
                        "get that finds an absence",
                        Before.NOTHING,
                        (c, held) -> run(() -> c.get("k", held.absent(), REMEMBERING))),
                new Kind("asynchronous get", Before.NOTHING, (c, held) -> c.async()
                        .get("k", held.single())),
                new Kind("refresh", Before.FRESH, (c, held) -> run(() -> c.refresh("k", held.single()))),
                new Kind("refresh of nothing", Before.NOTHING, (c, held) -> run(() -> c.refresh("k", held.single()))),
                new Kind(
                        "refresh after a removal",
                        Before.TOMBSTONE,
                        (c, held) -> run(() -> c.refresh("k", held.single()))),
                new Kind("refresh ahead", Before.FRESH, (c, held) -> run(() -> c.get("k", held.single(), AHEAD))),
                new Kind(
                        "load that its caller left",
                        Before.STALE,
                        (c, held) -> run(() -> c.get("k", held.single(), SOFT))),
                new Kind(
                        "load that finds nothing modified",
                        Before.STALE,
                        (c, held) -> run(() -> c.get("k", held.notModified()))),
                new Kind("bulk load", Before.NOTHING, (c, held) -> run(() -> c.getAll(both, held.bulk()))),
                new Kind(
                        "bulk load after a removal",
                        Before.TOMBSTONE,
                        (c, held) -> run(() -> c.getAll(both, held.bulk()))),
                new Kind(
                        "bulk load of a stale value",
                        Before.STALE,
                        (c, held) -> run(() -> c.getAll(both, held.bulk()))),
                new Kind("asynchronous bulk load", Before.NOTHING, (c, held) -> c.async()
                        .getAll(both, held.bulk())),
                new Kind("load that was taken over", Before.NOTHING, this::takenOver));
    }

    private <T> Future<T> run(Callable<T> call) {
        return threads.submit(call);
    }

    private Future<?> takenOver(Cache<String, String> cache, Held held) throws Exception {
        CountDownLatch loading = new CountDownLatch(1);
        AtomicReference<Thread> first = new AtomicReference<>();
        Future<?> interrupted = run(() -> {
            first.set(Thread.currentThread());
            try {
                return cache.get("k", key -> {
                    loading.countDown();
                    new CountDownLatch(1).await();
                    return "never";
                });
            } catch (CacheInterruptedException e) {
                return null;
            }
        });
        EngineFixture.await(loading);
        Future<?> second = run(() -> cache.get("k", held.single()));
        EngineFixture.until("the second waits", () -> cache.stats().joins() == 1);
        first.get().interrupt();
        EngineFixture.result(interrupted);
        return second;
    }

    private Cache<String, String> open(CacheClient client, String name) {
        return client.cache(name, String.class, String.class).policy(POLICY).build();
    }

    private void prepare(Cache<String, String> cache, Before before) {
        switch (before) {
            case NOTHING -> {}
            case FRESH -> {
                cache.put("k", "old");
                time.advance(Duration.ofMinutes(4));
            }
            case STALE -> {
                cache.put("k", "old");
                cache.markStale("k");
            }
            case TOMBSTONE -> cache.remove("k");
            case UNREADABLE -> redis.command("SET", cache.name() + ":k", "not an entry");
        }
    }

    @TestFactory
    Stream<DynamicTest> aChangeOfAnotherProcessDuringALoadIsNotUndone() {
        return kinds().stream().flatMap(kind -> CHANGES.stream()
                .filter(change -> change.changes(kind.before))
                .map(change -> DynamicTest.dynamicTest(
                        change.name + " during a " + kind.name, () -> duringLoad(kind, change))));
    }

    private void duringLoad(Kind kind, Change change) throws Exception {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> loading = open(ours, name);
        Cache<String, String> changing = open(theirs, name);
        prepare(changing, kind.before);
        Held held = new Held();
        Future<?> caller = kind.starter.start(loading, held);
        EngineFixture.await(held.loading);
        change.change.accept(changing);
        held.release.countDown();
        EngineFixture.result(caller);
        int loads = kind.name.contains("bulk") ? 2 : 1;
        EngineFixture.until(
                "the load is over",
                () -> loading.stats().stored() + loading.stats().notStored() == loads);
        assertEquals(1, loading.stats().notStored());
        String read = loading.get("k");
        // A refresh that comes too late to be stored takes away what it can't tell to be newer.
        boolean taken = read == null && kind.name.startsWith("refresh") && !kind.name.endsWith("ahead");
        assertTrue(
                taken || (change.left == null ? read == null : change.left.equals(read)),
                () -> "after the change somebody reads " + read);
        assertEquals(read, changing.get("k"));
        assertNotEquals("from before", loading.lookup("k").value());
        assertNotEquals("from before", loading.get("k", key -> "after"));
        loading.close();
        changing.close();
    }

    /** A load that began after the change is stored, as without one: nothing is loaded twice. */
    @TestFactory
    Stream<DynamicTest> aLoadThatBeginsAfterAChangeIsStored() {
        return kinds().stream()
                .filter(kind -> !kind.name.contains("modified") && !kind.name.contains("taken"))
                .map(kind -> DynamicTest.dynamicTest(kind.name, () -> afterwards(kind)));
    }

    private void afterwards(Kind kind) throws Exception {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> loading = open(ours, name);
        Cache<String, String> changing = open(theirs, name);
        prepare(changing, kind.before);
        Held held = new Held();
        held.release.countDown();
        EngineFixture.result(kind.starter.start(loading, held));
        EngineFixture.until("it is stored", () -> loading.stats().stored() >= 1);
        assertEquals(kind.name.contains("absence") ? null : "from before", changing.get("k"));
        assertEquals(1, changing.stats().hits(), "a remembered absence is one too");
        assertEquals(0, loading.stats().notStored());
        loading.close();
        changing.close();
    }
}
