package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.bytes;
import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheConfigException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.testkit.Certificates;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ways to a cluster that an operator may say by settings, each to a real one. */
class AccessTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final int SOME = 50;
    private static RedisCluster cluster;

    @TempDir
    private Path directory;

    @BeforeAll
    static void startCluster() {
        cluster = RedisCluster.builder().replicasPerMaster(0).start();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    private static ClusterStore open(RedisCluster which, String... pairs) {
        Map<String, String> values = new HashMap<>(Map.of("REDIS_CLUSTER_NODES", which.seeds()));
        for (int i = 0; i < pairs.length; i += 2) {
            values.put(pairs[i], pairs[i + 1]);
        }
        return ClusterStore.of(ClusterStoreProvider.config(Settings.of(values)));
    }

    private static void assertServes(ClusterStore store) {
        for (int i = 0; i < SOME; i++) {
            store.put("k" + i, bytes("v" + i), TTL);
            assertArrayEquals(bytes("v" + i), store.get("k" + i));
        }
    }

    private static boolean answers(ClusterStore store) {
        try {
            store.get("k");
            return true;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }

    private static String failure(ClusterStore store) {
        return assertThrows(CacheUnavailableException.class, () -> assertServes(store))
                .getMessage();
    }

    @Test
    void everyConnectionHasTheNameThatIsSet() {
        try (ClusterStore store = open(cluster, "REDIS_CLIENT_NAME", "shop-7")) {
            assertServes(store);
            for (RedisServer node : cluster.nodes()) {
                String clients = String.valueOf(node.command("CLIENT", "LIST"));
                assertTrue(clients.contains(" name=shop-7 "), clients);
                assertFalse(
                        clients.lines().anyMatch(line -> line.contains("cmd=get") && line.contains(" name= ")),
                        clients);
            }
        }
    }

    @Test
    void aPasswordInAFileIsReadAgainWhenItChanges() throws IOException {
        Path file = Files.writeString(directory.resolve("password"), "first\n");
        try (RedisCluster secured = RedisCluster.builder()
                        .masters(3)
                        .replicasPerMaster(0)
                        .password("first")
                        .start();
                ClusterStore store = open(secured, "REDIS_CLUSTER_PASSWORD_FILE", file.toString())) {
            assertServes(store);
            secured.setPassword("second");
            Files.writeString(file, "second\n");
            store.disconnect(new IOException("a test"));
            eventually("the new password is used", () -> answers(store));
            assertServes(store);
        }
    }

    @Test
    void anAuthorityInAPemFileIsTrustedAndAClientsCertificateIsShown() {
        Certificates authority = Certificates.create();
        try (RedisCluster secured =
                RedisCluster.builder().replicasPerMaster(0).tls(authority).start()) {
            String pem = authority.authority().toString();
            try (ClusterStore store = open(secured, "REDIS_CLUSTER_TLS", "true", "REDIS_TLS_CA_FILE", pem)) {
                assertServes(store);
            }
            try (ClusterStore store = open(secured, "REDIS_CLUSTER_TLS", "true")) {
                String message = failure(store);
                assertTrue(message.contains("REDIS_CLUSTER_TLS_CA_FILE"), message);
            }
            try (ClusterStore store = open(secured, "REDIS_CLUSTER_TLS", "true", "REDIS_CLUSTER_TLS_VERIFY", "none")) {
                assertServes(store);
            }
            secured.nodes().forEach(node -> node.command("CONFIG", "SET", "tls-auth-clients", "yes"));
            Certificates.Client client = authority.client("open sesame");
            String[] settings = {
                "REDIS_CLUSTER_TLS",
                "true",
                "REDIS_CLUSTER_TLS_CA_FILE",
                pem,
                "REDIS_CLUSTER_TLS_CERT_FILE",
                client.certificate().toString(),
                "REDIS_CLUSTER_TLS_KEY_FILE",
                client.key().toString(),
                "REDIS_CLUSTER_TLS_KEY_PASSWORD",
                "open sesame"
            };
            try (ClusterStore store = open(secured, settings)) {
                assertServes(store);
            }
            try (ClusterStore store = open(secured, "REDIS_CLUSTER_TLS", "true", "REDIS_TLS_CA_FILE", pem)) {
                assertThrows(CacheUnavailableException.class, () -> assertServes(store));
            }
        }
    }

    @Test
    void nodesThatAnnounceThemselvesInVainAreReachedWhereTheSettingSays() {
        cluster.nodes().forEach(node -> {
            node.command("CONFIG", "SET", "cluster-announce-hostname", "announced.invalid");
            node.command("CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname");
        });
        try {
            try (ClusterStore store = open(cluster)) {
                eventually("the names are known, and can't be resolved", () -> {
                    try {
                        assertServes(store);
                        return false;
                    } catch (CacheUnavailableException e) {
                        return e.getMessage().contains("REDIS_CLUSTER_ADDRESSES");
                    }
                });
            }
            for (String addresses : List.of("seed", "announced.invalid=127.0.0.1")) {
                try (ClusterStore store = open(cluster, "REDIS_CLUSTER_ADDRESSES", addresses)) {
                    assertServes(store);
                }
            }
        } finally {
            cluster.nodes().forEach(node -> {
                node.command("CONFIG", "SET", "cluster-preferred-endpoint-type", "ip");
                node.command("CONFIG", "SET", "cluster-announce-hostname", "");
            });
        }
    }

    @Test
    void nodesAreAListOrWords() {
        assertEquals(List.of("a:1", "b:2"), ClusterConfig.of("a:1", "b:2").nodes());
        assertEquals("redis://a:1", ClusterConfig.of("a:1").toString());
        assertThrows(IllegalArgumentException.class, () -> ClusterConfig.of("a:1", "b"));
    }

    @Test
    void aMapOfAddressesIsChecked() {
        for (String wrong : List.of("seeds", "a=b=c", "a:1=b", "a=", "=b", "a=b,a=c", "a:x=b:1")) {
            CacheConfigException e =
                    assertThrows(CacheConfigException.class, () -> open(cluster, "REDIS_CLUSTER_ADDRESSES", wrong));
            assertTrue(e.getMessage().startsWith("REDIS_CLUSTER_ADDRESSES is "), e.getMessage());
        }
        ClusterConfig config = ClusterStoreProvider.config(Settings.of(Map.of(
                "REDIS_CLUSTER_NODES", "h:1", "REDIS_CLUSTER_ADDRESSES", "10.0.0.1:7=gate:9,10.0.0.2=[::1],x=y:5")));
        assertEquals("gate:9", config.reached(Address.parse("10.0.0.1:7")).toString());
        assertEquals("10.0.0.1:8", config.reached(Address.parse("10.0.0.1:8")).toString());
        assertEquals("[::1]:8", config.reached(Address.parse("10.0.0.2:8")).toString());
        assertEquals("y:5", config.reached(Address.parse("x:8")).toString());
    }

    /** As a node does whose user is removed between the log-in and its answer: a token that ends at this moment. */
    @Test
    void aLogInThatIsBrokenOffIsBegunAgainWithWhatIsGivenThen() {
        AtomicBoolean removed = new AtomicBoolean();
        try (PeerCluster peers = PeerCluster.start((command, caller) -> {
                    switch (command.get(0)) {
                        case "AUTH" -> {
                            if (command.contains("ended")) {
                                removed.set(true);
                                caller.close();
                            } else {
                                caller.lines("+OK");
                            }
                        }
                        default -> caller.lines("$-1");
                    }
                });
                ClusterStore store = ClusterStore.of(peers.config()
                        .withCredentials(() -> Credentials.of(Secret.of(removed.get() ? "present" : "ended"))))) {
            assertNull(store.get("k"));
        }
    }

    /** As a proxy does whose server is away; another attempt may go better, so it is no refusal. */
    @Test
    void aTlsHandshakeThatIsBrokenOffIsALostConnection() {
        try (PeerCluster peers = PeerCluster.start((command, caller) -> caller.close());
                ClusterStore store = ClusterStore.of(peers.config().withTls())) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertEquals(CacheUnavailableException.Reason.CONNECTION, e.reason(), e.getMessage());
            assertTrue(e.getMessage().contains("the TLS handshake failed"), e.getMessage());
        }
    }

    @Test
    void theLimitOfACommandIsTheTiersOwnBeforeTheSharedOne() {
        try (ClusterStore store =
                open(cluster, "REDIS_COMMAND_TIMEOUT", "600000", "REDIS_CLUSTER_COMMAND_TIMEOUT", "300")) {
            assertServes(store);
            cluster.nodes().forEach(RedisServer::freeze);
            try {
                assertTrue(failure(store).contains("300 ms"), failure(store));
            } finally {
                cluster.nodes().forEach(RedisServer::thaw);
            }
            eventually("it answers again", () -> answers(store));
        }
    }

    @Test
    void readsInOnesOwnZoneAreAnsweredThoughNobodySaysInWhichZoneItIs() {
        cluster.nodes().forEach(node -> node.command("ACL", "SETUSER", "z", "on", ">p", "~*", "&*", "+@all", "-info"));
        for (String[] login :
                List.of(new String[] {}, new String[] {"REDIS_CLUSTER_USERNAME", "z", "REDIS_CLUSTER_PASSWORD", "p"})) {
            List<String> settings = new ArrayList<>(List.of(login));
            settings.addAll(List.of("REDIS_CLUSTER_READ_FROM", "zone", "REDIS_ZONE", "euw1-az1"));
            try (ClusterStore store = open(cluster, settings.toArray(String[]::new))) {
                assertServes(store);
            }
        }
        cluster.nodes().forEach(node -> node.command("ACL", "DELUSER", "z"));
    }

    /** Proxies in front of a cluster know only some of its commands. */
    @Test
    void slotsOrShardsAloneMustDoAndNoConfigInfoOrSelectIsNeeded() {
        cluster.nodes().forEach(node -> {
            node.command("ACL", "SETUSER", "slots", "on", ">p", "~*", "&*", "+@all", "-config", "-info", "-select");
            node.command("ACL", "SETUSER", "slots", "-cluster", "+cluster|slots", "-client|setname");
            node.command("ACL", "SETUSER", "shards", "on", ">p", "~*", "&*", "+@all", "-config", "-info", "-select");
            node.command("ACL", "SETUSER", "shards", "-cluster", "+cluster|shards");
        });
        for (String user : List.of("slots", "shards")) {
            try (ClusterStore store = open(
                    cluster, "REDIS_CLUSTER_USERNAME", user, "REDIS_CLUSTER_PASSWORD", "p", "REDIS_KEY_PREFIX", user)) {
                assertServes(store);
                assertEquals(SOME, store.removeByPrefix("k"), user);
                store.probe(Duration.ofSeconds(10));
                assertEquals(3, store.health().nodes().size(), user);
            }
        }
        cluster.nodes().forEach(node -> {
            String refused = String.valueOf(node.command("ACL", "LOG"));
            assertFalse(refused.contains("config"), refused);
            node.command("ACL", "DELUSER", "slots", "shards");
        });
    }
}
