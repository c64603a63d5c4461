package dev.holdfast.spring.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.cache.CacheManager;

/** What properties keep near is answered here, and changes elsewhere are seen. */
class NearCacheTest {

    @Test
    void aPropertyKeepsACacheNearUntilItsServerSaysThatAnEntryChanged() {
        try (RedisServer redis = RedisServer.start()) {
            ApplicationContextRunner other = Contexts.caching(Origin.class)
                    .withPropertyValues("spring.data.redis.url=" + redis.url(), "holdfast.name=other");
            other.withPropertyValues("holdfast.name=near", "holdfast.caches.users.near.max-size=2MB")
                    .run(near -> other.run(elsewhere -> {
                        Origin origin = near.getBean(Origin.class);
                        Polls.until("a hit is near", () -> {
                            origin.findOnce(1);
                            return nearHits(near.getBean(CacheManager.class)) > 0;
                        });
                        elsewhere.getBean(Origin.class).save(new User(1, "renamed"));
                        Polls.until(
                                "the change is seen",
                                () -> origin.findOnce(1).name().equals("renamed"));
                        assertEquals(
                                0, nearHits(elsewhere.getBean(CacheManager.class)), "no property asks for it there");
                    }));
        }
    }

    private static long nearHits(CacheManager manager) {
        Cache<?, ?> users =
                (Cache<?, ?>) Objects.requireNonNull(manager.getCache("users")).getNativeCache();
        return users.stats().near().hits();
    }
}
