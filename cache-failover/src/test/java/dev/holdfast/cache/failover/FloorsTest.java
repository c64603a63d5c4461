package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.Agreement;
import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.Roll;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What was cleared stays absent for everybody, whatever a server loses of it, and for nobody more than that. */
class FloorsTest {
    private static final Duration WITHIN = Duration.ofSeconds(5);
    private static final Duration LIMIT = Duration.ofSeconds(10);
    private static final long SERVER = 1_700_000_000_000L;

    private long millis = SERVER;
    /** What the clients' clock is ahead by. */
    private long ahead;

    private Agreements agreements() {
        return new Agreements(
                () -> Instant.ofEpochMilli(millis + ahead), () -> TimeUnit.MILLISECONDS.toNanos(millis - SERVER), true);
    }

    private long nanos() {
        return TimeUnit.MILLISECONDS.toNanos(millis - SERVER);
    }

    /** A client of a roll. */
    private final class Member {
        final Agreements agreements = agreements();
        final Attendance attendance;

        Member(String name) {
            attendance = new Attendance(name, agreements, new SplittableRandom(1));
            attendance.stands(true, false, nanos());
        }

        Agreement open(String prefix) {
            return agreements.open(
                    prefix, WITHIN, each -> attendance.clear(each, agreements.floorOver(each), true) != null);
        }

        /** Says how it stands, when it is time to. */
        void beat(ModelRoll roll) {
            Attendance.Saying saying = null;
            while (saying == null) {
                millis += 10;
                attendance.stands(true, false, nanos());
                saying = attendance.due(true, false, nanos());
            }
            attendance.answered(saying, roll.beat(saying.beat(), millis), nanos());
        }
    }

    @Test
    void aFloorThatTheServerLostIsSaidAgainWhateverWasRaisedThereSince() {
        ModelRoll roll = new ModelRoll(AgreementBug.NONE);
        Member one = new Member("one");
        Member other = new Member("other");
        Agreement ones = one.open("a:");
        Agreement others = other.open("a:");
        Agreement another = other.open("b:");
        one.beat(roll);
        other.beat(roll);

        ModelRoll behind = roll.copy();
        assertTrue(ones.clear());
        one.beat(roll);
        // A replica that had not heard of it takes the server's place.
        assertTrue(another.clear());
        other.beat(behind);
        for (int i = 0; i < 3; i++) {
            one.beat(behind);
            other.beat(behind);
        }

        assertTrue(ones.floor() > SERVER);
        assertEquals(ones.floor(), others.floor());
    }

    @Test
    void aClockThatWasSetRaisesNoFloorIntoTheFuture() {
        Agreements agreements = agreements();
        FailoverState state = new FakeWatch(FailoverConfig.DEFAULT, Attendance.of("one", agreements)).state;
        Agreement agreement =
                agreements.open("a:", WITHIN, prefix -> state.clear(prefix, Long.MIN_VALUE, nanos()) != null);
        state.stand(nanos());
        state.tick(nanos());
        Attendance.Saying saying = null;
        for (Effect effect : state.takeEffects()) {
            saying = effect instanceof Effect.Attend attend ? attend.saying() : saying;
        }
        state.attended(Objects.requireNonNull(saying), new Roll(SERVER, -1, -1, 1, Map.of()), nanos());

        ahead = Duration.ofHours(1).toMillis();
        assertTrue(agreement.clear());

        assertTrue(agreement.floor() < SERVER + 1_000, () -> (agreement.floor() - SERVER) + " ms ahead");
    }

    @Test
    void moreFloorsThanAreKeptMakeNothingAbsentThatIsYoungerThanTheLowest() {
        try (RedisServer redis = RedisServer.start();
                SingleStore store = SingleStore.of(SingleConfig.of(redis.url()))) {
            long first = System.currentTimeMillis();
            Roll roll = store.beat(clearing("cache0:", first), LIMIT);
            for (int i = 1; i < 400; i++) {
                roll = store.beat(clearing("cache" + i + ':', first + i), LIMIT);
            }
            Map<String, Long> floors = new TreeMap<>(roll.floors());

            long all = floors.getOrDefault(Roll.ALL, 0L);
            assertTrue(all >= first && all < first + 200, () -> "the floor of all is " + (all - first) + " ms later");
            for (int i = 0; i < 400; i++) {
                long floor = Math.max(all, floors.getOrDefault("cache" + i + ':', 0L));
                assertTrue(floor >= first + i, "cache " + i);
            }
            assertTrue(floors.size() < 310, () -> floors.size() + " floors");
        }
    }

    private static Beat clearing(String name, long floor) {
        return new Beat(
                "m", Beat.Standing.CLEAN, -1, -1, WITHIN, Duration.ofSeconds(30), false, Map.of(name, floor), 0);
    }

    @Test
    void aClientForgetsTheFloorsThatThatOfAllMakesUpFor() {
        Agreements agreements = agreements();
        Agreement agreement = agreements.open("cache7:", WITHIN, prefix -> false);
        for (int i = 0; i < 1_000; i++) {
            agreements.raise(Map.of("cache" + i + ':', SERVER + i));
        }
        long all = SERVER + 900;
        Map<String, Long> server = new TreeMap<>(Map.of(Roll.ALL, all));
        for (int i = 901; i < 990; i++) {
            server.put("cache" + i + ':', SERVER + i);
        }
        agreements.raise(server);

        Map<String, Long> lacked = agreements.lackedBy(server);

        assertEquals(10, lacked.size(), () -> "the last ten are said again: " + lacked.keySet());
        int known = agreements.lackedBy(Map.of()).size();
        assertTrue(known <= 100, () -> known + " floors");
        assertEquals(all, agreement.floor());
    }

    @Test
    void aClosedCompositeClearsNothingAndLetsNobodyWait() throws InterruptedException {
        try (RedisServer redis = RedisServer.start()) {
            FailoverStore store = FailoverStore.builder()
                    .tier("single", SingleStore.of(SingleConfig.of(redis.url())))
                    .build();
            Agreement agreement = store.agreement("a:", WITHIN);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (!agreement.clear()) {
                assertTrue(System.nanoTime() - end < 0, "others are never told");
                Thread.sleep(10);
            }
            store.close();

            assertThrows(IllegalStateException.class, agreement::clear);
        }
    }

    @Test
    void severalThatClearACacheFreeTheServerOneAtATime() throws InterruptedException {
        try (RedisServer redis = RedisServer.start()) {
            long one = scansOfClearing(redis, 1);
            long several = scansOfClearing(redis, 6);
            assertTrue(several <= 3 * one, () -> several + " pages by six that clear at once, " + one + " by one");
        }
    }

    /** Clears a cache by several clients at once; returns how many pages they read until all are done. */
    private static long scansOfClearing(RedisServer redis, int count) throws InterruptedException {
        Map<String, byte[]> old = new HashMap<>();
        // What stays has to be gone over by everybody.
        for (int i = 0; i < 20_000; i++) {
            old.put(
                    (i % 20 == 0 ? "a:" : "b:") + i,
                    ByteBuffer.allocate(Long.BYTES).putLong(1).array());
        }
        long before = scans(redis);
        List<FailoverStore> stores = new ArrayList<>();
        try {
            for (int i = 0; i < count; i++) {
                stores.add(FailoverStore.builder()
                        .tier("single", SingleStore.of(SingleConfig.of(redis.url())))
                        .made(value -> ByteBuffer.wrap(value).getLong())
                        .build());
            }
            stores.get(0).putAll(old, Duration.ofHours(1));
            for (FailoverStore store : stores) {
                Agreement agreement = store.agreement("a:", WITHIN);
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
                while (!agreement.clear()) {
                    assertTrue(System.nanoTime() - end < 0, "others are never told");
                    Thread.sleep(10);
                }
            }
            long seen = -1;
            // Whoever waits for its turn looks every five seconds.
            for (long now = scans(redis); now != seen; now = scans(redis)) {
                seen = now;
                Thread.sleep(6_000);
            }
            assertNull(stores.get(0).get("a:20"));
            return seen - before;
        } finally {
            stores.forEach(FailoverStore::close);
        }
    }

    private static long scans(RedisServer redis) {
        Object info = redis.command("INFO", "commandstats");
        Matcher line = Pattern.compile("cmdstat_scan:calls=(\\d+)").matcher(String.valueOf(info));
        return line.find() ? Long.parseLong(line.group(1)) : 0;
    }

    @Test
    void whoOnlyClearsFindsOutThatTheServerIsFrozen() throws InterruptedException {
        try (RedisServer redis = RedisServer.start();
                FailoverStore store = FailoverStore.builder()
                        .tier("single", SingleStore.of(SingleConfig.of(redis.url())))
                        .build()) {
            Agreement agreement = store.agreement("a:", WITHIN);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (!agreement.clear()) {
                assertTrue(System.nanoTime() - end < 0, "others are never told");
                Thread.sleep(10);
            }
            redis.freeze();
            for (int i = 0; i < 5; i++) {
                assertTrue(agreement.clear());
            }
            // Five that each waited in vain for as long as an answer is given; none of them, and no beat, was a call.
            assertFalse(store.isServing());
            redis.thaw();
        }
    }
}
