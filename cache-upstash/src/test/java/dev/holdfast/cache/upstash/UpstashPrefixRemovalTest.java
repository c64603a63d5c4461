package dev.holdfast.cache.upstash;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.Fault;
import dev.holdfast.cache.testkit.GatewayRequest;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A prefix that takes longer to remove than one call may take. */
class UpstashPrefixRemovalTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int KEYS = 40_000;
    private static final int SOME = 400;
    /** How many pages an attempt is let have: 23,000 of the keys, or a few more. */
    private static final int SOME_PAGES = 5;

    private static final Duration ENOUGH = Duration.ofSeconds(1);
    private static final String TOKEN = "secret";

    private final RedisServer redis = RedisServer.start();
    private final TcpProxy proxy = TcpProxy.to(redis.host(), redis.port());
    private final Queue<String> pages = new ConcurrentLinkedQueue<>();
    private final UpstashGateway gateway = UpstashGateway.builder("127.0.0.1:" + proxy.port(), TOKEN)
            .onRequest(request -> {
                if (isPage(request)) {
                    pages.add(request.body());
                }
            })
            .start();
    private final AtomicInteger pagesLeft = new AtomicInteger();
    private final CountDownLatch held = new CountDownLatch(1);
    private final UpstashStore store = UpstashStore.create(UpstashConfig.of(gateway.url(), Secret.of(TOKEN)));

    @AfterEach
    void close() {
        held.countDown();
        store.close();
        gateway.close();
        proxy.close();
        redis.close();
    }

    private void fill(String prefix, int count) {
        Map<String, byte[]> entries = new HashMap<>();
        for (int i = 0; i < count; i++) {
            entries.put(prefix + i, new byte[] {1});
        }
        store.putAll(entries, TTL);
    }

    private long keys() {
        return (Long) redis.command("DBSIZE");
    }

    private static boolean isPage(GatewayRequest request) {
        return request.body().contains("\"SCAN\"");
    }

    private boolean isOneTooMany(GatewayRequest request) {
        return isPage(request) && pagesLeft.getAndDecrement() <= 0;
    }

    /** From then on, who has had as many pages as {@link #pagesLeft} says waits in vain for the next. */
    private void holdPages() {
        gateway.faults().clear();
        gateway.faults()
                .always(
                        request -> {
                            if (isOneTooMany(request)) {
                                try {
                                    held.await();
                                } catch (InterruptedException e) {
                                    Thread.currentThread().interrupt();
                                }
                            }
                            return false;
                        },
                        Fault.resetBefore());
    }

    /** By calls of which each for itself does not come to the end. */
    private int attemptsToRemove(String prefix) {
        holdPages();
        CacheStore hurried = store.within(ENOUGH);
        int attempts = 0;
        boolean removed = false;
        while (attempts < 20 && !removed) {
            attempts++;
            pagesLeft.set(SOME_PAGES);
            removed = isRemoved(hurried, prefix);
        }
        assertTrue(removed, "it never came to an end");
        return attempts;
    }

    @Test
    void aPageIsAskedForBeforeTheNameOfWhoeverAnswersIt() {
        fill("other:", KEYS);

        store.removeByPrefix("gone:");

        assertTrue(pages.stream().anyMatch(body -> body.contains("\"INFO\"")), () -> "pages: " + pages);
        assertTrue(
                pages.stream()
                        .filter(body -> body.contains("\"INFO\""))
                        .allMatch(body -> body.indexOf("\"SCAN\"") < body.indexOf("\"INFO\"")),
                () -> "pages: " + pages);
    }

    @Test
    void whatNeverFitsIntoOneCallEndsAfterAFew() {
        fill("other:", KEYS);
        store.put("gone:1", new byte[] {1}, TTL);

        assertTrue(attemptsToRemove("gone:") > 1, "all of it fitted into a call");

        assertEquals(KEYS, keys());
    }

    @Test
    void whatIsWrittenBetweenTwoAttemptsIsRemovedByTheSecond() {
        fill("p:", KEYS);
        proxy.delay(Duration.ofMillis(15));
        CacheStore hurried = store.within(Duration.ofMillis(200));
        assertThrows(CacheUnavailableException.class, () -> hurried.removeByPrefix("p:"));
        proxy.pass();
        fill("p:", KEYS);

        assertEquals(KEYS, store.removeByPrefix("p:"));

        assertEquals(0, keys());
    }

    @Test
    void aServerThatWasRestartedBetweenTwoAttemptsIsGoneOverFromTheBeginning() {
        fill("other:", KEYS);
        fill("p:", SOME);
        Path before = redis.saveSnapshot();
        pagesLeft.set(SOME_PAGES);
        gateway.faults().always(this::isOneTooMany, Fault.status(503, ""));
        assertThrows(CacheUnavailableException.class, () -> store.removeByPrefix("p:"));
        assertTrue(keys() < KEYS + SOME * 3 / 4, "much of it was gone over");
        gateway.faults().clear();
        redis.restart(before);
        assertEquals(KEYS + SOME, keys());
        // The gateway finds out that its connections are gone.
        for (int i = 0; i < 20; i++) {
            isFound("p:1");
        }

        assertTrue(attemptsToRemove("p:") > 1, "all of it fitted into a call");

        assertEquals(KEYS, keys());
    }

    private void isFound(String key) {
        try {
            store.contains(key);
        } catch (CacheUnavailableException e) {
            // Once for each connection.
        }
    }

    private static boolean isRemoved(CacheStore store, String prefix) {
        try {
            store.removeByPrefix(prefix);
            return true;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }
}
