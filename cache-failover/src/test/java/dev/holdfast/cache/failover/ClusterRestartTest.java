package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStore;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Masters of a cluster come back from snapshots that are older than what they had acknowledged. */
@Execution(ExecutionMode.CONCURRENT)
class ClusterRestartTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final byte[] OLD = {'o'};

    private RedisCluster cluster;
    private RedisServer victim;
    private FailoverStore store;

    @BeforeEach
    void start() {
        cluster = RedisCluster.builder()
                .replicasPerMaster(0)
                .requireFullCoverage(false)
                .line("save 3600 100000")
                .start();
        victim = cluster.masters().get(0);
        KeyPrefix prefix = KeyPrefix.of("app");
        store = FailoverStore.builder()
                .tier(
                        "cluster",
                        ClusterStore.of(ClusterConfig.of(List.of(cluster.seeds().split(",")))
                                .withKeyPrefix(prefix)))
                .memoryTier(
                        "memory", () -> MemoryStore.builder().keyPrefix("app").build())
                .config(FailoverConfig.DEFAULT
                        .withGracePeriod(Duration.ofMillis(500))
                        .withHealthCheckInterval(Duration.ofSeconds(1)))
                .build();
        store.start(Duration.ofSeconds(20));
    }

    @AfterEach
    void stop() {
        store.close();
        cluster.close();
    }

    /**
     * @param all whether the others go down too, and come back as they were
     * @param seconds how long after the change that is: none, or long enough for several probes
     */
    @ParameterizedTest
    @CsvSource({"false, 0", "false, 3", "true, 0", "true, 3"})
    void aRemovalThatAMasterHasForgottenStays(boolean all, int seconds) {
        List<String> keys = keysOn(victim, 10);
        String other = keysOn(victim, 11).get(10);
        keys.forEach(key -> store.put(key, OLD, TTL));
        awaitCanary();
        Path older = victim.saveSnapshot();
        keys.forEach(store::remove);
        LockSupport.parkNanos(Duration.ofSeconds(seconds).toNanos());

        Map<RedisServer, Path> snapshots = new LinkedHashMap<>(Map.of(victim, older));
        if (all) {
            cluster.masters().stream()
                    .filter(master -> master != victim)
                    .forEach(master -> snapshots.put(master, master.saveSnapshot()));
        }
        snapshots.keySet().forEach(RedisServer::kill);
        await("calls to go elsewhere", () -> isElsewhere(other));
        snapshots.forEach(RedisServer::restart);

        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        boolean served = false;
        while (System.nanoTime() - end < 0 && !served) {
            keys.forEach(key -> assertNull(
                    store.get(key),
                    () -> key + " after " + (30_000 - (end - System.nanoTime()) / 1_000_000) + " ms: " + tier()));
            served = !isElsewhere(other) && tier().serving() && tier().dirtyKeys() == 0;
            LockSupport.parkNanos(20_000_000);
        }
        keys.forEach(key -> assertNull(store.get(key), key));
        assertEquals("cluster", store.tierName());
    }

    /** Whether a put of this key does not get to the cluster. */
    private boolean isElsewhere(String key) {
        byte[] value = Long.toString(System.nanoTime()).getBytes(StandardCharsets.US_ASCII);
        store.put(key, value, TTL);
        try {
            return !new String(value, StandardCharsets.US_ASCII)
                    .equals(String.valueOf(victim.command("GET", "app:" + key)));
        } catch (RuntimeException e) {
            return true;
        }
    }

    private List<String> keysOn(RedisServer master, int count) {
        List<String> keys = new ArrayList<>();
        for (int i = 0; keys.size() < count; i++) {
            if (cluster.masterOf("app:k" + i) == master) {
                keys.add("k" + i);
            }
        }
        return keys;
    }

    private TierHealth tier() {
        return store.health().tiers().get(0);
    }

    private void awaitCanary() {
        String before = canaries();
        await("a canary", () -> !canaries().isEmpty() && !canaries().equals(before));
    }

    private String canaries() {
        StringBuilder all = new StringBuilder();
        if (victim.command("KEYS", "app:#canary:*") instanceof List<?> keys) {
            keys.forEach(key ->
                    all.append(victim.command("GET", String.valueOf(key))).append(' '));
        }
        return all.toString();
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                fail("waited 20 s in vain for " + what);
            }
            LockSupport.parkNanos(5_000_000);
        }
    }
}
