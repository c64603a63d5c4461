package dev.holdfast.cache.examples;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.util.Map;
import java.util.Objects;

/**
 * A cluster of three masters with a replica each, and a single server for the time when it is gone. First one master dies, then
 * the cluster, then the single server too.
 */
final class SixNodes implements DemoServers {
    private static final int MASTER_DIES = -6;
    private static final int SINGLE_DIES = 7;

    private final RedisCluster cluster = RedisCluster.builder()
            .requireFullCoverage(false)
            .persistence(RedisServer.Persistence.AOF)
            .start();
    private final RedisServer single =
            RedisServer.builder().persistence(RedisServer.Persistence.AOF).start();

    @Override
    public Settings settings() {
        return Settings.of(Map.of(
                "REDIS_CLUSTER_ENABLED", "true", "REDIS_CLUSTER_NODES", cluster.seeds(), "REDIS_URL", single.url()));
    }

    @Override
    public String type() {
        return "cluster";
    }

    @Override
    public String tiers() {
        return "cluster > single > memory";
    }

    @Override
    public int prelude() {
        return 8;
    }

    @Override
    public String also(int second) {
        switch (second) {
            case MASTER_DIES -> {
                cluster.masters().get(0).kill();
                return "one of three masters was killed: its keys go to the single server until a replica is elected";
            }
            case SINGLE_DIES -> {
                single.kill();
                return "the single server was killed too";
            }
            default -> {
                return "";
            }
        }
    }

    @Override
    public void kill() {
        cluster.nodes().forEach(RedisServer::kill);
    }

    @Override
    public void restart() {
        single.restart(RedisServer.Data.KEEP);
        cluster.restart(RedisServer.Data.KEEP);
    }

    @Override
    public long entries() {
        return cluster.masters().stream()
                .mapToLong(master -> (long) Objects.requireNonNull(master.command("DBSIZE")))
                .sum();
    }

    @Override
    public boolean holds(String key) {
        return Objects.equals(cluster.masterOf(key).command("EXISTS", key), 1L);
    }

    @Override
    public void close() {
        cluster.close();
        single.close();
    }
}
