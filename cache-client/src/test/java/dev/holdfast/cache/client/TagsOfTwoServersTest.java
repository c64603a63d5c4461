package dev.holdfast.cache.client;

import static dev.holdfast.cache.client.EngineFixture.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheLoader;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.failover.TierPolicy;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Two clients, one with a near cache, over two servers that both share: what was removed by tag on either does not come back on the other. */
class TagsOfTwoServersTest {
    private static final CachePolicy POLICY =
            CachePolicy.of(Duration.ofHours(1)).withStaleIfError(Duration.ofHours(1));
    private static final CachePolicy RED = POLICY.withTags("red");
    private static final CachePolicy BLUE = POLICY.withTags("blue", "green");
    private static final int KEYS = 50;

    private final RedisServer first = server();
    private final RedisServer second = server();
    private final List<CacheClient> clients = new ArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();

    private static RedisServer server() {
        return RedisServer.builder().persistence(RedisServer.Persistence.AOF).start();
    }

    @AfterEach
    void close() {
        threads.shutdownNow();
        clients.forEach(CacheClient::close);
        first.close();
        second.close();
    }

    private Cache<String, String> open(boolean near) {
        CacheClient client = CacheClient.builder()
                .tier(
                        "first",
                        SingleStore.of(SingleConfig.of(first.url())),
                        TierPolicy.DEFAULT.withHealthCheckInterval(Duration.ofSeconds(2)))
                .tier("second", SingleConfig.of(second.url()))
                .failover(FailoverConfig.DEFAULT.withGracePeriod(Duration.ofSeconds(1)))
                .build();
        clients.add(client);
        CacheBuilder<String, String> builder =
                client.cache("c", String.class, String.class).policy(POLICY);
        return (near ? builder.near(NearCache.ofBytes(4 << 20)) : builder).build();
    }

    /** Waits until both clients are served by a tier. */
    private void served(int tier, List<Cache<String, String>> caches) {
        for (int i = 0; i < caches.size(); i++) {
            Cache<String, String> cache = caches.get(i);
            CacheClient client = clients.get(i);
            until("the tier " + tier + " serves", () -> {
                cache.put("probe", "v");
                return client.health().tiers().get(tier).serving();
            });
        }
    }

    /** Until then what was changed is removed from a server that is lost and comes back: it might have lost the change. Who only reads writes none. */
    private void awaitCanaries() {
        for (int i = 0; i < 2; i++) { // the first may have begun before
            String before = canaries();
            until("a canary is written", () -> !canaries().equals(before));
        }
    }

    private String canaries() {
        List<String> values = new ArrayList<>();
        for (Object key : (List<?>) first.command("KEYS", "#canary:*")) {
            values.add(key + "=" + first.command("GET", String.valueOf(key)));
        }
        return String.join(" ", values);
    }

    private static void fill(Cache<String, String> cache, String prefix, CachePolicy policy) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < KEYS; i++) {
            values.put(prefix + i, "v");
        }
        cache.putAll(values, policy);
    }

    private static int found(Cache<String, String> cache, String prefix) {
        int found = 0;
        for (int i = 0; i < KEYS; i++) {
            found += cache.get(prefix + i) == null ? 0 : 1;
        }
        return found;
    }

    @Test
    void nothingComesBackOnEither() {
        Cache<String, String> mine = open(false);
        Cache<String, String> theirs = open(true);
        List<Cache<String, String>> both = List.of(mine, theirs);
        fill(mine, "red", RED);
        fill(mine, "blue", BLUE);
        both.forEach(cache -> assertEquals(2 * KEYS, found(cache, "red") + found(cache, "blue")));
        awaitCanaries();

        first.kill();
        served(1, both);
        fill(mine, "during", RED);
        both.forEach(cache -> assertEquals(KEYS, found(cache, "during")));
        mine.removeByTag("red");
        assertEquals(0, found(mine, "during"));
        until("the other sees it", () -> found(theirs, "during") == 0);
        fill(theirs, "after", RED);
        both.forEach(cache -> assertEquals(KEYS, found(cache, "after")));

        first.restart(RedisServer.Data.KEEP);
        served(0, both);
        assertEquals(0, found(mine, "red"), "what this client removed elsewhere");
        until("the other sees it", () -> found(theirs, "red") == 0);
        assertEquals(KEYS, found(mine, "blue"), "what has other tags stays");
        assertEquals(KEYS, found(theirs, "blue"));
        assertEquals(0, found(mine, "during"));
        fill(theirs, "now", RED);
        both.forEach(cache -> assertEquals(KEYS, found(cache, "now")));
        theirs.removeByTag("green");
        assertEquals(0, found(mine, "blue"));

        first.kill();
        served(1, both);
        for (Cache<String, String> cache : both) {
            for (String prefix : List.of("red", "blue", "during", "after", "now")) {
                assertEquals(0, found(cache, prefix), prefix);
            }
        }
    }

    /** Whichever server heard of the removal, and whichever the load ends on. */
    @Test
    void aLoadThatBeganBeforeARemovalIsNotStoredOnTheOtherServer() throws Exception {
        for (boolean removedBefore : new boolean[] {true, false}) {
            Cache<String, String> cache = clients.isEmpty() ? open(false) : open(true);
            CacheClient client = clients.get(clients.size() - 1);
            CountDownLatch begun = new CountDownLatch(2);
            CountDownLatch release = new CountDownLatch(1);
            List<Future<String>> answers = new ArrayList<>();
            for (boolean chosen : new boolean[] {true, false}) {
                CacheLoader<String, String> loader = CacheLoader.adaptive((key, context) -> {
                    begun.countDown();
                    release.await();
                    if (chosen) {
                        context.tags("red");
                    }
                    return "old";
                });
                answers.add(
                        threads.submit(() -> cache.get("k" + removedBefore + chosen, loader, chosen ? POLICY : RED)));
            }
            begun.await();
            if (removedBefore) {
                cache.removeByTag("red");
            }
            first.kill();
            until("the second serves", () -> {
                cache.put("probe", "v");
                return client.health().tiers().get(1).serving();
            });
            if (!removedBefore) {
                cache.removeByTag("red");
            }
            release.countDown();
            for (Future<String> answer : answers) {
                assertEquals("old", answer.get());
            }
            assertNull(cache.get("k" + removedBefore + true), "chosen by the loader; removed before: " + removedBefore);
            assertNull(cache.get("k" + removedBefore + false), "of the policy; removed before: " + removedBefore);
            first.restart(RedisServer.Data.KEEP);
            until("the first serves", () -> client.health().tiers().get(0).serving());
            assertNull(cache.get("k" + removedBefore + true));
            assertNull(cache.get("k" + removedBefore + false));
        }
    }
}
