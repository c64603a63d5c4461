package dev.holdfast.cache.single;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every state that a server names, and how the store comes back from it by itself. */
@Execution(ExecutionMode.CONCURRENT)
class SingleStoreServerStateTest {
    private static final byte[] VALUE = {1};
    private static final Duration TTL = Duration.ofMinutes(1);

    private static SingleStore storeOn(RedisServer server) {
        return SingleStore.of(SingleConfig.of(server.url()));
    }

    private static CacheUnavailableException stateOf(String code, Executable call) {
        CacheUnavailableException e = assertThrows(CacheUnavailableException.class, call);
        assertEquals(Reason.SERVER_STATE, e.reason(), e.getMessage());
        assertFalse(e.outcomeUnknown(), e.getMessage());
        assertTrue(e.getMessage().contains(code), e.getMessage());
        return e;
    }

    private static void writesAndTheProbeAreRefused(String code, CacheStore store) {
        stateOf(code, () -> store.put("k", VALUE, TTL));
        stateOf(code, () -> store.putIfAbsent("new", VALUE, TTL));
        stateOf(code, () -> store.increment("counter", 1, TTL));
        stateOf(code, () -> store.putAll(Map.of("a", VALUE, "b", VALUE), TTL));
        stateOf(code, () -> store.probe(Duration.ofSeconds(5)));
    }

    @Test
    void aReplicaIsReadOnly() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = storeOn(server)) {
            store.put("k", VALUE, TTL);
            server.command("REPLICAOF", "127.0.0.1", "1");
            writesAndTheProbeAreRefused("READONLY", store);
            server.command("REPLICAOF", "NO", "ONE");
            store.put("k", VALUE, TTL);
            assertTrue(store.probe(Duration.ofSeconds(5)).writable());
        }
    }

    @Test
    void tlsWhereTheServerHasNoneAndTheOtherWayRoundAreNamed() {
        try (RedisServer plain = RedisServer.start();
                RedisServer tls = RedisServer.builder().tls().start();
                SingleStore wrapped = SingleStore.of(SingleConfig.of(plain.url().replace("redis:", "rediss:")));
                SingleStore bare = SingleStore.of(SingleConfig.of(tls.host(), tls.port()))) {
            for (SingleStore store : List.of(wrapped, bare)) {
                CacheUnavailableException e =
                        assertThrows(CacheUnavailableException.class, () -> store.probe(Duration.ofSeconds(1)));
                assertTrue(String.valueOf(e.getMessage()).contains("TLS"), e.getMessage());
            }
        }
    }

    @Test
    void readOnlyDropsEveryConnectionSoThatTheNameIsResolvedAnew() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = storeOn(server)) {
            store.put("k", VALUE, TTL);
            long before = connectionsEverOf(server);
            server.command("REPLICAOF", "127.0.0.1", "1");
            stateOf("READONLY", () -> store.put("k", VALUE, TTL));
            assertEquals(0, store.health().pool().total());
            store.get("k");
            assertEquals(before + 1, connectionsEverOf(server));
        }
    }

    private static long connectionsEverOf(RedisServer server) {
        String info = (String) server.command("INFO", "stats");
        return info.lines()
                .filter(line -> line.startsWith("total_connections_received:"))
                .mapToLong(line ->
                        Long.parseLong(line.substring(line.indexOf(':') + 1).strip()))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void aReplicaWithoutItsMasterMayRefuseReads() {
        try (RedisServer server = RedisServer.builder()
                        .line("replica-serve-stale-data no")
                        .start();
                SingleStore store = storeOn(server)) {
            store.put("k", VALUE, TTL);
            server.command("REPLICAOF", "127.0.0.1", "1");
            stateOf("MASTERDOWN", () -> store.get("k"));
        }
    }

    @Test
    void aFullServerRefusesWritesAndStillReads() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = storeOn(server)) {
            store.put("k", VALUE, TTL);
            server.command("CONFIG", "SET", "maxmemory", "1");
            writesAndTheProbeAreRefused("OOM", store);
            assertEquals(1, store.get("k").length);
        }
    }

    @Test
    void aMasterWithoutTheReplicasItWantsRefusesWrites() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = storeOn(server)) {
            server.command("CONFIG", "SET", "min-replicas-to-write", "1");
            writesAndTheProbeAreRefused("NOREPLICAS", store);
        }
    }

    @Test
    void aServerThatLoadsItsDataSaysSo() {
        try (RedisServer server =
                        RedisServer.builder().loadDelay(Duration.ofMillis(5)).start();
                SingleStore store = storeOn(server)) {
            for (int i = 0; i < 2000; i++) {
                store.put("k" + i, new byte[100], TTL);
            }
            server.restartWithoutWaiting(RedisServer.Data.KEEP);
            // The first call may still find a connection to the server of before.
            assertThrows(CacheUnavailableException.class, () -> store.get("k1"));
            stateOf("LOADING", () -> store.get("k1"));
            stateOf("LOADING", () -> store.probe(Duration.ofSeconds(5)));
        }
    }

    @Test
    void aServerInALongScriptIsBusy() throws Exception {
        try (RedisServer server =
                        RedisServer.builder().line("busy-reply-threshold 20").start();
                SingleStore store = storeOn(server);
                SingleStore other = storeOn(server)) {
            store.get("k");
            Thread script = new Thread(() -> {
                try {
                    server.command("EVAL", "while true do end", "0");
                } catch (IllegalStateException e) {
                    // killed below
                }
            });
            script.start();
            Eventually.until("the server is busy", () -> {
                try {
                    other.get("k");
                    return false;
                } catch (CacheUnavailableException e) {
                    return e.getMessage().contains("BUSY");
                }
            });
            writesAndTheProbeAreRefused("BUSY", store);
            try (redis.clients.jedis.Jedis killer = new redis.clients.jedis.Jedis(server.host(), server.port())) {
                killer.scriptKill();
            }
            script.join();
            store.put("k", VALUE, TTL);
        }
    }

    @Test
    void aServerWithTooManyClientsSaysSo() {
        try (RedisServer server = RedisServer.start();
                SingleStore store = storeOn(server)) {
            server.command("CONFIG", "SET", "maxclients", "1");
            CacheUnavailableException e = assertThrows(
                    CacheUnavailableException.class, () -> store.get("k"), "one client is the testkit's own");
            assertEquals(Reason.SERVER_STATE, e.reason(), e.getMessage());
            server.command("CONFIG", "SET", "maxclients", "100");
            store.get("k");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "MISCONF Redis is configured to save",
                "TRYAGAIN Multiple keys",
                "CLUSTERDOWN Hash slot not served"
            })
    void statesThatAreHardToBringAboutAreKnownByTheirCode(String reply) throws IOException {
        try (ScriptedServer server = ScriptedServer.saying('-' + reply + "\r\n");
                SingleStore store = SingleStore.of(server.config())) {
            stateOf(reply, () -> store.get("k"));
            stateOf(reply, () -> store.increment("k", 1, TTL));
        }
    }

    @Test
    void beforeRedis7AScriptsErrorHasItsCodeInTheMiddle() throws IOException {
        String reply = "-ERR Error running script (call to f_0b1): @user_script:2: @user_script: 2: "
                + "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
        try (ScriptedServer server = ScriptedServer.saying(reply);
                SingleStore store = SingleStore.of(server.config())) {
            stateOf("OOM", () -> store.increment("k", 1, TTL));
        }
    }

    @Test
    void credentialsThatAreRefusedLaterMakeItUnavailable() {
        try (RedisServer server = RedisServer.builder().password("first").start();
                SingleStore store = storeOn(server)) {
            store.put("k", VALUE, TTL);
            server.setPassword("second");
            server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
            assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertEquals(Reason.REFUSED, e.reason(), e.getMessage());
            server.setPassword("first");
            assertEquals(1, store.get("k").length);
        }
    }

    @Test
    void whatIsWrongWithTheCommandIsRejectedAndCostsNoConnection() {
        try (RedisServer server = RedisServer.builder()
                        .user("reader", "secret", "~* -@all +@read +@connection")
                        .start();
                SingleStore reader = storeOn(server)) {
            server.command("LPUSH", "list", "x");
            assertThrows(CacheRejectedException.class, () -> reader.get("list"));
            assertThrows(CacheRejectedException.class, () -> reader.put("k", VALUE, TTL));
            assertThrows(CacheRejectedException.class, () -> reader.increment("k", 1, TTL));
            assertEquals(1, reader.health().pool().total());
            assertEquals(0, reader.health().operations().failed(), "a refusal is an answer");
        }
    }

    @Test
    void aPartialFailureNamesItsKeys() throws IOException {
        try (ScriptedServer server = new ScriptedServer((command, out) ->
                        out.write((command.get(1).equals("b") ? "-OOM command not allowed\r\n" : "+OK\r\n")
                                .getBytes(StandardCharsets.US_ASCII)));
                SingleStore store = SingleStore.of(server.config())) {
            CacheUnavailableException e =
                    stateOf("OOM", () -> store.putAll(Map.of("a", VALUE, "b", VALUE, "c", VALUE), TTL));
            assertEquals(Set.of("b"), e.failedKeys());
        }
    }

    @Test
    void aUserWhoMayNotWriteTheCanaryIsPingedAndTheResultSaysSo() {
        try (RedisServer server = RedisServer.builder()
                        .user("narrow", "secret", "~app:* +@all -@dangerous")
                        .start();
                SingleStore store = SingleStore.of(SingleConfig.of(server.host(), server.port())
                        .withUsername("narrow")
                        .withPassword(Secret.of("secret")))) {
            assertFalse(store.probe(Duration.ofSeconds(5)).writable());
            assertFalse(store.probe(Duration.ofSeconds(5)).writable());
        }
    }
}
