package dev.holdfast.cache.micrometer;

import static dev.holdfast.cache.micrometer.Meters.await;
import static dev.holdfast.cache.micrometer.Meters.keys;
import static dev.holdfast.cache.micrometer.Meters.value;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStore;
import dev.holdfast.cache.spi.CallObserver;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.distribution.CountAtBucket;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The meters of tiers, of nodes and of the commands to them, on real servers. */
class ServerMetersTest {
    private static final int READERS = 8;
    private static final String DURATION = "db.client.operation.duration";
    private static final double[] BOUNDARIES = {0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10};

    private final MeterRegistry registry = new SimpleMeterRegistry();

    @AfterEach
    void close() {
        registry.close();
    }

    private CacheClient open(String... namesAndValues) {
        CacheClient client = CacheClient.from(Settings.of(map(namesAndValues)));
        CacheClientMetrics.of(client).bindTo(registry);
        return client;
    }

    private static Map<String, String> map(String... namesAndValues) {
        Map<String, String> map = new HashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            map.put(namesAndValues[i], namesAndValues[i + 1]);
        }
        return map;
    }

    private static Cache<String, String> cache(CacheClient client) {
        return client.cache("users", String.class, String.class).build();
    }

    @Test
    void aKilledServerShowsInEveryMeterAndSoDoesItsReturn() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = open("REDIS_URL", redis.url())) {
            Cache<String, String> cache = cache(client);
            cache.put("k", "v");
            String[] turn = {"from", "single", "to", "memory"};
            assertEquals(1, value(registry, "holdfast.client.status", "status", "healthy"));
            assertEquals(1, value(registry, "holdfast.tier.state", "tier", "single", "state", "closed"));
            assertEquals(1, value(registry, "holdfast.tier.serving", "tier", "single"));
            assertEquals(0, value(registry, "holdfast.tier.serving", "tier", "memory"));
            assertEquals(
                    5, registry.find("holdfast.failovers").tags(turn).meters().size());
            assertEquals(0, sum("holdfast.failovers"));

            redis.kill();
            cache.remove("k");
            cache.put("k", "there");
            await("the failover to be counted", () -> sum("holdfast.failovers", turn) == 1);
            await("memory to serve", () -> value(registry, "holdfast.tier.serving", "tier", "memory") == 1);
            assertEquals(1, value(registry, "holdfast.client.status", "status", "critical"));
            assertEquals(0, value(registry, "holdfast.client.status", "status", "healthy"));
            assertEquals(1, value(registry, "holdfast.tier.state", "tier", "single", "state", "open"));
            assertEquals(1, value(registry, "holdfast.tier.dirty.keys", "tier", "single"));
            await("a failed probe", () -> value(registry, "holdfast.tier.probe.failures", "tier", "single") > 0);
            assertEquals(1, sum("holdfast.failovers"));

            redis.restart(RedisServer.Data.EMPTY);
            await("the way back", () -> value(registry, "holdfast.tier.serving", "tier", "single") == 1);
            await("nothing to be left", () -> value(registry, "holdfast.tier.dirty.keys", "tier", "single") == 0);
            assertEquals(0, value(registry, "holdfast.tier.probe.failures", "tier", "single"));
            assertEquals(1, value(registry, "holdfast.client.status", "status", "healthy"));
        }
    }

    private double sum(String name, String... tags) {
        return registry.find(name).tags(tags).meters().stream()
                .mapToDouble(meter -> meter.measure().iterator().next().getValue())
                .sum();
    }

    /** Some command is under way then, as none would be that were sent after: a refused connection takes none. */
    private static void killUnderReaders(RedisServer redis, Cache<String, String> cache) throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(READERS);
        List<Thread> readers = new ArrayList<>();
        for (int i = 0; i < READERS; i++) {
            Thread reader = new Thread(() -> {
                begun.countDown();
                assertThrows(CacheUnavailableException.class, () -> {
                    while (true) {
                        cache.get("k");
                    }
                });
            });
            readers.add(reader);
            reader.start();
        }
        begun.await();
        redis.kill();
        for (Thread reader : readers) {
            reader.join();
        }
    }

    @Test
    void commandsAreTimedByServerNameAndError() throws InterruptedException {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = open("REDIS_URL", redis.url(), "CACHE_TIERS", "single")) {
            Cache<String, String> cache = cache(client);
            String[] server = {"server.address", "127.0.0.1", "server.port", String.valueOf(redis.port())};
            cache.put("k", "v");
            cache.get("k");
            cache.get("k");
            assertEquals(2, value(registry, DURATION, "db.operation.name", "GET", "error.type", "none"));
            assertEquals(
                    1,
                    registry.find(DURATION)
                            .tags(server)
                            .tag("db.operation.name", "SET")
                            .timers()
                            .size());
            assertEquals(3, value(registry, "db.client.connection.wait_time", server));
            killUnderReaders(redis, cache);
            // Whichever comes first: that the server ends the connection, or that this client does since the server is
            // gone.
            double broken = sum(DURATION, "error.type", "connection") + sum(DURATION, "error.type", "disconnected");
            assertTrue(broken > 0);
            assertEquals(
                    Set.of(Set.of(
                            "client",
                            "db.system.name",
                            "db.operation.name",
                            "error.type",
                            "server.address",
                            "server.port")),
                    keys(registry, DURATION));
            assertEquals(READERS, value(registry, "holdfast.cache.store.failures", "operation", "read"));
        }
    }

    @Test
    void theHistogramHasOpenTelemetrysBoundaries() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = open("REDIS_URL", redis.url())) {
            cache(client).put("k", "v");
            Timer timer = registry.get(DURATION).tag("db.operation.name", "SET").timer();
            double[] buckets = Arrays.stream(timer.takeSnapshot().histogramCounts())
                    .mapToDouble(CountAtBucket::bucket)
                    .map(nanos -> nanos / TimeUnit.SECONDS.toNanos(1))
                    .toArray();
            assertArrayEquals(BOUNDARIES, buckets, 1e-12);
        }
    }

    @Test
    void connectionsAreCountedByNode() {
        try (RedisServer redis = RedisServer.start();
                CacheClient client = open("REDIS_URL", redis.url(), "REDIS_CONNECTION_POOL_SIZE", "3")) {
            cache(client).put("k", "v");
            String[] node = {
                "db.client.connection.pool.name",
                "single",
                "server.address",
                "127.0.0.1",
                "server.port",
                String.valueOf(redis.port())
            };
            assertEquals(3, value(registry, "db.client.connection.max", node));
            assertEquals(0, value(registry, "db.client.connection.pending_requests", node));
            assertEquals(0, value(registry, "db.client.connection.timeouts", node));
            await(
                    "an idle connection",
                    () -> registry.get("db.client.connection.count")
                                    .tags(node)
                                    .tag("db.client.connection.state", "idle")
                                    .gauge()
                                    .value()
                            > 0);
        }
    }

    @Test
    void aClustersNodesHaveTheirMetersAsLongAsTheyBelongToIt() {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start();
                CacheClient client = CacheClient.builder()
                        .tier(
                                "cluster",
                                ClusterStore.of(
                                        ClusterConfig.of(List.of(cluster.seeds().split(",")))
                                                .withTopologyRefresh(Duration.ofSeconds(1))))
                        .build()) {
            CacheClientMetrics.of(client).bindTo(registry);
            Cache<String, String> cache = cache(client);
            // On a busy machine it may miss the start.
            await("the cluster to serve", () -> value(registry, "holdfast.tier.serving", "tier", "cluster") == 1);
            for (int i = 0; i < 100; i++) {
                cache.put("k" + i, "v");
            }
            for (RedisServer master : cluster.masters()) {
                assertTrue(sum(DURATION, "server.port", String.valueOf(master.port())) > 0);
            }
            RedisServer added = cluster.addNode();
            String port = String.valueOf(added.port());
            await("meters of the node that was added", () -> {
                double unused = value(registry, "holdfast.client.status", "status", "healthy");
                return !registry.find("db.client.connection.max")
                        .tag("server.port", port)
                        .meters()
                        .isEmpty();
            });
            cluster.removeNode(added);
            await("meters of the node that was removed to go", () -> {
                double unused = value(registry, "holdfast.client.status", "status", "healthy");
                return meters("server.port", port).isEmpty();
            });
            assertFalse(meters(
                            "server.port",
                            String.valueOf(cluster.masters().get(0).port()))
                    .isEmpty());
        }
    }

    @Test
    void aCommandThatOutlivesItsNodeLeavesNoMeters() {
        MeterSet all = new MeterSet(registry, Tags.empty());
        CommandMeters commands = new CommandMeters(all);
        NodeMeters nodes = new NodeMeters(all, commands);
        try (RedisServer first = RedisServer.start();
                RedisServer second = RedisServer.start();
                CacheClient before = CacheClient.from(Settings.of(Map.of("REDIS_URL", first.url())));
                CacheClient after = CacheClient.from(Settings.of(Map.of("REDIS_URL", second.url())))) {
            HealthView view = new HealthView(after::health, System::nanoTime, health -> {});
            String port = String.valueOf(first.port());
            String address = "127.0.0.1:" + port;
            nodes.follow(before.health(), view);
            CallObserver.Ended command = commands.began("GET", address);
            nodes.follow(after.health(), view);
            assertEquals(List.of(), meters("server.port", port));
            command.ended(null);
            assertFalse(meters("server.port", port).isEmpty());
            nodes.follow(after.health(), view);
            assertEquals(List.of(), meters("server.port", port));

            nodes.follow(before.health(), view);
            commands.began("GET", address).ended(null);
            nodes.follow(before.health(), view);
            assertEquals(1, value(registry, DURATION, "server.port", port), "of a node that came back");
        }
    }

    private List<Meter> meters(String key, String value) {
        return registry.getMeters().stream()
                .filter(meter -> value.equals(meter.getId().getTag(key)))
                .toList();
    }

    @Test
    void noTagHoldsAKeyAValueOrASecretAndAddressesAreOnlyWhereTheyBelong() {
        String password = "correct-horse-battery";
        try (RedisServer redis = RedisServer.builder().password(password).start();
                CacheClient client = open("REDIS_URL", redis.url())) {
            Cache<String, String> cache = cache(client);
            cache.get("key-of-ada", key -> "value-of-ada");
            assertThrows(IllegalArgumentException.class, () -> client.cache("no:name", String.class, String.class)
                    .build());
            redis.kill();
            cache.get("key-of-ada");
            Set<String> values = registry.getMeters().stream()
                    .flatMap(meter -> meter.getId().getTags().stream())
                    .map(Tag::getValue)
                    .collect(Collectors.toSet());
            for (String secret : List.of(password, "key-of-ada", "value-of-ada", "redis://")) {
                assertTrue(values.stream().noneMatch(value -> value.contains(secret)), values::toString);
            }
            String port = String.valueOf(redis.port());
            assertTrue(registry.getMeters().stream()
                    .filter(meter -> meter.getId().getTags().stream()
                            .anyMatch(tag -> tag.getValue().contains(port)))
                    .allMatch(meter -> meter.getId().getName().startsWith("db.client.")));
        }
    }
}
