package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.Fault;
import dev.holdfast.cache.testkit.Redeployment;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import okhttp3.OkHttpClient;
import okio.Buffer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.core.json.JsonFactory;

/** Threads, class loaders, and TLS. */
class UpstashLifeTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);

    private static GatewayUnderTest server;

    @BeforeAll
    static void start() {
        server = new GatewayUnderTest();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void anApplicationThatWasUndeployedIsGarbage() throws Exception {
        // Each application has an SLF4J of its own, which would say that it logs nowhere.
        System.setProperty("slf4j.internal.verbosity", "ERROR");
        assertEquals(
                0,
                Redeployment.survivors(
                        20,
                        10,
                        RedeployedUpstash.class,
                        server.gateway.url(),
                        UpstashStore.class,
                        CacheStore.class,
                        OkHttpClient.class,
                        Buffer.class,
                        Class.forName("kotlin.Unit"),
                        JsonFactory.class,
                        Class.forName("org.slf4j.LoggerFactory")));
    }

    @Test
    void itsThreadsInheritNothingFromWhoeverCameFirst() throws Exception {
        Thread own = Thread.currentThread();
        ClassLoader before = own.getContextClassLoader();
        Set<Thread> others = ours();
        own.setContextClassLoader(new ClassLoader(before) {});
        try (UpstashStore store = server.store("threads")) {
            store.put("k", VALUE, TTL);
            store.probe(Duration.ofSeconds(5));
            Set<Thread> its = ours();
            its.removeAll(others);
            assertTrue(!its.isEmpty());
            for (Thread thread : its) {
                ClassLoader loader = thread.getContextClassLoader();
                assertTrue(loader == null || loader == CacheStore.class.getClassLoader(), thread + " has " + loader);
            }
        } finally {
            own.setContextClassLoader(before);
        }
    }

    private static Set<Thread> ours() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("holdfast-upstash")
                        || thread.getName().startsWith("OkHttp")
                        || thread.getName().startsWith("Okio"))
                .collect(Collectors.toSet());
    }

    @Test
    void aCertificateOfAnotherHostIsRefusedAndOneOfThisHostIsNot() {
        Certificates authority = Certificates.create();
        withTrustIn(authority, () -> {
            for (Certificates.Kind kind : Certificates.Kind.values()) {
                try (UpstashGateway gateway = tls(authority, kind);
                        UpstashStore store = store(gateway)) {
                    if (kind == Certificates.Kind.VALID) {
                        store.put("k", VALUE, TTL);
                        assertArrayEquals(VALUE, store.get("k"));
                    } else {
                        CacheUnavailableException e =
                                assertThrows(CacheUnavailableException.class, () -> store.get("k"), kind.name());
                        assertEquals(Reason.REFUSED, e.reason(), kind + ": " + e.getMessage());
                        assertEquals(0, gateway.requests(), "the token went to somebody else");
                    }
                }
            }
        });
    }

    @Test
    void aSuperfluousAnswerWithinTlsIsHandedToNobody() {
        Certificates authority = Certificates.create();
        String rogue = "{\"result\":\"cm9ndWU=\"}";
        withTrustIn(authority, () -> {
            try (UpstashGateway gateway = tls(authority, Certificates.Kind.VALID);
                    UpstashStore store = store(gateway)) {
                store.put("k", VALUE, TTL);
                for (int i = 0; i < 5; i++) {
                    Duration pause = Duration.ofMillis(i % 2 * 20L);
                    gateway.faults().next(Fault.superfluousAnswer(pause, rogue));
                    assertArrayEquals(VALUE, store.get("k"));
                    TimeUnit.MILLISECONDS.sleep(i % 2 * 80L); // the connection idles meanwhile
                    assertNull(store.get("absent"));
                }
            }
        });
    }

    @Test
    void aConnectionWithTlsIsUsedAgain() {
        Certificates authority = Certificates.create();
        withTrustIn(authority, () -> {
            try (UpstashGateway gateway = tls(authority, Certificates.Kind.VALID);
                    UpstashStore store = store(gateway)) {
                for (int i = 0; i < 20; i++) {
                    store.put("k", VALUE, TTL);
                }
                assertEquals(1, store.health().pool().total());
                assertEquals(
                        List.of(),
                        store.getAll(List.of("absent")).keySet().stream().toList());
            }
        });
    }

    @Test
    void aForgottenFlowBeneathTlsCostsNoCall() {
        Certificates authority = Certificates.create();
        withTrustIn(authority, () -> {
            try (UpstashGateway gateway = tls(authority, Certificates.Kind.VALID);
                    TcpProxy proxy = TcpProxy.to("127.0.0.1", gateway.port());
                    UpstashStore store = store(gateway.url().replace(":" + gateway.port(), ":" + proxy.port()))) {
                store.put("k", VALUE, TTL);
                store.probe(Duration.ofSeconds(4));
                proxy.clientPorts().forEach(proxy::swallow);
                long start = System.nanoTime();
                assertArrayEquals(VALUE, store.get("k"));
                long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
                assertTrue(took < 1_500, "it took " + took + " ms");
            }
        });
    }

    private static UpstashGateway tls(Certificates authority, Certificates.Kind kind) {
        return UpstashGateway.builder("127.0.0.1:" + server.redis.port(), "t")
                .tls(authority, kind)
                .start();
    }

    private static UpstashStore store(UpstashGateway gateway) {
        return store(gateway.url());
    }

    private static UpstashStore store(String url) {
        return UpstashStore.create(UpstashConfig.of(url, Secret.of("t")));
    }

    private interface Body {
        void run() throws Exception;
    }

    private static void withTrustIn(Certificates authority, Body body) {
        System.setProperty("javax.net.ssl.trustStore", authority.trustStore().toString());
        System.setProperty("javax.net.ssl.trustStorePassword", authority.trustStorePassword());
        try {
            body.run();
        } catch (Exception e) {
            throw new AssertionError(e);
        } finally {
            System.clearProperty("javax.net.ssl.trustStore");
            System.clearProperty("javax.net.ssl.trustStorePassword");
        }
    }
}
