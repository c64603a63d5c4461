package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Real servers fail in every way there is, under the calls of eight threads; see {@link TwoServers#check} for what must hold. */
@Execution(ExecutionMode.CONCURRENT)
class ServerFaultsTest {
    private static final Duration TTL = Duration.ofHours(1);

    @Test
    void aKilledServerCostsNobodyAnythingAndComesBack() {
        try (TwoServers servers = TwoServers.start()) {
            servers.outage(servers.first::kill, () -> servers.first.restart(RedisServer.Data.KEEP));
            servers.check();
        }
    }

    @Test
    void aFrozenServerCostsNobodyItsCommandTimeout() {
        try (TwoServers servers = TwoServers.start()) {
            servers.outage(servers.first::freeze, servers.first::thaw);
            servers.check();
        }
    }

    @Test
    void aServerIsRestartedWithItsData() {
        try (TwoServers servers = TwoServers.start()) {
            servers.first.restart(RedisServer.Data.KEEP);
            servers.traffic.awaitCalls(TwoServers.SOME);
            servers.awaitFailback();
            servers.check();
        }
    }

    @Test
    void allConnectionsAreReset() {
        try (TwoServers servers = proxied()) {
            // The server is well, so nothing is opened; and connections are reset one after the other.
            servers.faults = 2;
            Objects.requireNonNull(servers.proxy).reset();
            servers.traffic.awaitCalls(TwoServers.SOME);
            servers.awaitFailback();
            servers.check();
        }
    }

    @Test
    void aCableIsCut() {
        try (TwoServers servers = proxied()) {
            servers.outage(
                    Objects.requireNonNull(servers.proxy)::halfOpen, Objects.requireNonNull(servers.proxy)::pass);
            servers.check();
        }
    }

    @Test
    void aServerAnswersOnlyAfterSixHundredMilliseconds() {
        TwoServers.Setup setup = new TwoServers.Setup();
        setup.proxied = true;
        // Each call is slow then, whatever the probes have got used to on a busy machine.
        setup.slowCallThreshold = Duration.ofMillis(400);
        try (TwoServers servers = setup.start()) {
            servers.outage(
                    () -> Objects.requireNonNull(servers.proxy).delay(Duration.ofMillis(300)),
                    Objects.requireNonNull(servers.proxy)::pass);
            servers.check();
        }
    }

    @Test
    void aServerIsDemotedToAReplica() {
        try (TwoServers servers = TwoServers.start()) {
            servers.outage(
                    () -> servers.first.command("REPLICAOF", "127.0.0.1", "1"),
                    () -> servers.first.command("REPLICAOF", "NO", "ONE"));
            servers.check();
        }
    }

    @Test
    void aServerIsFullAndEvictsNothing() {
        try (TwoServers servers = TwoServers.start()) {
            servers.outage(
                    () -> servers.first.command("CONFIG", "SET", "maxmemory", "1"),
                    () -> servers.first.command("CONFIG", "SET", "maxmemory", "0"));
            servers.check();
        }
    }

    @Test
    void aRestartedServerIsLoadingItsData() {
        TwoServers.Setup setup = new TwoServers.Setup();
        setup.server = RedisServer.builder().loadDelay(Duration.ofMillis(5));
        try (TwoServers servers = setup.start()) {
            Map<String, byte[]> many = new HashMap<>();
            for (int i = 0; i < 300; i++) {
                many.put("loaded:" + i, new byte[100]);
            }
            servers.store.putAll(many, TTL);
            servers.awaitCanary();
            servers.outage(() -> servers.first.restartWithoutWaiting(RedisServer.Data.KEEP), () -> {});
            servers.check();
            assertEquals(300, servers.store.getAll(many.keySet()).size(), "nothing was thrown away needlessly");
        }
    }

    @Test
    void thePasswordIsChanged() {
        TwoServers.Setup setup = new TwoServers.Setup();
        setup.server = RedisServer.builder().password("old");
        setup.password = Secret.of("old");
        try (TwoServers servers = setup.start()) {
            servers.outage(
                    () -> {
                        servers.first.setPassword("new");
                        servers.first.command("CLIENT", "KILL", "TYPE", "normal");
                    },
                    () -> servers.first.setPassword("old"));
            servers.check();
        }
    }

    @Test
    void aSlowCallerThatUsesUpThePoolDoesNotOpenTheTier() throws Exception {
        TwoServers.Setup setup = new TwoServers.Setup();
        setup.proxied = true;
        setup.poolSize = 1;
        setup.commandTimeout = Duration.ofSeconds(3);
        setup.slowCallThreshold = setup.commandTimeout;
        // The server is not gone: others wait until the large values are through, as long as a call may take.
        setup.tooLong = Duration.ofSeconds(20);
        try (TwoServers servers = setup.start()) {
            byte[] large = new byte[1 << 20];
            servers.store.put("large", large, TTL);
            // Longer than others wait for the connection, and shorter than the command timeout.
            Objects.requireNonNull(servers.proxy).throttle(large.length / 2);
            AtomicBoolean over = new AtomicBoolean();
            AtomicInteger taken = new AtomicInteger();
            CompletableFuture<Void> slow = CompletableFuture.runAsync(
                    () -> {
                        while (!over.get()) {
                            servers.store.get("large");
                            taken.incrementAndGet();
                        }
                    },
                    task -> new Thread(task).start());
            // Who comes while it is in use has it not, whoever has been sent with the large one waits with it. A server
            // that takes long for
            // everything, as on a busy machine, is sent all at once: then nobody finds none.
            servers.await("callers to find no connection", () -> {
                new Thread(() -> servers.store.get("another")).start();
                return servers.tier("first").store().pool().exhausted() > 0 || taken.get() >= 10;
            });
            over.set(true);
            slow.get(60, TimeUnit.SECONDS);
            Objects.requireNonNull(servers.proxy).pass();
            servers.traffic.awaitCalls(TwoServers.SOME);
            assertEquals(0, servers.openings(), "the server is healthy");
            servers.check();
        }
    }

    @Test
    void memoryAnswersWhileBothServersAreGone() {
        try (TwoServers servers = TwoServers.start()) {
            servers.first.kill();
            servers.second.kill();
            servers.awaitServing("memory");
            servers.second.restart(RedisServer.Data.KEEP);
            servers.awaitServing("second");
            servers.first.restart(RedisServer.Data.KEEP);
            servers.awaitFailback();
            servers.check();
        }
    }

    @Test
    void aServerThatComesAndGoesIsNotTrustedAtOnce() {
        try (TwoServers servers = TwoServers.start()) {
            for (int i = 0; i < 3; i++) {
                servers.first.kill();
                servers.traffic.awaitCalls(TwoServers.SOME);
                servers.first.restart(RedisServer.Data.KEEP);
                servers.traffic.awaitCalls(TwoServers.SOME);
            }
            servers.awaitFailback();
            servers.check();
        }
    }

    @Test
    void whatAFrozenServerHasInItsQueueIsNotAppliedAfterwards() throws Exception {
        try (TwoServers servers = TwoServers.start()) {
            servers.first.freeze();
            CompletableFuture<Void> put = CompletableFuture.runAsync(
                    () -> servers.store.put("large", new byte[3 << 20], TTL), task -> new Thread(task).start());
            put.get(60, TimeUnit.SECONDS);
            servers.awaitServing("second");
            assertTrue(servers.store.remove("large"), "the second tier has it");
            servers.first.thaw();
            servers.awaitFailback();
            assertFalse(servers.store.contains("large"), "the queue was not dropped");
            assertEquals(0L, servers.first.command("EXISTS", TwoServers.PREFIX + "large"));
            servers.check();
        }
    }

    @Test
    void removalsThatAServerHasForgottenStay() {
        TwoServers.Setup setup = new TwoServers.Setup();
        setup.server = RedisServer.builder().persistence(RedisServer.Persistence.RDB);
        try (TwoServers servers = setup.start()) {
            CacheStore store = servers.store;
            Map<String, byte[]> many = new HashMap<>();
            for (int i = 0; i < 100; i++) {
                many.put("forgotten:" + i, new byte[10]);
            }
            store.putAll(many, TTL);
            servers.first.command("SAVE");
            store.removeAll(many.keySet());
            servers.awaitCanary();
            servers.outage(servers.first::kill, () -> servers.first.restart(RedisServer.Data.KEEP));
            assertEquals(Set.of(), store.getAll(many.keySet()).keySet());
            servers.check(false);
        }
    }

    @Test
    void removalsThatAServerHasForgottenStayEvenWhereNoCanaryTells() {
        TwoServers.Setup setup = new TwoServers.Setup();
        setup.server = RedisServer.builder().persistence(RedisServer.Persistence.RDB);
        try (TwoServers servers = setup.start()) {
            Map<String, byte[]> many = new HashMap<>();
            for (int i = 0; i < 100; i++) {
                many.put("forgotten:" + i, new byte[10]);
            }
            servers.store.putAll(many, TTL);
            servers.awaitCanary();
            servers.first.command("SAVE");
            servers.outage(
                    () -> {
                        servers.store.removeAll(many.keySet());
                        servers.first.kill();
                    },
                    () -> servers.first.restart(RedisServer.Data.KEEP));
            assertEquals(Set.of(), servers.store.getAll(many.keySet()).keySet());
            servers.check(false);
        }
    }

    private static TwoServers proxied() {
        TwoServers.Setup setup = new TwoServers.Setup();
        setup.proxied = true;
        return setup.start();
    }
}
