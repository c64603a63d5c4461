package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.LoadingCache;
import dev.holdfast.cache.TypeRef;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.NearCache;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The snippets of {@code docs/near.md}, run. */
class NearDocTest {
    private static final class Database {
        String findUser(long id) {
            return "user " + id;
        }
    }

    private final Database database = new Database();

    @Test
    void whatWasReadIsNear() {
        try (CacheClient client = CacheClient.builder().build()) {
            // doc
            LoadingCache<Long, String> users = client.cache("users", Long.class, String.class)
                    .near(NearCache.ofBytes(32 << 20))
                    .build(id -> database.findUser(id));
            // end
            assertEquals("user 42", users.get(42L));
            assertSame(users.get(42L), users.get(42L));
        }
    }

    @Test
    void whatIsNotToldOfIsNearForATime() {
        try (CacheClient client = CacheClient.builder().build()) {
            // doc
            Cache<String, List<String>> rights = client.cache("rights", String.class, new TypeRef<List<String>>() {})
                    .near(NearCache.ofBytes(4 << 20)
                            .withUntrackedTtl(Duration.ofSeconds(2)) // of a server that does not tell of changes
                            .withCopies()) // each reader may change what it gets
                    .build();
            // end
            rights.put("me", List.of("read"));
            assertEquals(List.of("read"), rights.get("me"));
        }
    }

    @Test
    void theDocumentShowsWhatIsHere() throws Exception {
        Snippets.assertAreIn("near.md", NearDocTest.class);
    }
}
