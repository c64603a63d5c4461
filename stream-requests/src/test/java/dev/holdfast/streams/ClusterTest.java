package dev.holdfast.streams;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import redis.clients.jedis.Protocol;

class ClusterTest extends Fixture {

    @Test
    void aClusterAnswersOnAllPartitionsAndAfterAFailover() throws Exception {
        try (RedisCluster cluster =
                RedisCluster.builder().persistence(RedisServer.Persistence.NONE).start()) {
            StreamsConfig config = StreamsConfig.cluster(
                            Arrays.asList(cluster.seeds().split(",")))
                    .withName(name)
                    .withPartitions(6)
                    .withGrace(Duration.ZERO)
                    .withCommandTimeout(Duration.ofMillis(500))
                    .withClaimIdle(Duration.ofSeconds(2));
            RequestServer server = server(config, 3, Request::payload);
            RequestClient client = client(config);
            Set<RedisServer> used = new HashSet<>();
            Keys keys = new Keys(config);
            for (int i = 0; i < 30; i++) {
                assertEquals("x" + i, text(client.callAndWait("id" + i, bytes("x" + i), LIMIT)));
                used.add(cluster.masterOf(text(keys.requests(keys.partitionOf("id" + i)))));
            }
            assertTrue(used.size() > 1, "partitions are on several nodes");
            until("all to be removed", () -> server.queue().length() == 0);

            RedisServer master = cluster.masterOf(text(keys.requests(keys.partitionOf("id0"))));
            cluster.failover(cluster.replicasOf(master).get(0));
            long start = System.nanoTime();
            int answered = 0;
            // The same id until it has its answer, which is how a caller rides out a failover.
            for (int i = 0; answered < 6; i++) {
                String id = "after" + answered;
                try {
                    assertEquals("y", text(client.callAndWait(id, bytes("y"), Duration.ofSeconds(1))));
                    answered++;
                } catch (RequestRejectedException | RequestTimeoutException e) {
                    assertTrue(System.nanoTime() - start < 20_000_000_000L, i + " attempts: " + e.getMessage());
                    Thread.sleep(50);
                }
            }
        }
    }

    @Test
    void aMasterThatIsAwayStopsNoOthersPartitions() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder()
                .masters(3)
                .replicasPerMaster(0)
                .requireFullCoverage(false)
                .persistence(RedisServer.Persistence.NONE)
                .start()) {
            StreamsConfig config = StreamsConfig.cluster(
                            Arrays.asList(cluster.seeds().split(",")))
                    .withName(name)
                    .withPartitions(6)
                    .withGrace(Duration.ZERO)
                    .withCommandTimeout(Duration.ofMillis(300))
                    .withConnectTimeout(Duration.ofMillis(300))
                    .withClaimIdle(Duration.ofSeconds(2));
            Keys keys = new Keys(config);
            RequestServer server = server(config, 3, Request::payload);
            RequestClient client = client(config);
            for (int i = 0; i < 30; i++) {
                client.callAndWait("before" + i, bytes("x"), LIMIT);
            }
            RedisServer repliesAt = cluster.masters().stream()
                    .filter(master -> !((List<?>) master.command("KEYS", "{" + name + "?replies*")).isEmpty())
                    .findFirst()
                    .orElseThrow();
            RedisServer victim = cluster.masters().stream()
                    .filter(master -> master != repliesAt)
                    .filter(master ->
                            IntStream.range(0, 6).anyMatch(p -> cluster.masterOf(text(keys.requests(p))) == master))
                    .findFirst()
                    .orElseThrow();
            Set<Integer> away = new HashSet<>();
            for (int p = 0; p < 6; p++) {
                if (cluster.masterOf(text(keys.requests(p))) == victim) {
                    away.add(p);
                }
            }
            victim.kill();
            long start = System.nanoTime();
            int answered = 0;
            int refused = 0;
            long longest = 0;
            for (int i = 0; System.nanoTime() - start < 8_000_000_000L; i++) {
                String id = "during" + i;
                boolean lost = away.contains(keys.partitionOf(id));
                boolean settled = System.nanoTime() - start > 5_000_000_000L;
                long began = System.nanoTime();
                try {
                    client.callAndWait(id, bytes("x"), Duration.ofMillis(lost ? 300 : 5_000));
                    answered++;
                } catch (RequestRejectedException | RequestTimeoutException e) {
                    assertTrue(lost, id + " of a living master: " + e.getMessage());
                    refused++;
                }
                if (settled && !lost) {
                    longest = Math.max(longest, System.nanoTime() - began);
                }
            }
            assertTrue(answered > 50, answered + " answered, " + refused + " refused");
            assertTrue(longest < 1_500_000_000L, "one took " + longest / 1_000_000 + " ms");
            assertTrue(client.health().available() && server.health().available());
            assertTrue(
                    client.health().trouble().orElse("").contains("partition"),
                    client.health().trouble().toString());
            assertTrue(
                    server.health().trouble().orElse("").contains("partition"),
                    server.health().trouble().toString());
            victim.restart(RedisServer.Data.KEEP);
            cluster.awaitHealthy();
            until(
                    "all to be well",
                    () -> client.health().trouble().isEmpty()
                            && server.health().trouble().isEmpty());
            for (int i = 0; i < 30; i++) {
                assertEquals("x", text(client.callAndWait("after" + i, bytes("x"), LIMIT)));
            }
        }
    }

    @Test
    void aRequestWhoseReplyIsLostIsNotSentAgain() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder()
                .masters(3)
                .replicasPerMaster(0)
                .persistence(RedisServer.Persistence.NONE)
                .start()) {
            RedisServer owner = owner(cluster);
            TcpProxy proxy = proxied(cluster, owner);
            StreamsConfig config = StreamsConfig.cluster(List.of("127.0.0.1:" + proxy.port()))
                    .withName(name)
                    .withGrace(Duration.ZERO);
            RequestClient client = client(config);
            for (int i = 0; !((List<?>) owner.command("KEYS", "{" + name + "/replies/*")).isEmpty(); i++) {
                assertTrue(i < 50, "no client has its reply stream elsewhere");
                client.close();
                client = client(config);
            }
            for (int i = 0; i < 3; i++) {
                RequestClient caller = client;
                until("it to be well", () -> caller.health().trouble().isEmpty());
                String warm = "warm" + i;
                var ignored = client.call(warm, bytes("x"), LIMIT);
                until("a connection", () -> entries(owner, warm) == 1);
                proxy.delay(TcpProxy.Direction.TO_CLIENT, Duration.ofMillis(300));
                String id = "once" + i;
                var unused = client.call(id, bytes("x"), LIMIT);
                until("it to arrive", () -> entries(owner, id) == 1);
                proxy.reset();
                Thread.sleep(50);
                proxy.pass();
                Thread.sleep(1_000);
                assertEquals(1, entries(owner, id), id);
            }
        }
    }

    @Test
    void aFrozenMasterDelaysNothingOfTheOthers() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder()
                .masters(3)
                .replicasPerMaster(0)
                .requireFullCoverage(false)
                .line("cluster-node-timeout 60000")
                .persistence(RedisServer.Persistence.NONE)
                .start()) {
            StreamsConfig config = StreamsConfig.cluster(
                            Arrays.asList(cluster.seeds().split(",")))
                    .withName(name)
                    .withPartitions(6)
                    .withGrace(Duration.ZERO)
                    .withCommandTimeout(Duration.ofSeconds(1))
                    .withConnectTimeout(Duration.ofSeconds(1))
                    .withClaimIdle(Duration.ofSeconds(3));
            Keys keys = new Keys(config);
            Map<String, Integer> runs = new ConcurrentHashMap<>();
            CountDownLatch frozenDone = new CountDownLatch(1);
            CountDownLatch othersDone = new CountDownLatch(1);
            RequestHandler handler = request -> {
                runs.merge(request.id(), 1, Integer::sum);
                (request.id().startsWith("frozen") ? frozenDone : othersDone).await();
                return request.payload();
            };
            RequestServer one = server(config, 30, handler);
            RequestClient client = client(config);
            until("all to be well", () -> one.queue().consumers() == 6);
            RedisServer repliesAt = cluster.masters().stream()
                    .filter(master -> !((List<?>) master.command("KEYS", "{" + name + "?replies*")).isEmpty())
                    .findFirst()
                    .orElseThrow();
            RedisServer victim = cluster.masters().stream()
                    .filter(master -> master != repliesAt)
                    .filter(master ->
                            IntStream.range(0, 6).anyMatch(p -> cluster.masterOf(text(keys.requests(p))) == master))
                    .findFirst()
                    .orElseThrow();
            List<String> frozen = ids("frozen", 10, keys, cluster, victim, true);
            List<String> others = ids("other", 4, keys, cluster, victim, false);
            callAll(client, frozen);
            callAll(client, others);
            until("all to be under way", () -> runs.size() == 14);
            // Their repetitions wait at either.
            RequestServer two = server(config, 30, handler);
            callAll(client, frozen);
            callAll(client, others);
            until("all to wait", () -> two.queue().pending() == 28);
            victim.freeze();
            try {
                long end = System.nanoTime() + 9_000_000_000L;
                try (Redis redis = new Redis(config, 1, Duration.ZERO)) {
                    byte[] away = keys.requests(keys.partitionOf(frozen.get(0)));
                    List<?> replies = redis.all(Collections.nCopies(5, Command.of(Protocol.Command.XLEN, away)));
                    assertTrue(replies.stream().allMatch(RuntimeException.class::isInstance), replies.toString());
                    long left = end - System.nanoTime();
                    assertTrue(left > 4_500_000_000L, "each command has waited: " + left / 1_000_000 + " ms are left");
                }
                Thread.sleep((end - System.nanoTime()) / 1_000_000);
                others.forEach(id -> assertEquals(1, runs.get(id), id + " was run again beside itself"));
                othersDone.countDown();
                long start = System.nanoTime();
                for (String id : others) {
                    String requests = text(keys.requests(keys.partitionOf(id)));
                    RedisServer master = cluster.masterOf(requests);
                    until("all of " + id + " to be answered", () -> master.command("XLEN", requests)
                            .equals(0L));
                }
                long millis = (System.nanoTime() - start) / 1_000_000;
                assertTrue(millis < 2_500, "the repetitions took " + millis + " ms");
            } finally {
                victim.thaw();
                frozenDone.countDown();
            }
        }
    }

    @Test
    void aReplyThatIsLostDelaysItsRequestsByNoClaimTime() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder()
                .masters(3)
                .replicasPerMaster(0)
                .persistence(RedisServer.Persistence.NONE)
                .start()) {
            RedisServer owner = owner(cluster);
            TcpProxy proxy = proxied(cluster, owner);
            StreamsConfig config = StreamsConfig.cluster(List.of("127.0.0.1:" + proxy.port()))
                    .withName(name)
                    .withGrace(Duration.ZERO);
            RequestServer server = server(config, 5, Request::payload);
            RequestClient client = client(config);
            client.callAndWait("before", bytes("x"), LIMIT);
            for (int i = 0; i < 2; i++) {
                until(
                        "it to be well",
                        () -> client.health().trouble().isEmpty()
                                && server.health().trouble().isEmpty());
                proxy.delay(TcpProxy.Direction.TO_CLIENT, Duration.ofMillis(200));
                // What was under way before has come.
                Thread.sleep(600);
                CompletableFuture<byte[]> call = client.call("x" + i, bytes("x"), LIMIT);
                until("it to be given", () -> ((List<?>) owner.command("XPENDING", requests(), "workers"))
                        .get(0)
                        .equals(1L));
                proxy.reset();
                proxy.pass();
                assertEquals("x", text(call.get(10, TimeUnit.SECONDS)));
            }
            assertEquals(0, server.health().redelivered());
        }
    }

    @Test
    void aConnectionThatANodeClosedWhileItWasIdleCostsNoCommand() throws Exception {
        try (RedisCluster cluster = RedisCluster.builder()
                .masters(3)
                .replicasPerMaster(0)
                .persistence(RedisServer.Persistence.NONE)
                .start()) {
            StreamsConfig config = StreamsConfig.cluster(
                            Arrays.asList(cluster.seeds().split(",")))
                    .withName(name);
            try (Redis redis = new Redis(config, 3, Duration.ofSeconds(1))) {
                idle(redis, cluster.nodes(), new Keys(config).requests(0));
            }
        }
    }

    private RedisServer owner(RedisCluster cluster) {
        return cluster.nodes().stream()
                .filter(node -> serves(node, requests()))
                .findFirst()
                .orElseThrow();
    }

    /** Has the cluster be reached through proxies; gives the one of a node. */
    private TcpProxy proxied(RedisCluster cluster, RedisServer owner) throws Exception {
        List<TcpProxy> proxies = new ArrayList<>();
        for (RedisServer node : cluster.nodes()) {
            TcpProxy proxy = closing(TcpProxy.to("127.0.0.1", node.port()));
            proxies.add(proxy);
            node.command("CONFIG", "SET", "cluster-announce-bus-port", "" + (node.port() + 10_000));
            node.command("CONFIG", "SET", "cluster-announce-port", "" + proxy.port());
        }
        TcpProxy proxy = proxies.get(cluster.nodes().indexOf(owner));
        until("it to lead to its proxy", () -> String.valueOf(owner.command("CLUSTER", "SLOTS"))
                .contains("" + proxy.port()));
        return proxy;
    }

    private static boolean serves(RedisServer node, String key) {
        try {
            node.command("XLEN", key);
            return true;
        } catch (RuntimeException e) {
            return false;
        }
    }

    /** How many requests an id has. */
    private long entries(RedisServer owner, String id) {
        return ((List<?>) owner.command("XRANGE", requests(), "-", "+"))
                .stream()
                        .filter(entry ->
                                ((List<?>) ((List<?>) entry).get(1)).get(1).equals(id))
                        .count();
    }

    private static void callAll(RequestClient client, List<String> ids) {
        for (String id : ids) {
            var unused = client.call(id, bytes("x"), Duration.ofSeconds(60));
        }
    }

    /** So many ids whose partitions are, or are not, on one master. */
    private static List<String> ids(
            String prefix, int count, Keys keys, RedisCluster cluster, RedisServer master, boolean there) {
        return IntStream.iterate(0, i -> i + 1)
                .mapToObj(i -> prefix + i)
                .filter(id -> (cluster.masterOf(text(keys.requests(keys.partitionOf(id)))) == master) == there)
                .limit(count)
                .toList();
    }
}
