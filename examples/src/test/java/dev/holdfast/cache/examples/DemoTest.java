package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class DemoTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @Test
    void aDemoThatIsNotKnownIsRefusedWithThoseThatAre() {
        System.setProperty("demo", "tow");
        try {
            IllegalArgumentException refused =
                    assertThrows(IllegalArgumentException.class, () -> Demo.main(new String[0]));
            assertEquals(
                    "-Ddemo=tow is not known; known are single, two, cluster, webhooks, near, streams, monitor, instances, rollout, mixed and service",
                    refused.getMessage());
        } finally {
            System.clearProperty("demo");
        }
    }

    @Test
    void ofTwoRemotesAndMemoryEachAnswersInItsTurn() {
        try (DemoServers servers = new TwoRemotes();
                CacheClient client = CacheClient.from(servers.settings())) {
            Cache<String, String> cache =
                    client.cache("classes", String.class, String.class).build();
            cache.put("k", "v");
            assertTrue(servers.holds("classes:k"));

            servers.kill();
            await(cache, "upstash");
            cache.remove("k");
            for (int second = 0; servers.also(second).isEmpty(); second++) {
                assertTrue(second < 60, "the second server does not die");
            }
            await(cache, "memory");

            servers.restart();
            assertTrue(servers.holds("classes:k"), "it has its old data");
            await(cache, "single");
            assertNull(cache.get("k"));
        }
    }

    private static void await(Cache<String, String> cache, String tier) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        String last = "";
        while (System.nanoTime() - end < 0) {
            last = cache.lookup("heartbeat").tier();
            if (last.equals(tier)) {
                return;
            }
            LockSupport.parkNanos(5_000_000);
        }
        fail("waited " + PATIENCE + " for " + tier + " to answer; it was " + last);
    }
}
