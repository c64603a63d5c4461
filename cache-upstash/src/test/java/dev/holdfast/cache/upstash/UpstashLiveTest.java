package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import java.io.IOException;
import java.time.Duration;
import java.util.UUID;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

/**
 * Runs only against a real database, where the two variables name one. Besides checking the store it prints what only the
 * real service can say, in lines that begin with {@code live:}, for whoever maintains the gateway.
 */
@EnabledIfEnvironmentVariable(named = "UPSTASH_REDIS_REST_URL", matches = ".+")
@EnabledIfEnvironmentVariable(named = "UPSTASH_REDIS_REST_TOKEN", matches = ".+")
class UpstashLiveTest {
    private static final Duration TTL = Duration.ofMinutes(1);

    private final UpstashConfig config = UpstashConfig.of(
                    System.getenv("UPSTASH_REDIS_REST_URL"), Secret.of(System.getenv("UPSTASH_REDIS_REST_TOKEN")))
            .withKeyPrefix(KeyPrefix.of("holdfast-live-" + UUID.randomUUID()));

    @Test
    void everyByteStringComesBackAndCountersAreExact() {
        try (CacheStore store = UpstashStore.create(config)) {
            byte[] binary = {0, -1, -2, (byte) 0x80};
            store.put("binary", binary, TTL);
            assertArrayEquals(binary, store.get("binary"));
            store.put("nul", "a\0b".getBytes(UTF_8), TTL);
            assertArrayEquals("a\0b".getBytes(UTF_8), store.get("nul"));
            assertEquals(9_007_199_254_740_993L, store.increment("counter", 9_007_199_254_740_993L, TTL));
            assertEquals(9_007_199_254_740_994L, store.increment("counter", 1, TTL));
            store.probe(Duration.ofSeconds(5));
            store.removeByPrefix("");
        }
    }

    @Test
    void recordsWhatOnlyTheServiceCanSay() throws IOException {
        OkHttpClient http = new OkHttpClient();
        record(http, "status OK nested under base64", "", "[\"EVAL\",\"return {redis.status_reply('OK')}\",\"0\"]");
        record(http, "an integer above 2^53", "", "[\"EVAL\",\"return 9007199254740993\",\"0\"]");
        record(http, "a JSON float as argument", "", "[\"ECHO\",1.50]");
        record(http, "an exponent as argument", "", "[\"ECHO\",1e3]");
        record(http, "an empty pipeline", "/pipeline", "[]");
        record(http, "an empty transaction", "/multi-exec", "[]");
        record(http, "%2F in the path", "/echo/a%2Fb", "");
        record(http, "a query argument without a value", "/ping?x", "");
        http.dispatcher().executorService().shutdown();
        http.connectionPool().evictAll();
    }

    private void record(OkHttpClient http, String question, String path, String body) throws IOException {
        Request request = new Request.Builder()
                .url(config.url() + path)
                .header("Authorization", "Bearer " + config.token().reveal())
                .header("Upstash-Encoding", "base64")
                .post(RequestBody.create(body.getBytes(UTF_8), MediaType.get("application/json")))
                .build();
        try (Response response = http.newCall(request).execute()) {
            System.out.println("live: " + question + ": HTTP " + response.code() + " over " + response.protocol() + ", "
                    + response.headers().names() + ", " + response.body().string());
        }
    }
}
