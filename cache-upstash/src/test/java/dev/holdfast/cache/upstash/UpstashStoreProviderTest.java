package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.StoreProvider;
import java.io.InputStream;
import java.util.Map;
import org.junit.jupiter.api.Test;

class UpstashStoreProviderTest {
    private static final String URL = "UPSTASH_REDIS_REST_URL";
    private static final String TOKEN = "UPSTASH_REDIS_REST_TOKEN";

    private static CacheStore create(Map<String, String> settings) {
        return new UpstashStoreProvider().create(Settings.of(settings));
    }

    private static String complaint(Map<String, String> settings) {
        String message =
                assertThrows(CacheConfigException.class, () -> create(settings)).getMessage();
        assertFalse(message.contains("s3cret"), message);
        return message;
    }

    @Test
    void isFoundOnModulePathAndClassPath() throws Exception {
        assertEquals("upstash", new UpstashStoreProvider().tier());
        assertTrue(UpstashStore.class.getModule().getDescriptor().provides().stream()
                .anyMatch(provided -> provided.providers().contains(UpstashStoreProvider.class.getName())));
        try (InputStream services = UpstashStore.class
                .getModule()
                .getResourceAsStream("META-INF/services/" + StoreProvider.class.getName())) {
            assertEquals(UpstashStoreProvider.class.getName(), new String(services.readAllBytes(), UTF_8).strip());
        }
    }

    @Test
    void takesEitherPairOfNames() {
        create(Map.of(URL, "https://a.upstash.io", TOKEN, "s3cret")).close();
        CacheStore store = create(Map.of("KV_REST_API_URL", "https://b.upstash.io/", "KV_REST_API_TOKEN", "s3cret"));
        assertEquals("UpstashStore[b.upstash.io]", store.toString());
        store.close();
    }

    @Test
    void oneWithoutTheOtherIsNamed() {
        assertTrue(complaint(Map.of(URL, "https://a.upstash.io")).contains(TOKEN));
        assertTrue(complaint(Map.of(TOKEN, "s3cret")).contains(URL));
        assertTrue(complaint(Map.of(URL, "https://a.upstash.io", TOKEN, " \n")).contains(TOKEN));
    }

    @Test
    void plainHttpIsForLoopbackOrWhereItIsAllowed() {
        String message = complaint(Map.of(URL, "http://redis.example.com", TOKEN, "s3cret"));
        assertTrue(message.contains(URL) && message.contains("https://"), message);
        create(Map.of(URL, "http://127.0.0.1:8079", TOKEN, "s3cret")).close();
        create(Map.of(URL, "http://localhost:8079", TOKEN, "s3cret")).close();
        create(Map.of(URL, "http://redis.example.com", TOKEN, "s3cret", "UPSTASH_REDIS_REST_ALLOW_HTTP", "true"))
                .close();
    }

    @Test
    void aUrlThatCannotBeMeantIsNamed() {
        for (String url : new String[] {"redis://a:1", "not a url", "https://", "https://u:s3cret@a.upstash.io"}) {
            assertTrue(complaint(Map.of(URL, url, TOKEN, "s3cret")).startsWith(URL), url);
        }
    }

    @Test
    void quotesAndLineEndsAroundATokenAreDropped() {
        for (String token : new String[] {"s3cret\n", " s3cret ", "\"s3cret\"", "'s3cret'\n"}) {
            assertEquals(
                    Secret.of("s3cret"),
                    UpstashConfig.of("https://a.upstash.io", Secret.of(token)).token());
        }
        assertTrue(complaint(Map.of(URL, "https://a.upstash.io", TOKEN, "two s3cret"))
                .startsWith(TOKEN));
    }

    @Test
    void theTokenIsInNoText() {
        UpstashConfig config = UpstashConfig.of("https://a.upstash.io", Secret.of("s3cret"));
        assertFalse(config.toString().contains("s3cret"));
    }
}
