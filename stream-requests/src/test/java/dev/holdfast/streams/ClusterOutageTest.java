package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.Protocol;

/** Masters whose hosts are gone, and clusters that are gone as a whole. */
class ClusterOutageTest extends Fixture {
    private static RedisCluster shared;

    @BeforeAll
    static void startCluster() {
        shared = RedisCluster.builder()
                .replicasPerMaster(0)
                .persistence(RedisServer.Persistence.NONE)
                .start();
    }

    @AfterAll
    static void closeCluster() {
        shared.close();
    }

    private StreamsConfig config(RedisCluster cluster) {
        return StreamsConfig.cluster(Arrays.asList(cluster.seeds().split(",")))
                .withName(name)
                .withGrace(Duration.ZERO)
                .withCommandTimeout(Duration.ofMillis(500))
                .withConnectTimeout(Duration.ofMillis(600));
    }

    private static Command length(byte[] stream) {
        return Command.of(Protocol.Command.XLEN, stream);
    }

    /** A port that answers no attempt to connect, as a host does that is gone. */
    private ServerSocket deaf() throws IOException {
        ServerSocket socket = closing(new ServerSocket(0, 1, InetAddress.getLoopbackAddress()));
        for (int i = 0; i < 10; i++) {
            Socket waiting = closing(new Socket());
            try {
                waiting.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), socket.getLocalPort()), 200);
            } catch (SocketTimeoutException e) {
                return socket;
            }
        }
        throw new IllegalStateException("the kernel takes all connections");
    }

    /** Has the cluster name a node by a port, its own if that is 0. */
    private static void announce(RedisServer node, int port) throws Exception {
        node.command("CONFIG", "SET", "cluster-announce-bus-port", port == 0 ? "0" : "" + (node.port() + 10_000));
        node.command("CONFIG", "SET", "cluster-announce-port", "" + port);
        String address = "127.0.0.1, " + (port == 0 ? node.port() : port) + ",";
        until("all to know " + address, () -> shared.nodes().stream()
                .allMatch(
                        each -> String.valueOf(each.command("CLUSTER", "SLOTS")).contains(address)));
    }

    @Test
    void aMasterWhoseHostIsGoneIsReplacedThoughTheOthersAnswer() throws Exception {
        RedisServer owner = shared.masterOf(requests());
        byte[] elsewhere = bytes(IntStream.range(0, 1_000)
                .mapToObj(i -> "{" + i + "}")
                .filter(key -> shared.masterOf(key) != owner)
                .findFirst()
                .orElseThrow());
        byte[] gone = bytes(requests());
        announce(owner, deaf().getLocalPort());
        try (Redis redis = new Redis(config(shared), 1, Duration.ZERO)) {
            assertThrows(RuntimeException.class, () -> redis.call(length(gone)));
            // Who has the slots now is reached, as a replica is that was promoted.
            announce(owner, 0);
            Object reply = null;
            for (int i = 0; i < 6 && reply == null; i++) {
                assertEquals(0L, redis.call(length(elsewhere)), "the others answer");
                try {
                    reply = redis.once(length(gone));
                } catch (RuntimeException e) {
                    reply = null;
                }
            }
            assertEquals(0L, reply, "six calls went to the one that is gone");
        } finally {
            announce(owner, 0);
        }
    }

    @Test
    void aNodeThatIsSilentIsWaitedForOnceWhetherItsConnectionWasIdleOrNot() throws Exception {
        RedisServer owner = shared.masterOf(requests());
        Command length = length(bytes(requests()));
        try (TcpProxy proxy = TcpProxy.to("127.0.0.1", owner.port())) {
            announce(owner, proxy.port());
            try (Redis redis = new Redis(config(shared), 2, Duration.ZERO)) {
                for (long idleMillis : new long[] {0, Redis.IDLE_MILLIS + 100}) {
                    assertEquals(0L, redis.call(length));
                    // That is what idle means here.
                    Thread.sleep(idleMillis);
                    long before = proxy.connections();
                    proxy.halfOpen();
                    assertThrows(RuntimeException.class, () -> redis.call(length));
                    assertTrue(
                            proxy.connections() - before <= (idleMillis == 0 ? 0 : 1),
                            "it has waited for another connection, too");
                    proxy.pass();
                }
                assertEquals(0L, redis.call(length));
            }
        } finally {
            announce(owner, 0);
        }
    }

    @Test
    void aFailureDoesNotWaitUntilAllSilentNodesWereAskedForTheSlots() throws Exception {
        try (RedisCluster own = RedisCluster.builder()
                .replicasPerMaster(0)
                .persistence(RedisServer.Persistence.NONE)
                .start()) {
            StreamsConfig patient = config(own).withCommandTimeout(Duration.ofSeconds(2));
            Set<HostAndPort> seeds = own.nodes().stream()
                    .map(node -> new HostAndPort("127.0.0.1", node.port()))
                    .collect(Collectors.toSet());
            try (ClusterNodes nodes = new ClusterNodes(
                    seeds,
                    RedisLogin.of(patient, Duration.ZERO),
                    new ConnectionPoolConfig(),
                    new IdleConnections(Redis.IDLE_MILLIS, 2_000))) {
                own.nodes().forEach(RedisServer::freeze);
                long begun = System.nanoTime();
                nodes.lost();
                nodes.renewSlotCache();
                // One after another they take 6 s.
                assertTrue(System.nanoTime() - begun < 4_000_000_000L, "it has waited for all of them");
            }
            own.nodes().forEach(RedisServer::thaw);
        }
    }

    @Test
    void aCommandThatIsSentToAnotherNodeWaitsForNoneThatIsSilent() throws Exception {
        try (RedisCluster own = RedisCluster.builder()
                .replicasPerMaster(0)
                .requireFullCoverage(false)
                .line("cluster-node-timeout 60000")
                .persistence(RedisServer.Persistence.NONE)
                .start()) {
            RedisServer before = own.masterOf(requests());
            List<RedisServer> others =
                    own.nodes().stream().filter(node -> node != before).toList();
            RedisServer after = others.get(0);
            RedisServer silent = others.get(1);
            StreamsConfig config = StreamsConfig.cluster(List.of("127.0.0.1:" + silent.port()))
                    .withName(name)
                    .withCommandTimeout(Duration.ofSeconds(1))
                    .withConnectTimeout(Duration.ofSeconds(1));
            Command length = length(bytes(requests()));
            try (Redis redis = new Redis(config, 2, Duration.ZERO)) {
                assertEquals(0L, redis.call(length));
                String slot = String.valueOf(RedisCluster.slotOf(requests()));
                String owner = String.valueOf(after.command("CLUSTER", "MYID"));
                for (RedisServer node : List.of(after, before)) {
                    node.command("CLUSTER", "SETSLOT", slot, "NODE", owner);
                }
                // So whoever asks the node that sent it away goes on to the seed, which is silent for a command's whole
                // time.
                before.command("ACL", "SETUSER", "default", "-cluster|slots");
                silent.freeze();
                assertEquals(0L, redis.call(length));
                until("the owner to be known", () -> {
                    long sentAway = sentAway(before);
                    assertEquals(0L, redis.call(length));
                    return sentAway(before) == sentAway;
                });
            } finally {
                silent.thaw();
            }
        }
    }

    /** How many commands a node has answered with the name of another. */
    private static long sentAway(RedisServer node) {
        Matcher count = Pattern.compile("errorstat_MOVED:count=([0-9]+)")
                .matcher(String.valueOf(node.command("INFO", "errorstats")));
        return count.find() ? Long.parseLong(count.group(1)) : 0;
    }

    @Test
    void commandsOfWhichNoneWasAnsweredAreNoSignThatSomethingWorks() throws Exception {
        try (RedisCluster own = RedisCluster.builder()
                        .masters(1)
                        .replicasPerMaster(0)
                        .persistence(RedisServer.Persistence.NONE)
                        .start();
                Redis redis = new Redis(config(own), 1, Duration.ZERO)) {
            List<Command> commands = List.of(length(bytes(requests())));
            assertEquals(List.of(0L), redis.all(commands));
            own.node(0).kill();
            until("all connections to be made anew", () -> {
                try {
                    assertEquals(1, redis.all(commands).size());
                    return false;
                } catch (RuntimeException e) {
                    return String.valueOf(e.getMessage()).contains("Could not initialize");
                }
            });
        }
    }

    @Test
    void allPartitionsAreServedAgainAfterTheWholeClusterWasAway() throws Exception {
        try (RedisCluster own =
                RedisCluster.builder().persistence(RedisServer.Persistence.NONE).start()) {
            StreamsConfig config = config(own).withPartitions(6).withClaimIdle(Duration.ofSeconds(2));
            RequestServer server = server(config, 3, Request::payload);
            RequestClient client = client(config);
            client.callAndWait("before", bytes("x"), LIMIT);
            // Not before: so short, it lets a busy machine's nodes take each other for dead.
            own.nodes().forEach(node -> node.command("CONFIG", "SET", "cluster-node-timeout", "500"));
            RedisServer master = own.masterOf(requests());
            RedisServer replica = own.replicasOf(master).get(0);
            // Nobody is elected before all partitions are known to be refused.
            replica.freeze();
            master.kill();
            until(
                    "nothing to be taken",
                    () -> server.health().trouble().orElse("").startsWith("partition ")
                            && !server.health().available());
            replica.thaw();
            until("it to be well", () -> server.health().available());
            Keys keys = new Keys(config);
            for (int partition = 0; partition < 6; partition++) {
                int wanted = partition;
                String id = IntStream.iterate(0, i -> i + 1)
                        .mapToObj(i -> "id" + i)
                        .filter(each -> keys.partitionOf(each) == wanted)
                        .findFirst()
                        .orElseThrow();
                until("an answer of partition " + partition, () -> answers(client, id));
            }
        }
    }

    private static boolean answers(RequestClient client, String id) throws InterruptedException {
        try {
            return text(client.callAndWait(id, bytes("x"), Duration.ofSeconds(1)))
                    .equals("x");
        } catch (RequestRejectedException | RequestTimeoutException e) {
            return false;
        }
    }

    @Test
    void theLeaseOfAMisplacedRequestIsKeptAndTakesNoOthersAlong() throws Exception {
        StreamsConfig config = config(shared).withPartitions(2).withClaimIdle(Duration.ofSeconds(3));
        Keys keys = new Keys(config);
        Gate gate = new Gate();
        server(config, 2, gate);
        RedisServer owner = shared.masterOf(requests());
        List<String> ids = List.of("a", "b");
        assertTrue(keys.partitionOf("a") != keys.partitionOf("b"), "one of them is misplaced");
        for (String id : ids) {
            owner.command("XADD", requests(), "*", "i", id, "r", "{r}", "l", "20000", "p", "p");
        }
        until("both to be under way", () -> gate.begun.get() == 2);
        // Longer than a lease lasts that is not kept.
        long end = System.nanoTime() + 4_000_000_000L;
        while (System.nanoTime() < end) {
            for (String id : ids) {
                String done = text(keys.done(id));
                String lease = String.valueOf(shared.masterOf(done).command("GET", done));
                assertTrue(lease.startsWith("R"), "the lease of " + id + " is " + lease);
            }
            Thread.sleep(20);
        }
        gate.open.countDown();
    }
}
