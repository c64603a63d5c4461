package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Messages name a setting as it was given: by the method of who configured by code, by the variable of who set that. */
class SettingNamesTest {
    private static final Pattern VARIABLE = Pattern.compile("(REDIS|CACHE)_[A-Z_]+");
    private static final Pattern METHOD = Pattern.compile("with[A-Z]\\w+|\\w+Config\\b|the URL");

    private static SingleConfig bySettings(Map<String, String> more) {
        Map<String, String> all = new HashMap<>(Map.of("REDIS_URL", "redis://127.0.0.1:1"));
        all.putAll(more);
        return SingleStoreProvider.config(Settings.of(all));
    }

    private static List<String> complaints(SingleConfig config) {
        JedisErrors errors = new JedisErrors(config);
        List<RuntimeException> all = List.of(
                errors.refusal(new Refusal("NOAUTH Authentication required.")),
                errors.refusal(new Refusal("MOVED 1 127.0.0.1:2")),
                errors.lost(null, CloseReason.OVERDUE, true),
                errors.lost(null, CloseReason.CALLER_OVERDUE, true),
                errors.exhausted(1_000_000, 5, 5, 1),
                errors.tooLarge(new TooLargeReplyException(2, 1)));
        List<String> texts =
                new ArrayList<>(all.stream().map(Throwable::getMessage).toList());
        try (CacheStore store = SingleStore.of(config)) {
            byte[] value = new byte[1 << 11];
            texts.add(assertThrows(CacheException.class, () -> store.put("k", value, Duration.ofSeconds(1)))
                    .getMessage());
        }
        return texts;
    }

    private static void assertNamed(List<String> texts, Pattern own, Pattern others) {
        for (String text : texts) {
            assertTrue(own.matcher(text).find(), text);
            assertFalse(others.matcher(text).find(), text);
        }
    }

    @Test
    void whoConfiguredByCodeIsToldOfMethods() {
        SingleConfig config = SingleConfig.of("redis://127.0.0.1:1").withMaxValueBytes(1 << 10);
        assertNamed(complaints(config), METHOD, VARIABLE);
        assertNamed(complaints(config.withPassword(Secret.of("s"))), METHOD, VARIABLE);
        assertNamed(complaints(config.withCredentials(() -> Credentials.of(Secret.of("s")))), METHOD, VARIABLE);
        assertNamed(
                complaints(SingleConfig.ofSentinels(List.of("127.0.0.1:1"), "m")
                        .withMaxValueBytes(1 << 10)
                        .sentinel(Address.parse("127.0.0.1:1"))
                        .withMaxValueBytes(1 << 10)),
                METHOD,
                VARIABLE);
    }

    @Test
    void whoSetVariablesIsToldOfVariables(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("password"), "s");
        Map<String, String> small = Map.of("CACHE_MAX_VALUE_BYTES", "1024");
        assertNamed(complaints(bySettings(small)), VARIABLE, METHOD);
        assertNamed(complaints(bySettings(with(small, "REDIS_PASSWORD", "s"))), VARIABLE, METHOD);
        assertNamed(complaints(bySettings(with(small, "REDIS_PASSWORD_FILE", file.toString()))), VARIABLE, METHOD);
        SingleConfig sentinel = bySettings(with(small, "REDIS_URL", "redis-sentinel://127.0.0.1:1/m"))
                .sentinel(Address.parse("127.0.0.1:1"))
                .withMaxValueBytes(1 << 10);
        List<String> ofSentinel = complaints(sentinel);
        assertNamed(ofSentinel, VARIABLE, METHOD);
        assertTrue(ofSentinel.get(0).contains("(REDIS_SENTINEL_PASSWORD)"), ofSentinel.get(0));
    }

    private static Map<String, String> with(Map<String, String> settings, String name, String value) {
        Map<String, String> all = new HashMap<>(settings);
        all.put(name, value);
        return all;
    }

    private static String notOpened(SingleConfig config) {
        try (CacheStore store = SingleStore.of(config)) {
            String text =
                    assertThrows(CacheException.class, () -> store.get("k")).getMessage();
            return text.substring(text.indexOf(" within ") < 0 ? text.indexOf("; ") : text.indexOf(" within "));
        }
    }

    @Test
    void theTimeToConnectAndTheDatabaseAreNamedAsTheyWereGiven() throws IOException {
        // Accepts, as the kernel does for it, and says nothing.
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(silent.getLocalPort());
            SingleConfig config = SingleConfig.of("redis://127.0.0.1:" + port)
                    .withConnectTimeout(Duration.ofMillis(50))
                    .withPassword(Secret.of("s"));
            assertEquals(" within 50 ms (withConnectTimeout)", notOpened(config));
            assertEquals(
                    " within 50 ms (withConnectTimeout); if it does not speak TLS: leave TLS out",
                    notOpened(config.withTls()));
            assertEquals(
                    " within 50 ms (REDIS_CONNECT_TIMEOUT); if it does not speak TLS: REDIS_TLS=false, redis://",
                    notOpened(SingleStoreProvider.config(Settings.of(Map.of(
                            "REDIS_HOST", "127.0.0.1",
                            "REDIS_PORT", port,
                            "REDIS_TLS", "true",
                            "REDIS_CONNECT_TIMEOUT", "50")))));
        }
        try (RedisServer redis = RedisServer.start()) {
            assertEquals(
                    "; it has no database 99 (withDatabase, or the path of the URL)",
                    notOpened(SingleConfig.of(redis.url()).withDatabase(99)));
            assertEquals(
                    "; it has no database 99 (REDIS_DB, or the path of REDIS_URL)",
                    notOpened(bySettings(Map.of("REDIS_URL", redis.url() + "/99"))));
        }
    }
}
