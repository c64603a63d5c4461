package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A server comes back from a snapshot that is older than what it had acknowledged, between two calls and two probes. */
@Execution(ExecutionMode.CONCURRENT)
class SingleRestartTest {
    private static final Duration TTL = Duration.ofHours(1);
    private static final byte[] OLD = {'o'};
    private static final byte[] NEW = {'n'};
    private static final List<String> KEYS =
            IntStream.range(0, 10).mapToObj(i -> "k" + i).toList();

    private RedisServer server;

    @BeforeEach
    void start() {
        server = RedisServer.builder().line("save 3600 100000").start();
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private FailoverStore store(Duration healthCheckInterval) {
        FailoverStore store = FailoverStore.builder()
                .tier(
                        "single",
                        SingleStore.of(
                                SingleConfig.of(server.host(), server.port()).withKeyPrefix(KeyPrefix.of("app"))))
                .memoryTier(
                        "memory", () -> MemoryStore.builder().keyPrefix("app").build())
                .config(FailoverConfig.DEFAULT
                        .withGracePeriod(Duration.ofMillis(500))
                        .withHealthCheckInterval(healthCheckInterval))
                .build();
        store.start(Duration.ofSeconds(20));
        return store;
    }

    /** A change that hides what was there. */
    private enum Change {
        REMOVE {
            @Override
            void on(CacheStore store, String key) {
                store.remove(key);
            }
        },
        REMOVE_ALL {
            @Override
            void on(CacheStore store, String key) {
                store.removeAll(List.of(key));
            }
        },
        REMOVE_BY_PREFIX {
            @Override
            void on(CacheStore store, String key) {
                store.removeByPrefix(key);
            }
        },
        PUT {
            @Override
            void on(CacheStore store, String key) {
                store.put(key, NEW, TTL);
            }
        },
        PUT_ALL {
            @Override
            void on(CacheStore store, String key) {
                store.putAll(Map.of(key, NEW), TTL);
            }
        },
        REPLACE {
            @Override
            void on(CacheStore store, String key) {
                store.replace(key, OLD, NEW, TTL);
            }
        },
        REMOVE_EXPECTED {
            @Override
            void on(CacheStore store, String key) {
                store.remove(key, OLD);
            }
        };

        abstract void on(CacheStore store, String key);
    }

    @ParameterizedTest
    @EnumSource
    void aChangeThatItForgotWhileNobodyCalledStays(Change change) {
        try (FailoverStore store = store(Duration.ofMinutes(5))) {
            KEYS.forEach(key -> store.put(key, OLD, TTL));
            await("a canary", () -> !canaries().isEmpty());
            Path older = server.saveSnapshot();
            KEYS.forEach(key -> change.on(store, key));

            server.kill();
            server.restart(older);

            isNotServedAgain(store);
        }
    }

    /**
     * What was changed before the last canary is no recent change any more.
     *
     * @param without whether there is no canary at all in what comes back
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aChangeFromBeforeTheLastCanaryStays(boolean without) {
        try (FailoverStore store = store(Duration.ofSeconds(1))) {
            KEYS.forEach(key -> store.put(key, OLD, TTL));
            await("a canary", () -> !canaries().isEmpty());
            if (without) {
                ((List<?>) server.command("KEYS", "app:#canary:*"))
                        .forEach(key -> server.command("DEL", String.valueOf(key)));
            }
            Path older = server.saveSnapshot();
            KEYS.forEach(store::remove);
            String before = canaries();
            await("another canary", () -> !canaries().equals(before));

            server.kill();
            server.restart(older);

            isNotServedAgain(store);
        }
    }

    private void isNotServedAgain(FailoverStore store) {
        long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        boolean served = false;
        while (!served) {
            KEYS.forEach(key -> assertFalse(
                    Arrays.equals(OLD, store.get(key)),
                    () -> key + " was served after " + (20_000 - (end - System.nanoTime()) / 1_000_000) + " ms"));
            if (System.nanoTime() - end > 0) {
                fail("what was changed did not get to the server again: " + store.health());
            }
            served = store.tierName().equals("single")
                    && KEYS.stream().noneMatch(key -> "o".equals(server.command("GET", "app:" + key)));
            LockSupport.parkNanos(10_000_000);
        }
    }

    private String canaries() {
        StringBuilder all = new StringBuilder();
        ((List<?>) server.command("KEYS", "app:#canary:*"))
                .forEach(key ->
                        all.append(server.command("GET", String.valueOf(key))).append(' '));
        return all.toString();
    }

    private static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                fail("waited in vain for " + what);
            }
            LockSupport.parkNanos(10_000_000);
        }
    }
}
