package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheEvent;
import dev.holdfast.cache.CacheEvent.TierLost;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.FakeClock;
import dev.holdfast.cache.testkit.FlakyStore;
import dev.holdfast.cache.testkit.RecordingListener;
import dev.holdfast.cache.testkit.RedisExtension;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The snippets of {@code docs/testing.md}, run. */
class TestingDocTest {
    // doc
    @RegisterExtension
    static final RedisExtension redis = RedisExtension.create();

    @Test
    void theCacheAnswersWhileRedisIsDead() {
        RecordingListener events = new RecordingListener();
        try (CacheClient client = CacheClient.builder()
                .settings(Settings.of(Map.of("REDIS_URL", redis.url())))
                .on(CacheEvent.class, events)
                .build()) {
            LoadingCache<String, String> cache =
                    client.cache("c", String.class, String.class).build(key -> "of " + key);
            assertEquals("of a", cache.get("a"));
            redis.server().kill();
            assertEquals("of a", cache.get("a")); // answered, whatever it takes
            assertEquals("single", events.await(TierLost.class).tier());
            redis.server().restart(RedisServer.Data.EMPTY);
            assertTrue(client.awaitServing("single", Duration.ofSeconds(30)));
        }
    }
    // end

    @Test
    void fiveMinutesPass() {
        // doc
        FakeClock clock = new FakeClock();
        CacheClient client = CacheClient.builder().clock(clock).build();
        Cache<String, String> cache = client.cache("c", String.class, String.class)
                .ttl(Duration.ofMinutes(5))
                .build();
        cache.put("k", "v");
        clock.advance(Duration.ofMinutes(5));
        assertNull(cache.get("k"));
        // end
        client.close();
    }

    @Test
    void aStoreFailsByScript() {
        // doc
        FlakyStore flaky = FlakyStore.memory();
        CacheClient client =
                CacheClient.builder().tier("single", flaky).withoutMemory().build();
        Cache<String, String> cache =
                client.cache("c", String.class, String.class).build();
        flaky.fail(1, Reason.TIMEOUT, FlakyStore.Effect.APPLIED); // the next call is applied, and nobody learns it
        assertTrue(assertThrows(CacheUnavailableException.class, () -> cache.putIfAbsent("k", "v"))
                .outcomeUnknown());
        // end
        client.close();
    }

    @Test
    void theDocumentHoldsTheseSnippets() throws IOException {
        Snippets.assertAreIn("testing.md", TestingDocTest.class);
    }
}
