package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What a server that can't be reached, or doesn't want this client, is reported as. */
class SingleStoreRefusalTest {

    private static CacheUnavailableException failure(SingleConfig config, Reason reason, String... parts) {
        try (SingleStore store = SingleStore.of(config)) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertEquals(reason, e.reason(), e.getMessage());
            assertFalse(e.outcomeUnknown(), "nothing was applied");
            assertTrue(e.getMessage().contains(config.address()), "names the address: " + e.getMessage());
            for (String part : parts) {
                assertTrue(e.getMessage().contains(part), "says \"" + part + "\": " + e.getMessage());
            }
            assertFalse(store.health().available());
            CacheUnavailableException probe =
                    assertThrows(CacheUnavailableException.class, () -> store.probe(Duration.ofSeconds(5)));
            assertEquals(reason, probe.reason(), probe.getMessage());
            return e;
        }
    }

    @Test
    void aClosedPortIsRefusedWithTheAddress() throws IOException {
        int port;
        try (ServerSocket once = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = once.getLocalPort();
        }
        failure(SingleConfig.of("127.0.0.1", port), Reason.CONNECTION, "Connection refused", "is it running");
    }

    @Test
    void anUnknownHostIsNamed() {
        failure(SingleConfig.of("no-such-host.invalid", 6379), Reason.CONNECTION, "can't be resolved");
    }

    @Test
    void aServerThatNeverAnswersTheLogInTimesOutWithinTheConnectTimeout() throws IOException {
        try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            CacheUnavailableException e = failure(
                    SingleConfig.of("127.0.0.1", silent.getLocalPort())
                            .withConnectTimeout(Duration.ofMillis(200))
                            .withCommandTimeout(Duration.ofMillis(200)),
                    Reason.TIMEOUT);
            assertInstanceOf(CacheTimeoutException.class, e);
        }
    }

    @Test
    void aMissingAndAWrongPasswordNameTheSettingAndNotTheSecret() {
        try (RedisServer server = RedisServer.builder().password("right").start()) {
            SingleConfig config = SingleConfig.of(server.host(), server.port());
            failure(config, Reason.REFUSED, "withPassword");
            CacheUnavailableException e =
                    failure(config.withPassword(Secret.of("wr0ng")), Reason.REFUSED, "withPassword");
            for (Throwable t = e; t != null; t = t.getCause()) {
                assertFalse(String.valueOf(t.getMessage()).contains("wr0ng"));
            }
            failure(config.withUsername("nobody").withPassword(Secret.of("x")), Reason.REFUSED, "withUsername");
        }
    }

    @Test
    void aDatabaseThatTheServerDoesNotHaveNamesTheSetting() {
        try (RedisServer server = RedisServer.start()) {
            failure(
                    SingleConfig.of(server.host(), server.port()).withDatabase(99),
                    Reason.REFUSED,
                    "99",
                    "withDatabase");
        }
    }

    @Test
    void tlsFailuresSayWhatIsWrongWithTheCertificate() {
        Certificates authority = Certificates.create();
        try (RedisServer server =
                RedisServer.builder().tls(authority, Certificates.Kind.VALID).start()) {
            SingleConfig plain = SingleConfig.of("127.0.0.1", server.port());
            SingleConfig trusting = plain.withTls(authority.trustStore(), Secret.of(authority.trustStorePassword()));
            failure(plain.withTls(), Reason.REFUSED, "not trusted", "trustStore");
            failure(plain, Reason.CONNECTION, "rediss://");
            try (SingleStore store = SingleStore.of(trusting)) {
                assertFalse(store.contains("k"));
            }
            server.setCertificate(authority, Certificates.Kind.WRONG_NAME);
            failure(trusting, Reason.REFUSED, "not for the host 127.0.0.1");
            server.setCertificate(authority, Certificates.Kind.EXPIRED);
            failure(trusting, Reason.REFUSED, "expired");
        }
        try (RedisServer server = RedisServer.start()) {
            failure(
                    SingleConfig.of("127.0.0.1", server.port()).withTls().withConnectTimeout(Duration.ofMillis(500)),
                    Reason.TIMEOUT,
                    "speak TLS",
                    "leave TLS out");
        }
    }

    @Test
    void somethingElseThatAnswersAHandshakeIsSaidNotToSpeakTls() throws IOException {
        try (ServerSocket other = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            Thread greeting = new Thread(() -> {
                try {
                    while (true) {
                        other.accept()
                                .getOutputStream()
                                .write("-ERR unknown command\r\n".getBytes(StandardCharsets.US_ASCII));
                    }
                } catch (IOException e) {
                    // closed
                }
            });
            greeting.setDaemon(true);
            greeting.start();
            failure(
                    SingleConfig.of("127.0.0.1", other.getLocalPort()).withTls(),
                    Reason.REFUSED,
                    "does not speak TLS",
                    "no TLS");
        }
    }

    @Test
    void aNodeOfAClusterIsRecognised() throws IOException {
        try (ScriptedServer node = ScriptedServer.saying("-MOVED 3999 127.0.0.1:6381\r\n")) {
            failure(node.config(), Reason.REFUSED, "node of a cluster", "ClusterConfig");
        }
    }
}
