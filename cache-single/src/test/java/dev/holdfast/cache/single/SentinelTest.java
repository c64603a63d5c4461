package dev.holdfast.cache.single;

import static dev.holdfast.cache.single.Eventually.until;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.testkit.RedisSentinels;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** The master is where three real sentinels say. */
@Execution(ExecutionMode.CONCURRENT)
class SentinelTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);

    private static boolean serves(SingleStore store) {
        try {
            store.put("k", VALUE, TTL);
            return true;
        } catch (CacheUnavailableException e) {
            return false;
        }
    }

    @Test
    void aSwitchIsFollowedAndAFormerMasterThatReturnsIsLeftAlone() {
        try (RedisSentinels sentinels = RedisSentinels.start("shop");
                SingleStore store = SingleStore.of(SingleConfig.parse(sentinels.url()))) {
            RedisServer first = sentinels.master();
            store.put("before", VALUE, TTL);
            assertEquals(1L, first.command("EXISTS", "before"));
            until(
                    "the replica has it",
                    () -> store.get("before") != null
                            && first.command("WAIT", "1", "100").equals(1L));
            first.kill();
            sentinels.awaitSwitch(first);
            long switched = System.nanoTime();
            until("the new master serves", () -> serves(store));
            long late = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - switched);
            assertTrue(late < 5_000, () -> "it served " + late + " ms after the switch");
            RedisServer second = sentinels.master();
            until("it is in the new master", () -> has(second, "k"));
            assertArrayEquals(VALUE, store.get("before"));
            first.restart(RedisServer.Data.KEEP);
            until("the former master is a replica", () -> isReplica(first));
            assertTrue(serves(store));
            assertEquals(0, connections(first), "nobody talks to the former master");
        }
    }

    /** The sentinels close all connections to a server that they promote or demote, the testkit's too. */
    private static boolean has(RedisServer server, String key) {
        try {
            return Long.valueOf(1).equals(server.command("EXISTS", key));
        } catch (UncheckedIOException e) {
            return false;
        }
    }

    private static boolean isReplica(RedisServer server) {
        try {
            return String.valueOf(server.command("ROLE")).contains("slave");
        } catch (UncheckedIOException e) {
            return false;
        }
    }

    private static long connections(RedisServer server) {
        return String.valueOf(server.command("CLIENT", "LIST"))
                .lines()
                .filter(line -> line.contains(" name=holdfast "))
                .count();
    }

    @Test
    void aFrozenMasterIsLeftAtTheSwitchThoughItsConnectionsStayOpen() {
        try (RedisSentinels sentinels = RedisSentinels.start("shop");
                SingleStore store = SingleStore.of(SingleConfig.parse(sentinels.url()))) {
            RedisServer first = sentinels.master();
            store.put("k", VALUE, TTL);
            first.freeze();
            sentinels.awaitSwitch(first);
            until("the new master serves", () -> serves(store));
            assertTrue(sentinels.master().port() != first.port());
            first.thaw();
            assertTrue(serves(store));
        }
    }

    @Test
    void sentinelsHaveCredentialsOfTheirOwnAndOneOfThemMayBeDown() {
        RedisServer.Builder servers = RedisServer.builder().password("for servers");
        try (RedisSentinels sentinels = RedisSentinels.start("shop", servers, "for sentinels")) {
            sentinels.killSentinel(0);
            SingleConfig config = SingleStoreProvider.config(Settings.of(Map.of(
                    "REDIS_URL",
                    sentinels.url().replace("://", "://:for%20servers@"),
                    "REDIS_SENTINEL_PASSWORD",
                    "for sentinels")));
            try (SingleStore store = SingleStore.of(config)) {
                store.put("k", VALUE, TTL);
                assertArrayEquals(VALUE, store.get("k"));
            }
            SingleConfig without = SingleConfig.parse(sentinels.url().replace("://", "://:for%20servers@"));
            try (SingleStore store = SingleStore.of(without)) {
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
                assertTrue(e.getMessage().contains("REDIS_SENTINEL_PASSWORD"), e.getMessage());
                assertEquals(CacheUnavailableException.Reason.REFUSED, e.reason());
            }
        }
    }

    @Test
    void aNameThatNoSentinelKnowsIsSaid() {
        try (RedisSentinels sentinels = RedisSentinels.start("shop");
                SingleStore store = SingleStore.of(SingleConfig.ofSentinels(sentinels.addresses(), "stock"))) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertTrue(e.getMessage().contains("no master of the name stock"), e.getMessage());
        }
    }

    @Test
    void aSentinelIsListenedToAgainAfterAnError() {
        try (RedisSentinels sentinels = RedisSentinels.start("shop")) {
            SingleConfig config = SingleConfig.parse(sentinels.url());
            Place.Master place = (Place.Master) config.place();
            Sentinel sentinel = new Sentinel(config.sentinel(place.sentinels().get(0)), place.master());
            AtomicInteger begun = new AtomicInteger();
            try {
                sentinel.listen(new Sentinel.Listener() {
                    @Override
                    public void switched(Address to) {}

                    @Override
                    public void missed() {
                        if (begun.incrementAndGet() == 1) {
                            throw new NoClassDefFoundError("as when a class loader is closed");
                        }
                    }
                });
                until("it is listened to again", () -> begun.get() > 1);
            } finally {
                sentinel.close(new IOException("the test is over"));
            }
        }
    }
}
