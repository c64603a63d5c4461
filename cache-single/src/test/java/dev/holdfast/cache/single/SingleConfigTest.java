package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.StoreProvider;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What may be configured, in code, by URL and by environment; and what is said of a mistake. */
class SingleConfigTest {
    @Test
    void aContextThatIsGivenIsForTheSentinelsToo() throws Exception {
        SSLContext given = SSLContext.getInstance("TLS");
        Settings settings = Settings.of(Map.of("REDIS_URL", "redis-sentinel://s1:1/shop"));
        SingleConfig config = SingleStoreProvider.config(settings.withTls("single", given));
        SingleConfig sentinel = config.sentinel(new Address("s1", 1));
        assertSame(given, config.tls().context());
        assertSame(given, sentinel.tls().context());
    }

    @Test
    void aUrlHoldsAllParts() {
        SingleConfig config = SingleConfig.of("rediss://us%65r:p%40s%2Fs%3A%C3%B6+@redis_1.example.com:6380/7");
        assertEquals("user", config.username());
        assertEquals("p@s/s:ö+", config.password().reveal());
        assertEquals("redis_1.example.com:6380", config.address());
        assertEquals(7, config.database());
        assertNotNull(config.tls());
        assertEquals("rediss://user:***@redis_1.example.com:6380/7", config.toString());
    }

    @Test
    void aUrlMayLeaveOutAllButTheHost() {
        SingleConfig config = SingleConfig.of("redis://localhost");
        assertNull(config.username());
        assertNull(config.password());
        assertNull(config.tls());
        assertEquals("localhost:6379", config.address());
        assertEquals(0, config.database());
        assertEquals("redis://localhost:6379", config.toString());
        assertNull(SingleConfig.of("redis://:secret@localhost/").username());
        assertEquals(
                "a@b", SingleConfig.of("redis://:a@b@localhost/").password().reveal());
    }

    @Test
    void anIpv6AddressStandsInBrackets() {
        SingleConfig config = SingleConfig.of("redis://[::1]:7000/2");
        assertEquals("[::1]:7000", config.address());
        assertEquals("[fe80::1]:6379", SingleConfig.of("redis://[fe80::1]").address());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "http://x",
                "localhost:6379",
                "redis://",
                "redis://:6379",
                "redis://h:0",
                "redis://h:70000",
                "redis://h:+1",
                "redis://h:1:2",
                "redis://h:x",
                "redis://::1",
                "redis://[::1",
                "redis://[::1]x",
                "redis://h/x",
                "redis://h/-1",
                "redis://h/1/2",
                "redis://h?ssl=true",
                "redis://h#1",
                "redis://user:%@h",
                "redis://user:%4@h",
                "redis://user:%zz@h",
                "redis://user:%FF@h",
                "redis://a b"
            })
    void aMalformedUrlIsRefused(String url) {
        assertThrows(IllegalArgumentException.class, () -> SingleConfig.of(url));
    }

    @Test
    void valuesOutOfBoundsAreRefused() {
        SingleConfig config = SingleConfig.of("h", 1);
        assertThrows(IllegalArgumentException.class, () -> SingleConfig.of("", 1));
        assertThrows(IllegalArgumentException.class, () -> SingleConfig.of("a b", 1));
        assertThrows(IllegalArgumentException.class, () -> SingleConfig.of("h:6379", 1));
        assertThrows(IllegalArgumentException.class, () -> SingleConfig.of("h", 0));
        assertThrows(IllegalArgumentException.class, () -> SingleConfig.of("h", 65_536));
        assertThrows(IllegalArgumentException.class, () -> config.withDatabase(-1));
        assertThrows(IllegalArgumentException.class, () -> config.withPoolSize(0));
        assertThrows(IllegalArgumentException.class, () -> config.withConnectTimeout(Duration.ZERO));
        assertThrows(IllegalArgumentException.class, () -> config.withCommandTimeout(Duration.ofNanos(1)));
        assertThrows(IllegalArgumentException.class, () -> config.withCommandTimeout(Duration.ofDays(1)));
        assertThrows(IllegalArgumentException.class, () -> config.withUsername(""));
        assertThrows(
                CacheConfigException.class, () -> config.withTls(Path.of("no", "such", "file.p12"), Secret.of("x")));
    }

    @Test
    void thePartsOfTheEnvironmentMakeAConfiguration() {
        SingleConfig config = SingleStoreProvider.config(Settings.of(Map.of(
                "REDIS_HOST", "redis.example.com",
                "REDIS_PORT", "6380",
                "REDIS_USERNAME", "user",
                "REDIS_PASSWORD", " with blanks ",
                "REDIS_DB", "4",
                "REDIS_CONNECTION_POOL_SIZE", "9",
                "REDIS_CONNECT_TIMEOUT", "700",
                "REDIS_COMMAND_TIMEOUT", "300",
                "REDIS_KEY_PREFIX", "app")));
        assertEquals("redis://user:***@redis.example.com:6380/4", config.toString());
        assertEquals(" with blanks ", config.password().reveal());
        assertEquals(9, config.poolSize());
        assertEquals(Duration.ofMillis(700), config.connectTimeout());
        assertEquals(Duration.ofMillis(300), config.commandTimeout());
        assertEquals(KeyPrefix.of("app"), config.keyPrefix());
    }

    @Test
    void theUrlWinsOverTheParts() {
        SingleConfig config = SingleStoreProvider.config(Settings.of(
                Map.of("REDIS_URL", "redis://:a@one/1", "REDIS_HOST", "two", "REDIS_PASSWORD", "b", "REDIS_DB", "3")));
        assertEquals("redis://:***@one:6379/1", config.toString());
        assertEquals("a", config.password().reveal());
    }

    @Test
    void aUrlWithoutAPasswordHasTheOneBesideIt() {
        SingleConfig config = SingleStoreProvider.config(Settings.of(Map.of(
                "REDIS_URL", "redis-sentinel://app:@one,two/shop", "REDIS_USERNAME", "b", "REDIS_PASSWORD", "c")));
        assertEquals("redis-sentinel://app:***@one:26379,two:26379/shop", config.toString());
        assertEquals("c", config.password().reveal());
    }

    @Test
    void theDefaultsAreThoseOfTheDesign() {
        SingleConfig config = SingleStoreProvider.config(Settings.of(Map.of("REDIS_HOST", "h")));
        assertEquals(5, config.poolSize());
        assertEquals(Duration.ofSeconds(5), config.connectTimeout());
        assertEquals(Duration.ofSeconds(3), config.commandTimeout());
        try (SingleStore store = SingleStore.of(config)) {
            assertEquals(Duration.ofMillis(9_500), store.callBound());
            assertEquals(
                    Duration.ofMillis(100), store.within(Duration.ofMillis(100)).callBound());
            assertEquals(store, store.within(Duration.ofSeconds(10)));
            assertEquals("SingleStore(redis://h:6379)", store.toString());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "REDIS_PORT, abc",
        "REDIS_PORT, 70000",
        "REDIS_DB, -1",
        "REDIS_CONNECTION_POOL_SIZE, 0",
        "REDIS_CONNECT_TIMEOUT, 0",
        "REDIS_COMMAND_TIMEOUT, soon",
        "REDIS_KEY_PREFIX, a b",
        "REDIS_HOST, localhost:6379",
        "REDIS_HOST, 127.0.0.1:6379",
        "REDIS_URL, http://x",
        "REDIS_URL, redis://user:s%zzcret@h"
    })
    void aMalformedVariableIsNamedWithWhatItHoldsAndMayHold(String name, String value) {
        Map<String, String> variables = new HashMap<>(Map.of("REDIS_HOST", "h"));
        variables.put(name, value);
        CacheConfigException e =
                assertThrows(CacheConfigException.class, () -> SingleStoreProvider.config(Settings.of(variables)));
        assertTrue(e.getMessage().startsWith(name + " is \""), e.getMessage());
        assertTrue(e.getMessage().contains("must"), e.getMessage());
        assertFalse(e.getMessage().contains("s%zzcret"), e.getMessage());
    }

    @Test
    void withoutAnyAddressBothVariablesAreNamed() {
        CacheConfigException e =
                assertThrows(CacheConfigException.class, () -> SingleStoreProvider.config(Settings.of(Map.of())));
        assertTrue(e.getMessage().contains("REDIS_URL") && e.getMessage().contains("REDIS_HOST"), e.getMessage());
    }

    @Test
    void theProviderStandsInTheModuleAndInTheServicesFile() throws IOException {
        String provider = SingleStoreProvider.class.getName();
        assertEquals("single", new SingleStoreProvider().tier());
        try (InputStream services =
                SingleStore.class.getResourceAsStream("/META-INF/services/" + StoreProvider.class.getName())) {
            assertEquals(provider, new String(services.readAllBytes(), StandardCharsets.UTF_8).strip());
        }
        Module module = SingleStore.class.getModule();
        if (module.isNamed()) {
            assertTrue(module.getDescriptor().provides().stream()
                    .anyMatch(provides -> provides.providers().contains(provider)));
        }
    }
}
