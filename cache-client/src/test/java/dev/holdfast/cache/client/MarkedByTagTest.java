package dev.holdfast.cache.client;

import static dev.holdfast.cache.client.EngineFixture.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.Lookup;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Entries that are made stale together, by their tag. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class MarkedByTagTest {
    private static final CachePolicy POLICY = CachePolicy.of(Duration.ofMinutes(5))
            .withStaleIfError(Duration.ofHours(1))
            .withRememberAbsence(Duration.ofMinutes(1));
    private static final CachePolicy RED = POLICY.withTags("red");
    private static final CachePolicy BLUE = POLICY.withTags("blue");
    private static final CachePolicy BOTH = POLICY.withTags("blue", "red");
    private static final CacheLoader<String, String> FAILING = key -> {
        throw new IllegalStateException("the source is out");
    };

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicInteger names = new AtomicInteger();
    private RedisServer redis;
    private CacheClient ours;
    private CacheClient theirs;
    private CacheClient memory;

    @BeforeAll
    void start() {
        redis = RedisServer.start();
        ours = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())));
        theirs = CacheClient.from(Settings.of(Map.of("REDIS_URL", redis.url())));
        memory = CacheClient.builder().build();
    }

    @AfterAll
    void stop() {
        threads.shutdownNow();
        memory.close();
        ours.close();
        theirs.close();
        redis.close();
    }

    private Cache<String, String> open(boolean server, boolean near) {
        return open(server ? ours : memory, "c" + names.incrementAndGet(), near);
    }

    private static Cache<String, String> open(CacheClient client, String name, boolean near) {
        CacheBuilder<String, String> builder =
                client.cache(name, String.class, String.class).policy(POLICY);
        return (near ? builder.near(NearCache.ofBytes(4 << 20)) : builder).build();
    }

    private static void assertStale(Cache<String, String> cache, String key) {
        assertNull(cache.get(key), key);
        assertFalse(cache.contains(key), key);
        assertTrue(cache.ttl(key).isEmpty(), key);
        assertEquals(Map.of(), cache.getAll(List.of(key, "nothing")), key);
        Lookup<String> found = cache.lookup(key);
        assertEquals(Lookup.State.STALE, found.state(), key);
        assertEquals("v", found.value(), key);
        assertEquals("v", cache.get(key, FAILING, RED.withRetryLoadAfter(Duration.ZERO)), key);
    }

    private static void assertFresh(Cache<String, String> cache, String key) {
        assertEquals("v", cache.get(key), key);
        assertEquals("v", cache.get(key, FAILING), key);
        assertEquals(Lookup.State.FRESH, cache.lookup(key).state(), key);
    }

    @ParameterizedTest
    @CsvSource({"true, false", "true, true", "false, false", "false, true"})
    void whatHasTheTagIsStaleAndNothingElse(boolean server, boolean near) {
        Cache<String, String> cache = open(server, near);
        cache.put("put", "v", RED);
        cache.putAll(Map.of("putAll", "v", "both", "v"), BOTH);
        assertEquals("v", cache.get("loaded", key -> "v", RED));
        CacheLoader<String, String> choosing = CacheLoader.adaptive((key, context) -> {
            context.tags("red");
            context.etag("e");
            return "v";
        });
        assertEquals("v", cache.get("chosen", choosing));
        assertNull(cache.get("absent", key -> null, RED));
        cache.put("other", "v", BLUE);
        cache.put("plain", "v");
        List<String> red = List.of("put", "putAll", "both", "loaded", "chosen");
        red.forEach(key -> assertFresh(cache, key));
        cache.markStaleByTag("red");
        red.forEach(key -> assertStale(cache, key));
        assertEquals(Lookup.State.ABSENT, cache.lookup("absent").state());
        assertFresh(cache, "other");
        assertFresh(cache, "plain");

        cache.markStaleByTag("red"); // once more: it is as stale as it was
        red.forEach(key -> assertStale(cache, key));

        // Whatever loads or stores afterwards is fresh, and what the source has not modified is so too.
        cache.put("put", "v", RED);
        assertEquals("v", cache.get("loaded", key -> "v", RED));
        until(
                "it is not modified",
                () -> { // where a load begins as a tag it chooses is marked, it is not stored
                    assertEquals(
                            "v", cache.get("chosen", CacheLoader.adaptive((key, context) -> context.notModified())));
                    return cache.find("chosen").isPresent();
                });
        assertEquals(Map.of("both", "v"), cache.getAll(List.of("both"), keys -> Map.of("both", "v"), BOTH));
        List.of("put", "loaded", "chosen", "both").forEach(key -> assertFresh(cache, key));
        assertStale(cache, "putAll");

        cache.removeByTag("red");
        red.forEach(key -> assertEquals(Lookup.State.ABSENT, cache.lookup(key).state(), key));
        cache.markStaleByTag("red"); // what was removed stays so
        red.forEach(key -> assertEquals(Lookup.State.ABSENT, cache.lookup(key).state(), key));
        assertFresh(cache, "other");
        cache.markStaleByTag("nobody has it");
        assertFresh(cache, "other");
        cache.put("again", "v", RED);
        assertFresh(cache, "again");
        cache.async().markStaleByTag("red").join();
        assertStale(cache, "again");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anotherClientsMarkIsSeen(boolean near) {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> cache = open(ours, name, near);
        Cache<String, String> other = open(theirs, name, false);
        Map<String, String> many = new HashMap<>();
        for (int i = 0; i < 100; i++) {
            many.put("k" + i, "v");
        }
        cache.putAll(many, RED);
        assertEquals(many, cache.getAll(many.keySet()));
        other.markStaleByTag("red");
        until("it is seen", () -> cache.get("k0") == null);
        many.keySet().forEach(key -> assertStale(cache, key));
        cache.put("k0", "v", RED);
        assertFresh(other, "k0");
    }

    /** Policy tags, and those that a loader chooses. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aLoadThatBeganBeforeIsNotFreshAfterIt(boolean chosen) throws Exception {
        for (boolean byOther : new boolean[] {false, true}) {
            String name = "c" + names.incrementAndGet();
            Cache<String, String> cache = open(ours, name, false);
            Cache<String, String> other = open(theirs, name, false);
            cache.put("another", "v", RED);
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch release = new CountDownLatch(1);
            CacheLoader<String, String> loader = CacheLoader.adaptive((key, context) -> {
                begun.countDown();
                release.await();
                if (chosen) {
                    context.tags("red");
                }
                return "old";
            });
            Future<String> answer = threads.submit(() -> cache.get("k", loader, chosen ? POLICY : RED));
            begun.await();
            (byOther ? other : cache).markStaleByTag("red");
            release.countDown();
            assertEquals("old", answer.get());
            until("the load is over", () -> cache.stats().loadsRunning() == 0);
            assertNull(cache.get("k"));
            assertNull(other.get("k"));
            assertEquals("new", cache.get("k", key -> "new", RED));
            assertEquals("new", other.get("k"));
        }
    }

    @Test
    void itIsOneComparedWriteForAnyNumberOfEntries() {
        Cache<String, String> cache = open(true, false);
        Map<String, String> many = new HashMap<>();
        for (int i = 0; i < 1_000; i++) {
            many.put("k" + i, "v");
        }
        cache.putAll(many, RED);
        cache.markStaleByTag("red"); // so that the server knows the script
        cache.putAll(many, RED);
        long deletions = count("unlink") + count("del");
        assertEquals(List.of("GET", "EVALSHA"), SentCommands.of(ours, () -> cache.markStaleByTag("red")));
        assertEquals(deletions, count("unlink") + count("del"));
        assertStale(cache, "k999");
    }

    private long count(String command) {
        return Arrays.stream(
                        String.valueOf(redis.command("INFO", "commandstats")).split("\r\n"))
                .filter(line -> line.startsWith("cmdstat_" + command + ":"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("[^=]*=(\\d+),.*", "$1")))
                .sum();
    }

    /** Whoever may not run scripts can't compare what others make of the tag: it is removed, which is more. */
    @Test
    void whoMayNotRunScriptsRemoves() {
        redis.command("ACL", "SETUSER", "plain", "on", ">s", "+@all", "-eval", "-evalsha", "~*");
        String url = redis.url().replace("redis://", "redis://plain:s@");
        try (CacheClient client = CacheClient.from(Settings.of(Map.of("REDIS_URL", url)))) {
            Cache<String, String> cache = open(client, "c" + names.incrementAndGet(), false);
            cache.put("k", "v", RED);
            cache.put("plain", "v");
            cache.markStaleByTag("red");
            assertEquals(Lookup.State.ABSENT, cache.lookup("k").state());
            assertFresh(cache, "plain");
        }
    }

    @Test
    void whatWasMarkedDuringAnOutageIsNotFreshAfterIt() {
        try (RedisServer first = RedisServer.builder()
                        .persistence(RedisServer.Persistence.AOF)
                        .start();
                CacheClient client = CacheClient.builder()
                        .settings(Settings.of(Map.of("REDIS_URL", first.url())))
                        .failover(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofSeconds(1)))
                        .build();
                Cache<String, String> cache = open(client, "c", false)) {
            for (int i = 0; i < 100; i++) {
                cache.put("k" + i, "v", RED);
            }
            first.kill();
            until("memory serves", () -> {
                cache.put("probe", "v");
                return client.health().tiers().get(1).serving();
            });
            cache.put("during", "v", RED);
            cache.markStaleByTag("red");
            assertStale(cache, "during");
            first.restart(RedisServer.Data.KEEP);
            until("the first serves again", () -> client.health().tiers().get(0).serving());
            for (int i = 0; i < 100; i++) {
                assertNull(cache.get("k" + i));
            }
        }
    }

    /** The entry that lives longest says how long the number is kept, whoever marks it. */
    /** As instances do that hear of one event: what could not be compared would be removed, and the source asked by all with nothing to stand in. */
    @Test
    void manyMayMarkAtOnce() throws Exception {
        for (int round = 0; round < 20; round++) {
            String name = "c" + names.incrementAndGet();
            List<Cache<String, String>> both = List.of(open(ours, name, false), open(theirs, name, true));
            both.get(0).put("k", "v", RED);
            CyclicBarrier together = new CyclicBarrier(24);
            List<Future<?>> marks = new ArrayList<>();
            for (int each = 0; each < 24; each++) {
                Cache<String, String> cache = both.get(each % 2);
                marks.add(threads.submit(() -> {
                    together.await();
                    cache.markStaleByTag("red");
                    return null;
                }));
            }
            for (Future<?> mark : marks) {
                mark.get();
            }
            assertStale(both.get(1), "k");
        }
    }

    /** Otherwise an entry would be fresh again that was marked as often before. */
    @Test
    void aCountThatIsAtItsEndIsNotBegunAnew() {
        Generation begun = Generation.begun(false, Duration.ofHours(2), 0);
        assertEquals(0, begun.number() & 0xFFFFFF);
        assertTrue(begun.isCountable());
        Generation last = new Generation(true, begun.number() + 0xFFFFFF, begun.life(), begun.until());
        assertFalse(last.isCountable());
        Cache<String, String> cache = open(true, false);
        cache.put("k", "v", RED);
        byte[] tag = (cache.name() + ":#tag:red").getBytes(StandardCharsets.UTF_8);
        redis.command("SET".getBytes(StandardCharsets.UTF_8), tag, last.bytes());
        cache.put("k", "v", RED);
        assertFresh(cache, "k");
        cache.markStaleByTag("red");
        assertEquals(Lookup.State.ABSENT, cache.lookup("k").state(), "removed, as the stronger one");
        cache.put("k", "v", RED);
        assertFresh(cache, "k");
    }

    @Test
    void aMarkShortensNoLife() {
        String name = "c" + names.incrementAndGet();
        Cache<String, String> cache = open(ours, name, false);
        cache.put("long", "v", RED.withTtl(Duration.ofDays(30)));
        cache.markStaleByTag("red");
        long lives = (Long) redis.command("PTTL", name + ":#tag:red");
        assertTrue(lives >= Duration.ofDays(30).toMillis(), "it lives " + lives + " ms");
        assertStale(cache, "long");
    }

    @Test
    void whatCanBeNoTagIsRefused() {
        Cache<String, String> cache = open(false, false);
        assertThrows(IllegalArgumentException.class, () -> cache.markStaleByTag(""));
        assertThrows(IllegalArgumentException.class, () -> cache.async().markStaleByTag(""));
        Cache<String, String> raw = memory.cache("raw", String.class, String.class)
                .codec(Codec.raw(Codec.string()))
                .build();
        assertThrows(UnsupportedOperationException.class, () -> raw.markStaleByTag("red"));
    }
}
