package dev.holdfast.cache.single;

import static dev.holdfast.cache.single.Eventually.until;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import dev.holdfast.cache.testkit.RedisSentinels;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Changes that others make at a real server are told of, and the guard of what was read ends when they can't be. */
class TrackingTest {
    private static final Duration TTL = Duration.ofMinutes(1);
    private static final byte[] VALUE = "value".getBytes(UTF_8);
    /** What a push may take on this machine. */
    private static final long PUSH_MILLIS = 50;
    /** Beyond the bound: the watch that resets an overdue connection and the thread that sees it must get to run. */
    private static final long RUN_MILLIS = 100;

    private final RedisServer server = RedisServer.start();
    private final TcpProxy proxy = TcpProxy.to(server.host(), server.port());
    private final Stamps stamps = new Stamps();
    private final Control control = new Control();
    private SingleStore store = SingleStore.of(config());

    private SingleConfig config() {
        return SingleConfig.of("127.0.0.1", proxy.port()).withKeyPrefix(KeyPrefix.of("app"));
    }

    @AfterEach
    void close() {
        control.close();
        store.close();
        proxy.close();
        server.close();
    }

    private Tracking tracked(SingleStore from) {
        Tracking tracking = from.track("c:", stamps);
        awaitTracked(tracking);
        return tracking;
    }

    /** Reads until reads are covered; returns how long that took, in milliseconds. */
    private static long awaitTracked(Tracking tracking) {
        long start = System.nanoTime();
        until("reads are covered", () -> {
            try {
                Guard guard = tracking.get("c:k").guard();
                return guard != null && guard.isTracked();
            } catch (RuntimeException e) {
                return false; // the server is not there yet
            }
        });
        return millisSince(start);
    }

    private static long millisSince(long nanos) {
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - nanos);
    }

    private boolean isGood(Covered found, int stamp) {
        Guard guard = found.guard();
        return guard != null && guard.isAlive() && stamps.at(Stamps.stripe("c:k")) == stamp;
    }

    static Stream<Arguments> changes() {
        return Stream.of(
                change("SET", server -> server.command("SET", "app:c:k", "other")),
                change("SET of the same", server -> server.command("SET", "app:c:k", "value")),
                change("DEL", server -> server.command("DEL", "app:c:k")),
                change("UNLINK", server -> server.command("UNLINK", "app:c:k")),
                change("PEXPIRE", server -> server.command("PEXPIRE", "app:c:k", "100000")),
                change("PERSIST", server -> server.command("PERSIST", "app:c:k")),
                change("RENAME from", server -> server.command("RENAME", "app:c:k", "app:c:other")),
                change("RENAME to", server -> {
                    server.command("SET", "app:c:other", "other");
                    server.command("RENAME", "app:c:other", "app:c:k");
                }),
                change(
                        "EVAL",
                        server -> server.command("EVAL", "return redis.call('SET', KEYS[1], 'x')", "1", "app:c:k")),
                change("MSET", server -> server.command("MSET", "app:c:x", "1", "app:c:k", "2", "app:d:k", "3")),
                change("APPEND", server -> server.command("APPEND", "app:c:k", "more")),
                change("FLUSHALL", server -> server.command("FLUSHALL")),
                change("FLUSHDB", server -> server.command("FLUSHDB")),
                change("FLUSHALL ASYNC", server -> server.command("FLUSHALL", "ASYNC")));
    }

    private static Arguments change(String name, Consumer<RedisServer> change) {
        return Arguments.of(name, change);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("changes")
    void whateverAnotherClientDoesToAKeyIsToldOf(String name, Consumer<RedisServer> change) {
        store.put("c:k", VALUE, TTL);
        Tracking tracking = tracked(store);
        int stamp = settledStamp();
        Covered found = tracking.get("c:k");
        assertArrayEquals(VALUE, found.value());
        assertTrue(isGood(found, stamp), name);
        change.accept(server);
        long start = System.nanoTime();
        until("what was read is outdated", () -> !isGood(found, stamp));
        long took = millisSince(start);
        assertTrue(took <= PUSH_MILLIS + control.stallMillis(), () -> name + " was told of after " + took + " ms");
    }

    /** The echo of an own change may be on its way. */
    private int settledStamp() {
        long before = stamps.changes();
        server.command("SET", "app:c:settle", "1");
        until("what was changed before has been told of", () -> stamps.changes() > before);
        return stamps.at(Stamps.stripe("c:k"));
    }

    @Test
    void aKeyThatExpiresIsToldOf() {
        server.command("SET", "app:c:k", "value", "PX", "60000");
        Tracking tracking = tracked(store);
        Covered found = tracking.get("c:k");
        int stamp = settledStamp();
        long before = stamps.changes();
        server.command("PEXPIRE", "app:c:k", "20");
        until("PEXPIRE is told of", () -> !isGood(found, stamp));
        until("it has expired", () -> server.command("GET", "app:c:k") == null);
        until("that is told of, too", () -> stamps.changes() >= before + 2);
    }

    @Test
    void aKeyThatIsEvictedIsToldOf() {
        server.command("SET", "app:c:k", "value");
        Tracking tracking = tracked(store);
        int stamp = settledStamp();
        Covered found = tracking.get("c:k");
        server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-random");
        server.command("CONFIG", "SET", "maxmemory", "1");
        until("it was evicted", () -> server.command("EXISTS", "app:c:k").equals(0L));
        until("that is told of", () -> !isGood(found, stamp));
        server.command("CONFIG", "SET", "maxmemory", "0");
    }

    @Test
    void otherKeysAreNotToldOf() {
        Tracking tracking = tracked(store);
        long before = stamps.changes();
        server.command("SET", "app:d:k", "1");
        server.command("SET", "c:k", "1");
        server.command("GET", "app:c:k");
        server.command("DEL", "app:c:k");
        server.command("SET", "app:c:k", "1");
        until("the change of ours is told of", () -> stamps.changes() > before);
        assertEquals(before + 1, stamps.changes());
        assertEquals(Tracking.Kind.TRACKED, tracking.state().kind());
    }

    @Test
    void severalKeysAreReadUnderTheSameGuard() {
        store.put("c:a", VALUE, TTL);
        store.put("c:b", VALUE, TTL);
        Tracking tracking = tracked(store);
        Map<String, Covered> found = tracking.getAll(List.of("c:a", "c:b", "c:absent"));
        assertEquals(2, found.size());
        assertArrayEquals(VALUE, found.get("c:a").value());
        assertSame(found.get("c:a").guard(), found.get("c:b").guard());
        assertSame(found.get("c:a").guard(), tracking.get("c:absent").guard());
    }

    @Test
    void aStoreThatNobodyReadsThroughHasNoTrackingConnection() {
        Tracking tracking = store.track("c:", stamps);
        store.put("c:k", VALUE, TTL);
        assertEquals(0, trackers());
        assertNull(tracking.get("c:k").guard(), "nothing is told of yet");
        awaitTracked(tracking);
        assertEquals(1, trackers());
        tracking.close();
        until("the connection is gone", () -> trackers() == 0);
        assertNull(tracking.get("c:k").guard());
    }

    private long trackers() {
        return String.valueOf(server.command("CLIENT", "LIST"))
                .lines()
                .filter(line -> line.matches(".* flags=[^ ]*t[^ ]* .*"))
                .count();
    }

    @Test
    void prefixesAreAddedAsCachesOpenAndTheSameOnceMore() {
        Tracking first = tracked(store);
        Stamps other = new Stamps();
        Tracking second = store.track("d:", other);
        until("the second is covered", () -> second.get("d:k").guard() != null);
        assertSame(first.get("c:k").guard(), second.get("d:k").guard());
        second.close();
        Tracking again = store.track("d:", other);
        until("it is covered again", () -> again.get("d:k").guard() != null);
        long before = other.changes();
        server.command("SET", "app:d:k", "1");
        until("its change is told of", () -> other.changes() > before);
        assertTrue(first.get("c:k").guard().isAlive());
        assertEquals(1, trackers());
    }

    static Stream<Arguments> faults() {
        return Stream.of(
                Arguments.of("reset", (Consumer<TcpProxy>) TcpProxy::reset),
                Arguments.of("black hole", (Consumer<TcpProxy>) TcpProxy::halfOpen),
                Arguments.of("drip", (Consumer<TcpProxy>) proxy -> proxy.drip(Duration.ofMillis(400))),
                Arguments.of("a second late", (Consumer<TcpProxy>) proxy -> proxy.delay(Duration.ofMillis(600))),
                Arguments.of("garbage", (Consumer<TcpProxy>) proxy -> proxy.garbage("oops\r\n".getBytes(UTF_8))));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("faults")
    void aConnectionThatTellsNothingEndsTheGuardWithinTheBoundAndIsReplaced(String name, Consumer<TcpProxy> fault) {
        store.put("c:k", VALUE, TTL);
        Tracking tracking = tracked(store);
        proxy.only("TRACKING");
        int stamp = settledStamp();
        Covered found = tracking.get("c:k");
        assertTrue(isGood(found, stamp));
        fault.accept(proxy);
        server.command("SET", "app:c:k", "other");
        long start = System.nanoTime();
        long longestCall = 0;
        while (isGood(found, stamp)) {
            long called = System.nanoTime();
            assertArrayEquals("other".getBytes(UTF_8), store.get("c:k"), "data calls notice nothing");
            longestCall = Math.max(longestCall, millisSince(called));
            if (millisSince(start) > 10_000) {
                break;
            }
        }
        long took = millisSince(start);
        assertTrue(
                took <= Tracking.BOUND + RUN_MILLIS + control.stallMillis(),
                () -> name + ": outdated after " + took + " ms");
        long longest = longestCall;
        assertTrue(longest <= 5 + control.stallMillis() + RUN_MILLIS, () -> name + ": a call took " + longest + " ms");
        proxy.pass();
        long back = awaitTracked(tracking);
        assertTrue(back <= 2_000 + control.stallMillis(), () -> name + ": back after " + back + " ms");
        assertFalse(found.guard().isAlive() && name.equals("black hole"));
    }

    @Test
    void aFrozenServerEndsTheGuardWithinTheBound() {
        Tracking tracking = tracked(store);
        Guard guard = tracking.get("c:k").guard();
        server.freeze();
        long start = System.nanoTime();
        until("the guard has ended", () -> !guard.isAlive());
        long took = millisSince(start);
        server.thaw();
        assertTrue(took <= Tracking.BOUND + RUN_MILLIS + control.stallMillis(), () -> "after " + took + " ms");
        assertEquals(1, stamps.flushes().get(FlushReason.SILENCE));
        awaitTracked(tracking);
    }

    @Test
    void aServerThatIsKilledEndsTheGuardAndIsTrackedAgainWhenItIsBack() {
        Tracking tracking = tracked(store);
        Guard guard = tracking.get("c:k").guard();
        server.kill();
        until("the guard has ended", () -> !guard.isAlive());
        assertEquals(Tracking.Kind.INTERRUPTED, tracking.state().kind());
        server.restart(RedisServer.Data.KEEP);
        assertTrue(awaitTracked(tracking) < 5_000);
    }

    /** The name leads elsewhere, and the former server lives on with its tracking connection. */
    @Test
    void readsThatGoToAnotherProcessEndTheGuardOfTheFormer() {
        try (RedisServer other = RedisServer.start()) {
            store.put("c:k", VALUE, TTL);
            Tracking tracking = tracked(store);
            Guard guard = tracking.get("c:k").guard();
            other.command("SET", "app:c:k", "elsewhere");
            proxy.redirect(other.host(), other.port());
            store.disconnect(new IllegalStateException("so that it connects anew"));
            until("reads go to the other", () -> {
                Covered found = tracking.get("c:k");
                boolean moved = "elsewhere".equals(found.value() == null ? "" : new String(found.value(), UTF_8));
                assertFalse(moved && found.guard() == guard && guard.isAlive(), "covered by the wrong server");
                return moved;
            });
            assertFalse(guard.isAlive());
            awaitTracked(tracking);
            long before = stamps.changes();
            other.command("SET", "app:c:k", "again");
            until("the other tells of changes", () -> stamps.changes() > before);
        }
    }

    @Test
    void aUserWithoutTheRightIsUntrackedAndHealthSaysWhatItNeeds() {
        server.command("ACL", "SETUSER", "poor", "on", ">s", "~*", "+@read", "+@write");
        try (SingleStore poor = SingleStore.of(config().withUsername("poor").withPassword(Secret.of("s")))) {
            Tracking tracking = poor.track("c:", stamps);
            until("it is known to be untracked", () -> {
                Guard guard = tracking.get("c:k").guard();
                return guard != null && !guard.isTracked();
            });
            Tracking.State state = tracking.state();
            assertEquals(Tracking.Kind.UNTRACKED, state.kind());
            assertTrue(String.valueOf(state.why()).contains("+client|tracking"), state::toString);
        }
    }

    @Test
    void theRuleThatTheWarningNamesIsEnough() {
        server.command(
                "ACL",
                "SETUSER",
                "near",
                "on",
                ">s",
                "~app:*",
                "+@read",
                "+@write",
                "+hello",
                "+ping",
                "+info",
                "+client|tracking");
        try (SingleStore rich = SingleStore.of(config().withUsername("near").withPassword(Secret.of("s")))) {
            awaitTracked(rich.track("c:", stamps));
        }
    }

    @Test
    void aServerWithTlsAndPasswordIsTracked() {
        try (RedisServer secured = RedisServer.builder().password("p").tls().start();
                SingleStore over = SingleStore.of(SingleConfig.of("localhost", secured.port())
                        .withPassword(Secret.of("p"))
                        .withTls(
                                secured.certificates().trustStore(),
                                Secret.of(secured.certificates().trustStorePassword())))) {
            Tracking tracking = over.track("c:", stamps);
            awaitTracked(tracking);
            long before = stamps.changes();
            secured.command("SET", "c:k", "1");
            until("it is told of", () -> stamps.changes() > before);
            Guard guard = tracking.get("c:k").guard();
            assertNotNull(guard);
            long start = System.nanoTime();
            until("it lives through idle times", () -> millisSince(start) > 2_500);
            assertTrue(guard.isAlive());
        }
    }

    @Test
    void aSwitchOfMastersEndsTheGuard() {
        try (RedisSentinels sentinels = RedisSentinels.start("shop");
                SingleStore over = SingleStore.of(SingleConfig.of(sentinels.url()))) {
            Tracking tracking = over.track("c:", stamps);
            awaitTracked(tracking);
            Guard guard = tracking.get("c:k").guard();
            RedisServer first = sentinels.master();
            first.kill();
            sentinels.awaitSwitch(first);
            until("the guard has ended", () -> !guard.isAlive());
            awaitTracked(tracking);
            long before = stamps.changes();
            until("the new master tells of changes", () -> {
                try {
                    sentinels.master().command("SET", "c:k", "1");
                } catch (UncheckedIOException e) {
                    return false; // a sentinel closes connections to a server that it makes the master
                }
                return stamps.changes() > before;
            });
        }
    }

    @Test
    void theConnectionIsLoggedInAnewWhenCredentialsRotate() {
        AtomicReference<Credentials> present = new AtomicReference<>(issue("first"));
        try (SingleStore rotating = SingleStore.of(config().withCredentials(present::get))) {
            Tracking tracking = rotating.track("c:", stamps);
            awaitTracked(tracking);
            Guard guard = tracking.get("c:k").guard();
            assertNotNull(guard);
            present.set(issue("second"));
            until("it is logged in as the second", () -> trackersOf("second") == 1);
            server.command("ACL", "DELUSER", "first");
            long before = stamps.changes();
            server.command("SET", "app:c:k", "1");
            until("its change is told of", () -> stamps.changes() > before);
            assertTrue(guard.isAlive(), "the same connection");
        }
    }

    private Credentials issue(String user) {
        server.command("ACL", "SETUSER", user, "on", ">" + user, "~*", "&*", "+@all");
        return Credentials.of(user, Secret.of(user)).expiringAt(Instant.now().plusSeconds(2));
    }

    private long trackersOf(String user) {
        return String.valueOf(server.command("CLIENT", "LIST"))
                .lines()
                .filter(line -> line.matches(".* flags=[^ ]*t[^ ]* .*") && line.contains(" user=" + user + ' '))
                .count();
    }

    @Test
    void aHundredThousandChangesInARowAreToldOfAtOnceAndHoldUpNobody() {
        Tracking tracking = tracked(store);
        server.command("SET", "app:c:k", "value");
        changeThousands(100); // the server's and our code get warm
        long before = settledChanges();
        long flushed = stamps.flushes().get(FlushReason.SILENCE);
        changeThousands(100);
        long start = System.nanoTime();
        long longestCall = 0;
        // On a machine that stands still for a second everything is outdated in the place of each key.
        while (stamps.changes() < before + 100_000
                && stamps.flushes().get(FlushReason.SILENCE) == flushed
                && millisSince(start) < 10_000) {
            long called = System.nanoTime();
            assertNotNull(tracking.get("c:k").value());
            longestCall = Math.max(longestCall, System.nanoTime() - called);
        }
        long took = millisSince(start);
        System.out.printf(
                "%d changes told of %d ms after the last was acknowledged; longest call %.1f ms%n",
                stamps.changes() - before, took, longestCall / 1e6);
        assertTrue(took <= 100 + control.stallMillis(), () -> "told of after " + took + " ms: " + stamps.flushes());
    }

    private void changeThousands(int count) {
        String[] command = new String[1 + 2 * 1_000];
        command[0] = "MSET";
        for (int thousand = 0; thousand < count; thousand++) {
            for (int i = 0; i < 1_000; i++) {
                command[1 + 2 * i] = "app:c:" + thousand + ':' + i;
                command[2 + 2 * i] = "1";
            }
            server.command(command);
        }
    }

    private long settledChanges() {
        server.command("SET", "app:c:last", "1");
        long[] seen = {-1};
        until("no more comes", () -> {
            long now = stamps.changes();
            boolean same = now == seen[0];
            seen[0] = now;
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(200));
            return same;
        });
        return seen[0];
    }

    @Test
    void whatTheClosedStoreHadTrackedIsOutdated() {
        Tracking tracking = tracked(store);
        Guard guard = tracking.get("c:k").guard();
        store.close();
        assertFalse(guard.isAlive());
        store = SingleStore.of(config());
    }
}
