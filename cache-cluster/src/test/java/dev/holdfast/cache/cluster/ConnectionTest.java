package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.RespPeer;
import dev.holdfast.cache.testkit.TcpProxy;
import io.netty.util.internal.InternalThreadLocalMap;
import java.net.URL;
import java.net.URLClassLoader;
import java.security.KeyManagementException;
import java.security.NoSuchAlgorithmException;
import java.security.Provider;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLContextSpi;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLServerSocketFactory;
import javax.net.ssl.SSLSessionContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import org.junit.jupiter.api.Test;

/** How connections are made, and by whom. */
class ConnectionTest {
    private static final Duration TTL = Duration.ofHours(1);

    @Test
    void whatGoesWrongWhileAConnectionIsMadeIsToldAndNotWaitedFor() {
        try (PeerCluster cluster = echo();
                ClusterStore store = ClusterStore.of(cluster.config().withTls(new BrokenTls()))) {
            long start = System.nanoTime();
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));

            assertTrue(
                    String.valueOf(e.getMessage()).contains("no engine today"), () -> String.valueOf(e.getMessage()));
            assertTrue(System.nanoTime() - start < 4_000_000_000L, "it was waited for");
        }
    }

    @Test
    void aNodeThatCanNotBeReachedWhereItIsAnnouncedSaysWhy() {
        try (PeerCluster cluster = PeerCluster.start(
                        (command, caller) -> PeerCluster.bulk(caller, command.get(1)),
                        nodes -> nodes.replace(" 0-16383", " 0-8191") + "b".repeat(40)
                                + " 127.0.0.1:1@10001 master - 0 0 2 connected 8192-16383\n");
                ClusterStore store = ClusterStore.of(cluster.config())) {
            String key = '{' + Slots.tagOf(9_000) + '}';
            for (int i = 0; i < 3; i++) {
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get(key));
                String message = String.valueOf(e.getMessage());
                assertTrue(message.contains("127.0.0.1:1") && message.contains("refused"), message);
            }
        }
    }

    @Test
    void aCertificateOfAnotherHostIsRefusedBeforeAnythingIsSent() {
        Certificates authority = Certificates.create();
        try (RedisServer server = RedisServer.builder()
                .tls(authority, Certificates.Kind.WRONG_NAME)
                .start()) {
            ClusterConfig config = ClusterConfig.of(List.of("127.0.0.1:" + server.port()))
                    .withTls(authority.trustStore(), Secret.of(authority.trustStorePassword()));
            try (ClusterStore store = ClusterStore.of(config)) {
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));

                assertEquals(Reason.REFUSED, e.reason(), e.getMessage());
                assertTrue(String.valueOf(e.getMessage()).contains("TLS"), () -> String.valueOf(e.getMessage()));
            }
        }
    }

    @Test
    void threadsOfTheStoreKeepNothingOfTheirFirstCallerNorHeAnythingOfThem() throws Exception {
        AtomicReference<Object> left = new AtomicReference<>("not run");
        URLClassLoader application = new URLClassLoader(new URL[0], ConnectionTest.class.getClassLoader());
        try (PeerCluster cluster = echo();
                ClusterStore store = ClusterStore.of(ClusterConfig.of(List.of("localhost:" + cluster.port())))) {
            Thread caller = new Thread(() -> {
                store.get("k");
                store.getAll(List.of("a", "b"));
                store.probe(Duration.ofSeconds(1));
                left.set(InternalThreadLocalMap.getIfSet());
            });
            caller.setContextClassLoader(application);
            caller.start();
            caller.join();

            assertNull(left.get(), "what Netty left on the caller's thread");
            List<Thread> ours = new ArrayList<>();
            for (Thread thread : Thread.getAllStackTraces().keySet()) {
                if (thread.getName().startsWith("holdfast-cluster-")) {
                    ours.add(thread);
                    assertFalse(thread.getContextClassLoader() == application, thread.getName());
                }
            }
            assertTrue(ours.size() >= 3, () -> ours + "");
        } finally {
            application.close();
        }
    }

    @Test
    void whateverIsThrownTheNodesAreStillAskedAndWatched() {
        AtomicBoolean thrown = new AtomicBoolean();
        try (PeerCluster cluster = echo()) {
            ClusterConfig config = cluster.config().withAddressMapper(announced -> {
                if (thrown.compareAndSet(false, true)) {
                    throw new NoClassDefFoundError("planted");
                }
                return announced;
            });
            try (ClusterStore store = ClusterStore.of(config)) {
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
                assertTrue(String.valueOf(e.getMessage()).contains("planted"), () -> String.valueOf(e.getMessage()));

                Shards.eventually("an answer", () -> answers(store, "k"));
            }
        }
    }

    @Test
    void aClusterWhoseNodesAllMovedWhileTheOldAddressesSwallowIsFoundByItsSeed() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start()) {
            Map<String, TcpProxy> before = proxies(cluster);
            Map<String, TcpProxy> after = proxies(cluster);
            AtomicReference<Map<String, TcpProxy>> now = new AtomicReference<>(before);
            RedisServer first = cluster.node(0);
            TcpProxy seed = TcpProxy.to(first.host(), first.port());
            ClusterConfig config = ClusterConfig.of(List.of("127.0.0.1:" + seed.port()))
                    .withAddressMapper(
                            announced -> "127.0.0.1:" + now.get().get(announced).port());
            try (ClusterStore store = ClusterStore.of(config)) {
                List<String> keys =
                        cluster.masters().stream().map(Shards::keyOn).toList();
                keys.forEach(key -> store.put(key, bytes(key), TTL));
                now.set(after);
                before.values().forEach(TcpProxy::halfOpen);
                long start = System.nanoTime();
                Shards.eventually("all keys", () -> keys.stream().allMatch(key -> answers(store, key)));

                long millis = (System.nanoTime() - start) / 1_000_000;
                assertTrue(millis <= 4_500, () -> millis + " ms");
            } finally {
                seed.close();
                before.values().forEach(TcpProxy::close);
                after.values().forEach(TcpProxy::close);
            }
        }
    }

    @Test
    void manyKeysAreSentInPartsSoThatOthersComeInBetween() {
        ClusterConfig config = ClusterConfig.of(List.of("a:1"));
        Group<byte[]> group = new Group<>(new Node(new Address("a", 1), config, null, new Canaries(config)));
        int count = 0;
        while (!group.isFull()) {
            group.add(new RoutedRequest<>(1, RoutedRequest.Kind.READ, Requests.get(bytes("k"))));
            count++;
        }
        assertEquals(512, count);
    }

    /** What hangs is the attempt to connect, and not the node. */
    @Test
    void anAttemptToConnectThatHangsIsMadeUpForByAnother() {
        Set<RespPeer.Caller> known = ConcurrentHashMap.newKeySet();
        AtomicReference<RespPeer.Caller> hanging = new AtomicReference<>();
        try (PeerCluster cluster = PeerCluster.start((command, caller) -> caller.lines("$-1"));
                ClusterStore store = ClusterStore.of(cluster.config())) {
            cluster.mute(caller -> {
                known.add(caller);
                return false;
            });
            store.probe(Duration.ofSeconds(5));
            cluster.mute(caller -> {
                if (!known.contains(caller)) {
                    hanging.compareAndSet(null, caller);
                }
                return caller == hanging.get();
            });
            long start = System.nanoTime();
            assertNull(store.get("k"));
            long took = (System.nanoTime() - start) / 1_000_000;
            assertNotNull(hanging.get(), "no attempt hung");
            assertTrue(took < 1_500, () -> took + " ms");
            assertTrue(store.health().available());
        }
    }

    @Test
    void aNodeThatAnswersLateIsStillHeardOut() {
        AtomicBoolean late = new AtomicBoolean();
        RespPeer.Script slowly = (command, caller) -> {
            if (late.get()) {
                // A large value over a thin line: it is longer under way than a command may take, but it comes.
                caller.bytes(bytes("$40\r\n"));
                for (int i = 0; i < 20; i++) {
                    LockSupport.parkNanos(100_000_000);
                    caller.bytes(bytes("ab"));
                }
                caller.bytes(bytes("\r\n"));
            } else {
                PeerCluster.bulk(caller, command.get(1));
            }
        };
        try (PeerCluster cluster = PeerCluster.start(slowly);
                ClusterStore store = ClusterStore.of(cluster.config().withCommandTimeout(Duration.ofSeconds(1)))) {
            store.get("k");
            late.set(true);

            assertEquals(40, store.get("k").length);
        }
    }

    private static boolean answers(ClusterStore store, String key) {
        try {
            return store.get(key) != null;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }

    private static Map<String, TcpProxy> proxies(RedisCluster cluster) {
        Map<String, TcpProxy> proxies = new HashMap<>();
        cluster.nodes()
                .forEach(node -> proxies.put(node.host() + ':' + node.port(), TcpProxy.to(node.host(), node.port())));
        return proxies;
    }

    private static PeerCluster echo() {
        return PeerCluster.start((command, caller) -> PeerCluster.bulk(caller, command.get(1)));
    }

    /** A context that throws where a connection is made. */
    private static final class BrokenTls extends SSLContext {
        BrokenTls() {
            super(
                    new SSLContextSpi() {
                        @Override
                        protected void engineInit(KeyManager[] keys, TrustManager[] trust, SecureRandom random)
                                throws KeyManagementException {}

                        @Override
                        protected SSLSocketFactory engineGetSocketFactory() {
                            throw new IllegalStateException();
                        }

                        @Override
                        protected SSLServerSocketFactory engineGetServerSocketFactory() {
                            throw new IllegalStateException();
                        }

                        @Override
                        protected SSLEngine engineCreateSSLEngine() {
                            throw new IllegalStateException("no engine today");
                        }

                        @Override
                        protected SSLEngine engineCreateSSLEngine(String host, int port) {
                            throw new IllegalStateException("no engine today");
                        }

                        @Override
                        protected SSLSessionContext engineGetServerSessionContext() {
                            throw new IllegalStateException();
                        }

                        @Override
                        protected SSLSessionContext engineGetClientSessionContext() {
                            throw new IllegalStateException();
                        }
                    },
                    provider(),
                    "TLS");
        }

        private static Provider provider() {
            try {
                return SSLContext.getDefault().getProvider();
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
