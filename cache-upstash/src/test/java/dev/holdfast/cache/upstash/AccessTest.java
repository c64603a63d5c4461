package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ways to a database that an operator may say by settings. */
class AccessTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);
    private static GatewayUnderTest server;

    @TempDir
    private Path directory;

    @BeforeAll
    static void start() {
        server = new GatewayUnderTest();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static UpstashStore open(String url, String... pairs) {
        Map<String, String> values = new HashMap<>(Map.of("UPSTASH_REDIS_REST_URL", url));
        for (int i = 0; i < pairs.length; i += 2) {
            values.put(pairs[i], pairs[i + 1]);
        }
        return UpstashStore.create(UpstashStoreProvider.config(Settings.of(values)));
    }

    private static void assertServes(UpstashStore store) {
        store.put("k", VALUE, TTL);
        assertArrayEquals(VALUE, store.get("k"));
    }

    private static String refusal(UpstashStore store) {
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
        assertEquals(CacheUnavailableException.Reason.REFUSED, e.reason(), e.getMessage());
        return e.getMessage();
    }

    @Test
    void aTokenInAFileIsReadAgainWhenItIsRefused() throws IOException {
        Path file = Files.writeString(directory.resolve("token"), "\"not-yet\"\n");
        try (UpstashStore store = open(server.gateway.url(), "UPSTASH_REDIS_REST_TOKEN_FILE", file.toString())) {
            String message = refusal(store);
            assertFalse(message.contains("not-yet"), message);
            Files.writeString(file, GatewayUnderTest.TOKEN + "\n");
            assertServes(store);
        }
    }

    @Test
    void aProviderIsAskedAgainWhenItsTokenIsRefused() {
        AtomicReference<String> present = new AtomicReference<>(GatewayUnderTest.TOKEN);
        UpstashConfig config = UpstashConfig.of(server.gateway.url(), () -> Credentials.of(Secret.of(present.get())));
        try (UpstashStore store = UpstashStore.create(config)) {
            assertServes(store);
            assertEquals(null, config.token());
        }
        present.set("two words");
        try (UpstashStore store = UpstashStore.create(config)) {
            String message = refusal(store);
            assertTrue(message.contains("printable ASCII"), message);
            assertFalse(message.contains("two words"), message);
        }
    }

    @Test
    void anAuthorityInAPemFileIsTrustedAndLessMayBeVerified() {
        Certificates authority = Certificates.create();
        for (Certificates.Kind kind : Certificates.Kind.values()) {
            try (RedisServer redis = RedisServer.start();
                    UpstashGateway gateway = UpstashGateway.builder("127.0.0.1:" + redis.port(), GatewayUnderTest.TOKEN)
                            .tls(authority, kind)
                            .start()) {
                String url = "https://localhost:" + gateway.port();
                String pem = authority.authority().toString();
                String token = GatewayUnderTest.TOKEN;
                boolean valid = kind == Certificates.Kind.VALID;
                try (UpstashStore full = open(url, "UPSTASH_REDIS_REST_TOKEN", token, "UPSTASH_TLS_CA_FILE", pem);
                        UpstashStore byAuthority = open(
                                url,
                                "UPSTASH_REDIS_REST_TOKEN",
                                token,
                                "UPSTASH_TLS_CA_FILE",
                                pem,
                                "UPSTASH_TLS_VERIFY",
                                "ca");
                        UpstashStore none = open(url, "UPSTASH_REDIS_REST_TOKEN", token, "UPSTASH_TLS_VERIFY", "none");
                        UpstashStore unaware = open(url, "UPSTASH_REDIS_REST_TOKEN", token, "REDIS_TLS_CA_FILE", pem)) {
                    assertServes(none);
                    assertTrue(refusal(unaware).contains("UPSTASH_TLS_CA_FILE") || !valid);
                    if (valid) {
                        assertServes(full);
                        assertServes(byAuthority);
                    } else if (kind == Certificates.Kind.WRONG_NAME) {
                        assertServes(byAuthority);
                        String message = refusal(full);
                        assertTrue(message.contains("UPSTASH_TLS_VERIFY=ca"), message);
                    } else {
                        refusal(full);
                        refusal(byAuthority);
                    }
                }
            }
        }
    }

    @Test
    void aDatabaseThatDemandsAClientsCertificateIsShownOne() {
        Certificates authority = Certificates.create();
        Certificates.Client client = authority.client("open sesame");
        try (RedisServer redis = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.builder("127.0.0.1:" + redis.port(), GatewayUnderTest.TOKEN)
                        .mutualTls(authority)
                        .start()) {
            String url = "https://localhost:" + gateway.port();
            String[] trusting = {
                "UPSTASH_REDIS_REST_TOKEN",
                GatewayUnderTest.TOKEN,
                "UPSTASH_TLS_CA_FILE",
                authority.authority().toString()
            };
            List<String> known = new ArrayList<>(List.of(trusting));
            known.addAll(List.of(
                    "UPSTASH_TLS_CERT_FILE", client.certificate().toString(),
                    "UPSTASH_TLS_KEY_FILE", client.key().toString(),
                    "UPSTASH_TLS_KEY_PASSWORD", "open sesame"));
            try (UpstashStore store = open(url, known.toArray(String[]::new))) {
                assertServes(store);
            }
            try (UpstashStore store = open(url, trusting)) {
                assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            }
        }
    }

    @Test
    void theLimitOfACommandIsTheTiersOwnBeforeTheSharedOne() {
        String[] settings = {
            "UPSTASH_REDIS_REST_TOKEN", GatewayUnderTest.TOKEN,
            "REDIS_COMMAND_TIMEOUT", "600000",
            "UPSTASH_COMMAND_TIMEOUT", "300"
        };
        try (GatewayUnderTest own = new GatewayUnderTest();
                UpstashStore store = open(own.gateway.url(), settings)) {
            assertServes(store);
            own.redis.freeze();
            try {
                long start = System.nanoTime();
                assertThrows(CacheUnavailableException.class, () -> store.get("k"));
                assertTrue(System.nanoTime() - start < Duration.ofMinutes(1).toNanos());
            } finally {
                own.redis.thaw();
            }
        }
    }
}
