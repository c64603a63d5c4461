package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SetArgs;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.failover.MultiDbClient;
import io.lettuce.core.failover.api.CircuitBreakerConfig;
import io.lettuce.core.failover.api.DatabaseConfig;
import io.lettuce.core.failover.api.MultiDbOptions;
import io.lettuce.core.failover.api.StatefulRedisMultiDbConnection;
import io.lettuce.core.failover.health.PingStrategy;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.JedisClientConfig;
import redis.clients.jedis.MultiDbConfig;
import redis.clients.jedis.mcf.HealthCheckStrategy;
import redis.clients.jedis.params.SetParams;

/** What the scenario asks of a client that knows two servers, in their order of preference. */
interface FaultClient extends AutoCloseable {
    @Nullable
    String get(String key);

    void put(String key, String value);

    void remove(String key);

    void increment(String key);

    /**
     * Waits until what is known to be outstanding is done, half a minute and more if need be: a key whose last outcome is
     * unknown is left to the next tier for so long.
     */
    default void settle() throws InterruptedException {}

    @Override
    void close();

    /** The clients by name, each made from the ports of the two servers. Peers have 500 ms timeouts, as their users set. */
    static Map<String, BiFunction<Integer, Integer, FaultClient>> all() {
        Map<String, BiFunction<Integer, Integer, FaultClient>> clients = new LinkedHashMap<>();
        clients.put("holdfast", FaultClient::holdfast);
        clients.put("jedis-multidb-defaults", (first, second) -> jedis(first, second, false));
        clients.put("jedis-multidb-tuned", (first, second) -> jedis(first, second, true));
        clients.put("lettuce-multidb-defaults", (first, second) -> lettuce(first, second, false));
        clients.put("lettuce-multidb-tuned", (first, second) -> lettuce(first, second, true));
        return clients;
    }

    private static FaultClient holdfast(int first, int second) {
        FailoverStore store = FailoverStore.builder()
                .tier("first", SingleStore.of(SingleConfig.of("127.0.0.1", first)))
                .tier("second", SingleStore.of(SingleConfig.of("127.0.0.1", second)))
                .memoryTier("memory", () -> MemoryStore.create(64 << 20))
                .build();
        store.start(Duration.ofSeconds(5));
        Duration ttl = Duration.ofMinutes(5);
        return new FaultClient() {
            @Override
            public @Nullable String get(String key) {
                byte[] value = store.get(key);
                return value == null ? null : new String(value, StandardCharsets.UTF_8);
            }

            @Override
            public void put(String key, String value) {
                store.put(key, value.getBytes(StandardCharsets.UTF_8), ttl);
            }

            @Override
            public void remove(String key) {
                store.remove(key);
            }

            @Override
            public void increment(String key) {
                store.increment(key, 1, ttl);
            }

            @Override
            public void settle() throws InterruptedException {
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                while (!isSettled(store.health().tiers().get(0)) && System.nanoTime() - end < 0) {
                    TimeUnit.MILLISECONDS.sleep(50);
                }
            }

            @Override
            public void close() {
                store.close();
            }
        };
    }

    private static boolean isSettled(TierHealth first) {
        return first.serving() && first.dirtyKeys() == 0 && first.dirtyPrefixes() == 0 && first.dirtyCounters() == 0;
    }

    private static FaultClient jedis(int first, int second, boolean tuned) {
        JedisClientConfig config = DefaultJedisClientConfig.builder()
                .connectionTimeoutMillis(500)
                .socketTimeoutMillis(500)
                .build();
        MultiDbConfig.Builder databases = MultiDbConfig.builder();
        int[] ports = {first, second};
        for (int i = 0; i < 2; i++) {
            MultiDbConfig.DatabaseConfig.Builder database = new MultiDbConfig.DatabaseConfig.Builder(
                            new HostAndPort("127.0.0.1", ports[i]), config)
                    .weight(1.0f - i / 2.0f);
            if (tuned) {
                database.healthCheckStrategySupplier((endpoint, client) ->
                        new redis.clients.jedis.mcf.PingStrategy(endpoint, client, fastJedisProbes()));
            }
            databases.database(database.build());
        }
        if (tuned) {
            databases
                    .fastFailover(true)
                    .retryOnFailover(true)
                    .gracePeriod(1_000)
                    .failbackCheckInterval(500)
                    .delayInBetweenFailoverAttempts(50)
                    .failureDetector(MultiDbConfig.CircuitBreakerConfig.builder()
                            .failureRateThreshold(10)
                            .minNumOfFailures(3)
                            .slidingWindowSize(1)
                            .build())
                    .commandRetry(MultiDbConfig.RetryConfig.builder()
                            .maxAttempts(2)
                            .waitDuration(10)
                            .build());
        }
        redis.clients.jedis.MultiDbClient client = redis.clients.jedis.MultiDbClient.builder()
                .multiDbConfig(databases.build())
                .build();
        return new FaultClient() {
            @Override
            public @Nullable String get(String key) {
                return client.get(key);
            }

            @Override
            public void put(String key, String value) {
                client.set(key, value, new SetParams().px(300_000));
            }

            @Override
            public void remove(String key) {
                client.del(key);
            }

            @Override
            public void increment(String key) {
                client.incr(key);
            }

            @Override
            public void close() {
                client.close();
            }
        };
    }

    private static HealthCheckStrategy.Config fastJedisProbes() {
        return HealthCheckStrategy.Config.builder()
                .interval(100)
                .timeout(200)
                .numProbes(1)
                .delayInBetweenProbes(10)
                .build();
    }

    private static FaultClient lettuce(int first, int second, boolean tuned) {
        java.util.List<DatabaseConfig> databases = new java.util.ArrayList<>();
        int[] ports = {first, second};
        for (int i = 0; i < 2; i++) {
            DatabaseConfig.Builder database = DatabaseConfig.builder(RedisURI.builder()
                            .withHost("127.0.0.1")
                            .withPort(ports[i])
                            .withTimeout(Duration.ofMillis(500))
                            .build())
                    .weight(1.0f - i / 2.0f)
                    .clientOptions(ClientOptions.builder()
                            .timeoutOptions(TimeoutOptions.enabled(Duration.ofMillis(500)))
                            .build());
            if (tuned) {
                database.circuitBreakerConfig(CircuitBreakerConfig.builder()
                                .failureRateThreshold(10)
                                .minimumNumberOfFailures(3)
                                .metricsWindowSize(2)
                                .build())
                        .healthCheckStrategySupplier((uri, connections) -> new PingStrategy(
                                connections,
                                io.lettuce.core.failover.health.HealthCheckStrategy.Config.builder()
                                        .interval(100)
                                        .timeout(200)
                                        .numProbes(1)
                                        .delayInBetweenProbes(10)
                                        .build()));
            }
            databases.add(database.build());
        }
        MultiDbClient client = tuned
                ? MultiDbClient.create(
                        databases,
                        MultiDbOptions.builder()
                                .gracePeriod(Duration.ofSeconds(1))
                                .failbackCheckInterval(Duration.ofMillis(500))
                                .delayInBetweenFailoverAttempts(Duration.ofMillis(50))
                                .build())
                : MultiDbClient.create(databases);
        StatefulRedisMultiDbConnection<String, String> connection = client.connect();
        RedisCommands<String, String> commands = connection.sync();
        return new FaultClient() {
            @Override
            public @Nullable String get(String key) {
                return commands.get(key);
            }

            @Override
            public void put(String key, String value) {
                commands.set(key, value, SetArgs.Builder.px(300_000));
            }

            @Override
            public void remove(String key) {
                commands.del(key);
            }

            @Override
            public void increment(String key) {
                commands.incr(key);
            }

            @Override
            public void close() {
                connection.close();
                client.shutdown(Duration.ZERO, Duration.ofSeconds(2));
            }
        };
    }
}
