package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What a wrong setting is answered with: it names the variable, what it held (secrets masked), and what would be right. */
class BadInputTest {

    private static Map<String, String> with(String... namesAndValues) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            values.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return values;
    }

    private static <E extends CacheException> String refused(Class<E> type, Map<String, String> settings) {
        E e = assertThrows(type, () -> CacheClient.from(Settings.of(settings)).close());
        StringWriter trace = new StringWriter();
        e.printStackTrace(new PrintWriter(trace));
        assertFalse(trace.toString().contains("s3cret"), () -> "a secret in " + trace);
        return e.getMessage();
    }

    private static void assertSays(String message, String... parts) {
        for (String part : parts) {
            assertTrue(message.contains(part), () -> "\"" + part + "\" is not in: " + message);
        }
    }

    private static void assertMalformed(Map<String, String> settings, String... parts) {
        assertSays(refused(CacheConfigException.class, settings), parts);
    }

    @Test
    void numbersOutOfBoundsAreRefusedUsedOrNot() {
        assertMalformed(with("REDIS_PORT", "abc"), "REDIS_PORT", "\"abc\"", "1 to 65535");
        assertMalformed(with("REDIS_HOST", "h", "REDIS_PORT", "abc"), "REDIS_PORT", "\"abc\"", "1 to 65535");
        assertMalformed(with("REDIS_HOST", "h", "REDIS_PORT", "70000"), "REDIS_PORT", "\"70000\"", "1 to 65535");
        assertMalformed(with("CACHE_TTL", "-1"), "CACHE_TTL", "\"-1\"", "from 1 to");
        assertMalformed(with("REDIS_MAX_RETRIES", "-1"), "REDIS_MAX_RETRIES", "\"-1\"", "from 0 to");
        assertMalformed(with("REDIS_FAILOVER_TIMEOUT", "10x"), "REDIS_FAILOVER_TIMEOUT", "\"10x\"", "ms, s, m, h, d");
        assertMalformed(with("CACHE_MEMORY_MAX_BYTES", "0"), "CACHE_MEMORY_MAX_BYTES", "\"0\"", "from 1048576 to");
        assertMalformed(with("CACHE_MEMORY_MAX_BYTES", "64"), "CACHE_MEMORY_MAX_BYTES", "\"64\"", "from 1048576 to");
        assertMalformed(with("CACHE_MAX_VALUE_BYTES", "1"), "CACHE_MAX_VALUE_BYTES", "\"1\"", "from 1024");
        assertMalformed(with("REDIS_CONNECTION_POOL_SIZE", "0"), "REDIS_CONNECTION_POOL_SIZE", "\"0\"");
    }

    @Test
    void anAddressForAlertsMustBeOneAndIsNotShown() {
        for (String text :
                new String[] {"not a s3cret url", "ftp://s3cret.example.com/", "hooks/s3cret", "https:///s3cret"}) {
            assertMalformed(with("REDIS_ALERT_WEBHOOK_URL", text), "REDIS_ALERT_WEBHOOK_URL", "\"***\"", "https://");
        }
    }

    @Test
    void switchesAreTrueOrFalse() {
        for (String name : new String[] {
            "CACHE_ENABLED",
            "REDIS_ENABLED",
            "REDIS_CLUSTER_ENABLED",
            "REDIS_CLUSTER_TLS",
            "REDIS_FALLBACK_TO_SINGLE",
            "CACHE_STRICT_START",
            "REDIS_MONITORING_ENABLED"
        }) {
            assertMalformed(with(name, "maybe"), name, "(5 characters", "true or false");
        }
    }

    @Test
    void aUrlMustBeOneOfRedis() {
        assertMalformed(with("REDIS_URL", "http://x"), "REDIS_URL", "http://***", "redis://");
        assertMalformed(with("REDIS_URL", "redis://u:s3cret%zz@h"), "REDIS_URL", "password", "%25", "***");
        assertMalformed(with("REDIS_URL", "redis://u:s3cret%ff@h:1"), "REDIS_URL", "password", "UTF-8");
    }

    @Test
    void aSecretInTheWrongPlaceIsNotShown() {
        assertMalformed(with("REDIS_URL", "redis://user:s3cret"), "REDIS_URL", "its port");
        assertMalformed(with("REDIS_URL", "redis://h:1/0?password=s3cret"), "REDIS_URL", "parameter password");
        assertMalformed(with("REDIS_URL", "s3cret"), "REDIS_URL", "redis://");
        assertMalformed(with("REDIS_HOST", "redis://:s3cret@h"), "REDIS_HOST", "host name");
        assertMalformed(with("REDIS_PORT", "s3cret"), "REDIS_PORT", "1 to 65535");
        assertMalformed(with("CACHE_TIERS", "memory,s3cret"), "CACHE_TIERS", "memory last");
        assertMalformed(with("CACHE_TIERS", "s3cret,memory"), "CACHE_TIERS", "its word 1");
        assertMalformed(with("CACHE_ENABLED", "s3cret"), "CACHE_ENABLED", "true or false");
        assertMalformed(with("REDIS_HOST", "h", "REDIS_KEY_PREFIX", "s3cret s3cret"), "REDIS_KEY_PREFIX");
    }

    /** In each pod of a namespace with a Service named redis. */
    @Test
    void theVariablesOfAKubernetesServiceDoNotStopTheStart() {
        Map<String, String> pod = with(
                "REDIS_PORT", "tcp://10.96.0.11:6379",
                "REDIS_SERVICE_HOST", "10.96.0.11",
                "REDIS_SERVICE_PORT", "6379",
                "REDIS_PORT_6379_TCP", "tcp://10.96.0.11:6379",
                "REDIS_PORT_6379_TCP_PROTO", "tcp",
                "REDIS_PORT_6379_TCP_PORT", "6379",
                "REDIS_PORT_6379_TCP_ADDR", "10.96.0.11");
        for (String[] more : new String[][] {{}, {"CACHE_ENABLED", "false"}, {"REDIS_ENABLED", "false"}}) {
            Map<String, String> settings = new HashMap<>(pod);
            settings.putAll(with(more));
            PrintStream console = System.err;
            ByteArrayOutputStream log = new ByteArrayOutputStream();
            System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
            try (CacheClient client = CacheClient.from(Settings.of(settings))) {
                assertEquals("in-memory", client.health().type());
            } finally {
                System.setErr(console);
            }
            String said = log.toString(StandardCharsets.UTF_8);
            assertSays(said, "REDIS_PORT", "enableServiceLinks: false");
            assertEquals(said.indexOf("enableServiceLinks"), said.lastIndexOf("enableServiceLinks"), said);
        }
    }

    @Test
    void aTierWithoutItsModuleNamesTheArtifact() {
        assertMalformed(
                with("REDIS_CLUSTER_ENABLED", "true", "REDIS_CLUSTER_NODES", "h:1"),
                "cluster",
                "dev.holdfast:holdfast-cache-cluster");
    }

    @Test
    void aClosedPortIsNamedWhenNothingElseAnswers() throws IOException {
        int port;
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = socket.getLocalPort();
        }
        Map<String, String> settings =
                with("REDIS_HOST", "127.0.0.1", "REDIS_PORT", "" + port, "CACHE_TIERS", "single");
        assertSays(
                refused(CacheUnavailableException.class, settings),
                "127.0.0.1:" + port,
                "REDIS_HOST",
                "REDIS_PORT",
                "CACHE_TIERS");
        settings.remove("CACHE_TIERS");
        settings.put("CACHE_STRICT_START", "true");
        assertMalformed(settings, "127.0.0.1:" + port, "CACHE_STRICT_START");
        settings.remove("CACHE_STRICT_START");
        try (CacheClient client = CacheClient.from(Settings.of(settings))) {
            assertEquals("in-memory", client.health().type());
        }
    }

    @Test
    void aDatabaseThatTheServerDoesNotHaveIsNamed() {
        try (RedisServer redis = RedisServer.start()) {
            Map<String, String> settings = with("REDIS_URL", redis.url() + "/99", "CACHE_TIERS", "single");
            assertMalformed(settings, "" + redis.port(), "REDIS_DB");
            Map<String, String> parts = with(
                    "REDIS_HOST",
                    redis.host(),
                    "REDIS_PORT",
                    "" + redis.port(),
                    "REDIS_DB",
                    "99",
                    "CACHE_TIERS",
                    "single");
            assertMalformed(parts, "" + redis.port(), "REDIS_DB");
        }
    }

    @Test
    void aWrongPasswordIsFatalOnlyWhereNothingElseAnswers() {
        try (RedisServer redis = RedisServer.builder().password("right-s3cret").start()) {
            Map<String, String> settings = with(
                    "REDIS_HOST",
                    redis.host(),
                    "REDIS_PORT",
                    "" + redis.port(),
                    "REDIS_PASSWORD",
                    "wrong-s3cret",
                    "CACHE_TIERS",
                    "single");
            assertMalformed(settings, "" + redis.port(), "REDIS_PASSWORD");
            settings.remove("REDIS_PASSWORD");
            assertMalformed(settings, "" + redis.port(), "REDIS_PASSWORD");
            settings.remove("CACHE_TIERS");
            settings.put("REDIS_PASSWORD", "wrong-s3cret");
            try (CacheClient client = CacheClient.from(Settings.of(settings))) {
                assertEquals("in-memory", client.health().type());
                assertFalse(client.healthJson().contains("s3cret"));
                assertFalse(client.toString().contains("s3cret"));
            }
        }
    }

    @Test
    void aCertificateThatIsNotTrustedIsNamed() {
        try (RedisServer redis = RedisServer.builder().tls().start()) {
            String url = "rediss://" + redis.host() + ':' + redis.port();
            assertMalformed(with("REDIS_URL", url, "CACHE_TIERS", "single"), "" + redis.port(), "certificate");
        }
    }

    @Test
    void theKillSwitchContactsNothing() {
        Map<String, String> settings = with("REDIS_URL", "redis://127.0.0.1:1", "REDIS_ENABLED", "false");
        try (CacheClient client = CacheClient.from(Settings.of(settings))) {
            assertEquals(1, client.health().tiers().size());
        }
    }
}
