package dev.holdfast.cache.examples;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.UpstashGateway;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** Real servers, and what an application would set to use them: one case for each kind of store. */
enum StoreServers {
    MEMORY {
        @Override
        Running start() {
            return new Running(Settings.of(Map.of()), List.of());
        }
    },
    SINGLE {
        @Override
        Running start() {
            RedisServer redis = RedisServer.start();
            return new Running(Settings.of(Map.of("REDIS_URL", redis.url(), "CACHE_TIERS", "single")), List.of(redis));
        }
    },
    CLUSTER {
        @Override
        Running start() {
            RedisCluster cluster = RedisCluster.start();
            Map<String, String> settings = Map.of(
                    "REDIS_CLUSTER_ENABLED", "true", "REDIS_CLUSTER_NODES", cluster.seeds(), "CACHE_TIERS", "cluster");
            return new Running(Settings.of(settings), List.of(cluster));
        }
    },
    UPSTASH {
        @Override
        Running start() {
            RedisServer redis = RedisServer.start();
            UpstashGateway gateway = UpstashGateway.start("127.0.0.1:" + redis.port(), "t");
            Map<String, String> settings = Map.of(
                    "UPSTASH_REDIS_REST_URL", gateway.url(), "UPSTASH_REDIS_REST_TOKEN", "t", "CACHE_TIERS", "upstash");
            return new Running(Settings.of(settings), List.of(gateway, redis));
        }
    },
    /** Failover( single > upstash > memory ). */
    SEVERAL {
        @Override
        Running start() {
            TwoRemotes remotes = new TwoRemotes();
            return new Running(remotes.settings(), List.of(remotes));
        }
    };

    abstract Running start();

    /** Servers that run, to be closed. */
    record Running(Settings settings, List<AutoCloseable> servers) implements AutoCloseable {
        /** Opens a client, however long this machine takes to let it begin. */
        CacheClient client() {
            return CacheClient.builder()
                    .settings(settings)
                    .startTimeout(Duration.ofMinutes(1))
                    .build();
        }

        @Override
        public void close() throws Exception {
            for (AutoCloseable server : servers) {
                server.close();
            }
        }
    }
}
