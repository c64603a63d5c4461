package dev.holdfast.cache.single;

import static dev.holdfast.cache.single.Eventually.until;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.testkit.RedisSentinels;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.RespPeer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
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
                SingleStore store = SingleStore.of(SingleConfig.of(sentinels.url()))) {
            RedisServer first = sentinels.master();
            store.put("before", VALUE, TTL);
            assertEquals(0, store.switches());
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
            assertEquals(1, store.switches());
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
                SingleStore store = SingleStore.of(SingleConfig.of(sentinels.url()))) {
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
            SingleConfig without = SingleConfig.of(sentinels.url().replace("://", "://:for%20servers@"));
            try (SingleStore store = SingleStore.of(without)) {
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
                assertTrue(e.getMessage().contains("(withSentinelCredentials)"), e.getMessage());
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
            SingleConfig config = SingleConfig.of(sentinels.url());
            Place.Master place = (Place.Master) config.place();
            Sentinel sentinel = new Sentinel(config.sentinel(place.sentinels().get(0)), place.master());
            AtomicInteger begun = new AtomicInteger();
            try {
                sentinel.listen(new Sentinel.Listener() {
                    @Override
                    public void switched(Address to) {}

                    @Override
                    public void nothingNew() {}

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

    private static SingleStore open(String... pairs) {
        Map<String, String> values = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            values.put(pairs[i], pairs[i + 1]);
        }
        return SingleStore.of(SingleStoreProvider.config(Settings.of(values)));
    }

    @Test
    void sentinelsAndServersMayWantTlsAndAPasswordEach() {
        RedisServer.Builder servers =
                RedisServer.builder().password("for servers").tls();
        try (RedisSentinels sentinels = RedisSentinels.start("shop", servers, "for sentinels")) {
            RedisServer first = sentinels.master();
            String[] settings = {
                "REDIS_URL", sentinels.url().replace("://", "://:for%20servers@"),
                "REDIS_SENTINEL_PASSWORD", "for sentinels",
                "REDIS_TLS_CA_FILE", first.certificates().authority().toString()
            };
            try (SingleStore store = open(settings)) {
                store.put("k", VALUE, TTL);
                assertArrayEquals(VALUE, store.get("k"));
                first.kill();
                sentinels.awaitSwitch(first);
                until("the new master serves", () -> serves(store));
            }
            assertRefused("REDIS_TLS_CA_FILE", settings[0], settings[1], settings[2], settings[3]);
            List<String> plain = new ArrayList<>(List.of(settings));
            plain.addAll(List.of("REDIS_SENTINEL_TLS", "false"));
            try (SingleStore store = open(plain.toArray(String[]::new))) {
                CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
                assertTrue(e.getMessage().contains("use REDIS_SENTINEL_TLS=true"), e.getMessage());
            }
        }
    }

    private static void assertRefused(String what, String... settings) {
        try (SingleStore store = open(settings)) {
            CacheUnavailableException e = assertThrows(CacheUnavailableException.class, () -> store.get("k"));
            assertEquals(CacheUnavailableException.Reason.REFUSED, e.reason(), e.getMessage());
            assertTrue(e.getMessage().contains(what), e.getMessage());
            assertFalse(
                    e.getMessage().contains("for servers") || e.getMessage().contains("for sentinels"), e.getMessage());
        }
    }

    @Test
    void aMasterThatIsNamedByItsHostNameOrAnIpv6AddressIsReached() {
        for (String name : List.of("localhost", "::1")) {
            RedisServer.Builder servers =
                    RedisServer.builder().line("bind 127.0.0.1 ::1").line("replica-announce-ip " + name);
            try (RedisSentinels sentinels = RedisSentinels.start(
                            "shop",
                            servers,
                            null,
                            "sentinel resolve-hostnames yes",
                            "sentinel announce-hostnames yes");
                    SingleStore store = SingleStore.of(SingleConfig.of(sentinels.url()))) {
                RedisServer first = sentinels.master();
                store.put("k", VALUE, TTL);
                first.kill();
                sentinels.awaitSwitch(first);
                until("the new master serves", () -> serves(store));
                assertEquals(1, store.switches(), name);
            }
        }
    }

    @Test
    void whileNoSentinelAnswersTheLastKnownMasterIsUsedAndASwitchAfterThatIsFollowed() {
        try (RedisSentinels sentinels = RedisSentinels.start("shop");
                SingleStore store = SingleStore.of(SingleConfig.of(sentinels.url()))) {
            RedisServer first = sentinels.master();
            store.put("k", VALUE, TTL);
            sentinels.killSentinel(0);
            sentinels.killSentinel(1);
            sentinels.freezeSentinel(2);
            for (int i = 0; i < 3; i++) {
                store.disconnect(new IOException("a test"));
                until("the known master serves", () -> serves(store));
            }
            first.command("CLIENT", "KILL", "TYPE", "normal");
            until("the known master serves", () -> serves(store));
            sentinels.restartSentinel(0);
            sentinels.restartSentinel(1);
            sentinels.thawSentinel(2);
            first.kill();
            sentinels.awaitSwitch(first);
            until("the new master serves", () -> serves(store));
        }
    }

    /** A sentinel of another deployment, say, whose master has the same name. */
    @Test
    void aSwitchThatOneSentinelAloneTellsOfIsUndone() {
        AtomicBoolean listening = new AtomicBoolean();
        try (RedisSentinels sentinels = RedisSentinels.start("shop");
                RedisServer other = RedisServer.start();
                RespPeer wrong = RespPeer.start((command, caller) -> {
                    switch (command.get(0)) {
                        case "PING" -> caller.lines("*2", "$4", "pong", "$0", "");
                        case "SUBSCRIBE" -> {
                            caller.lines("*3", "$9", "subscribe", "$14", "+switch-master", ":1");
                            listening.set(true);
                        }
                        case "SENTINEL" -> {
                            String port = String.valueOf(other.port());
                            caller.lines("*2", "$9", "127.0.0.1", "$" + port.length(), port);
                        }
                        default -> caller.lines("+OK");
                    }
                })) {
            List<String> all = new ArrayList<>(sentinels.addresses());
            all.add("127.0.0.1:" + wrong.port());
            try (SingleStore store = SingleStore.of(SingleConfig.ofSentinels(all, "shop"))) {
                RedisServer master = sentinels.master();
                store.put("k", VALUE, TTL);
                assertEquals(1L, master.command("EXISTS", "k"));
                until("the wrong one is listened to", listening::get);
                String payload = "shop 127.0.0.1 " + master.port() + " 127.0.0.1 " + other.port();
                wrong.push("*3", "$7", "message", "$14", "+switch-master", "$" + payload.length(), payload);
                // By its mark, which stays: on a busy machine it is undone before anything was stored there.
                until("it is believed", () -> store.switches() > 0);
                until("it is not believed any more", () -> {
                    master.command("DEL", "k");
                    return serves(store) && Long.valueOf(1).equals(master.command("EXISTS", "k"));
                });
                assertEquals(2, store.switches());
            }
        }
    }
}
