package dev.holdfast.cache.cluster;

import static dev.holdfast.cache.cluster.Shards.eventually;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Copies of what a cluster holds are never used for long after a change that another client made, whatever becomes of the nodes. */
@Execution(ExecutionMode.CONCURRENT)
class ClusterTrackingTest {
    private static final Duration TTL = Duration.ofMinutes(5);
    private static final int KEYS = 48;
    private static final int ALL_SLOTS = 16_384;
    /** How many of a master's first slots hold the keys that it has, and all that are moved from one to another. */
    private static final int SLOTS = 100;
    /** A third of them in the first slots of each master. */
    private static final List<String> NAMES = names();

    /** Beyond the bound: event loops and readers must get to run on a machine that runs a cluster besides. */
    private static final long SLACK_MILLIS = 500;

    private final RedisCluster cluster =
            RedisCluster.builder().requireFullCoverage(false).start();
    private final Stamps stamps = new Stamps();
    private final Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
    private final Map<String, Copy> copies = new ConcurrentHashMap<>();
    private final Map<String, Long> acknowledged = new ConcurrentHashMap<>();
    private final AtomicLong hits = new AtomicLong();
    private final AtomicLong longestStaleMillis = new AtomicLong();
    private volatile boolean ended;

    /** A copy, and when its read began. */
    private record Copy(long version, Guard guard, int stamp, long readAt) {}

    @AfterEach
    void close() {
        ended = true;
        cluster.close();
    }

    private ClusterStore store(ReadFrom from) {
        return ClusterStore.of(Shards.config(cluster).withReadFrom(from));
    }

    private static List<String> names() {
        List<String> names = new ArrayList<>();
        for (int candidate = 0; names.size() < KEYS; candidate++) {
            String name = "c:" + candidate;
            int first = names.size() % 3 * ALL_SLOTS / 3;
            int slot = RedisCluster.slotOf(name);
            if (slot >= first && slot < first + SLOTS) {
                names.add(name);
            }
        }
        return names;
    }

    private static String key(int i) {
        return NAMES.get(i);
    }

    private static byte[] bytes(long version) {
        return Long.toString(version).getBytes(StandardCharsets.US_ASCII);
    }

    private static boolean isTracked(Covered found) {
        Guard guard = found.guard();
        return guard != null && guard.isTracked();
    }

    private static void awaitTracked(Tracking tracking) {
        eventually("all masters tell of changes", () -> {
            for (int i = 0; i < KEYS; i++) {
                if (!isTracked(tracking.get(key(i)))) {
                    return false;
                }
            }
            return true;
        });
    }

    @Test
    void everyMasterTellsOfItsChanges() {
        try (ClusterStore mine = store(ReadFrom.MASTER);
                ClusterStore theirs = store(ReadFrom.MASTER)) {
            Tracking tracking = mine.track("c:", stamps);
            awaitTracked(tracking);
            assertEquals(Tracking.Kind.TRACKED, tracking.state().kind());
            for (int i = 0; i < KEYS; i++) {
                String key = key(i);
                int stripe = Stamps.stripe(key);
                int stamp = stamps.at(stripe);
                theirs.put(key, bytes(i), TTL);
                eventually(key + " to be told of", () -> stamps.at(stripe) != stamp);
            }
            Map<String, Covered> found = tracking.getAll(List.of(key(0), key(1), key(2), "c:absent"));
            assertEquals(3, found.size());
            found.values().forEach(each -> assertTrue(isTracked(each)));
            RedisServer master = cluster.masterOf(key(0));
            Guard guard = found.get(key(0)).guard();
            assertNotNull(guard);
            master.command("FLUSHALL");
            eventually("the guard to end", () -> !guard.isAlive());
            assertTrue(stamps.flushes().get(FlushReason.SERVER_FLUSHED) > 0);
            assertTrue(isTracked(tracking.get(key(0))), "what changes from now on is told of as before");
            tracking.close();
            assertEquals(null, tracking.get(key(0)).guard());
        }
    }

    @Test
    void readsThatMayBeKeptGoToMastersWhateverOthersDo() {
        try (ClusterStore mine = store(ReadFrom.REPLICA_PREFERRED);
                ClusterStore theirs = store(ReadFrom.MASTER)) {
            Tracking tracking = mine.track("c:", stamps);
            awaitTracked(tracking);
            for (int i = 0; i < 1_000; i++) {
                theirs.put(key(0), bytes(i), TTL);
                assertArrayEquals(bytes(i), tracking.get(key(0)).value(), "a replica may be behind");
            }
        }
    }

    static Stream<Arguments> faults() {
        return Stream.of(
                fault("a master is killed", ReadFrom.MASTER, cluster -> cluster.masters()
                        .get(0)
                        .kill()),
                fault("a master is frozen", ReadFrom.MASTER, cluster -> cluster.masters()
                        .get(0)
                        .freeze()),
                fault("a replica takes over", ReadFrom.MASTER, ClusterTrackingTest::takeOver),
                fault("a replica takes over, reads go to the nearest", ReadFrom.NEAREST, ClusterTrackingTest::takeOver),
                fault(
                        "slots are moved",
                        ReadFrom.MASTER,
                        cluster -> cluster.migrateSlots(
                                cluster.masters().get(0), cluster.masters().get(1), SLOTS)),
                fault("slots are taken over and keys left", ReadFrom.MASTER, ClusterTrackingTest::usurp),
                fault("a node is added and given slots", ReadFrom.MASTER, cluster -> {
                    RedisServer added = cluster.addNode();
                    cluster.migrateSlots(cluster.masters().get(0), added, SLOTS);
                }),
                fault("a node is removed", ReadFrom.MASTER, ClusterTrackingTest::comeAndGo),
                fault("a node is removed, reads go to the nearest", ReadFrom.NEAREST, ClusterTrackingTest::comeAndGo));
    }

    /** A node is given slots and is read from; then others have its slots, and forget it, and its process ends. */
    private static void comeAndGo(RedisCluster cluster) {
        RedisServer heir = cluster.masters().get(0);
        RedisServer added = cluster.addNode();
        cluster.migrateSlots(heir, added, SLOTS);
        pause(1_500);
        cluster.migrateSlots(added, heir, SLOTS);
        cluster.removeNode(added);
    }

    private static Arguments fault(String name, ReadFrom from, Consumer<RedisCluster> fault) {
        return Arguments.of(name, from, fault);
    }

    private static void takeOver(RedisCluster cluster) {
        RedisServer master = cluster.masters().get(0);
        cluster.failover(cluster.replicasOf(master).get(0));
    }

    /** By a node that nobody has read from, so that it tells nobody. The former owners learn of it by the greater epoch, and delete the keys without a word. */
    private static void usurp(RedisCluster cluster) {
        RedisServer usurper = cluster.addNode();
        String id = String.valueOf(usurper.command("CLUSTER", "MYID"));
        for (int i = 0; i < KEYS; i++) {
            usurper.command("CLUSTER", "SETSLOT", String.valueOf(RedisCluster.slotOf(key(i))), "NODE", id);
        }
        usurper.command("CLUSTER", "BUMPEPOCH");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("faults")
    void noCopyIsUsedForLongAfterAChange(String name, ReadFrom from, Consumer<RedisCluster> fault) throws Exception {
        try (ClusterStore mine = store(from);
                ClusterStore theirs = store(ReadFrom.MASTER)) {
            for (int i = 0; i < KEYS; i++) {
                theirs.put(key(i), bytes(0), TTL);
            }
            Tracking tracking = mine.track("c:", stamps);
            awaitTracked(tracking);
            List<Thread> threads = new ArrayList<>();
            start(threads, () -> write(theirs));
            for (int i = 0; i < 3; i++) {
                start(threads, () -> read(tracking));
            }
            pause(1_000);
            long before = hits.get();
            assertTrue(before > 1_000, () -> before + " hits");
            fault.accept(cluster);
            pause(6_000);
            ended = true;
            for (Thread thread : threads) {
                thread.join();
            }
            if (name.contains("removed")) {
                awaitTracked(tracking); // of none of its slots
            }
            System.out.printf("%s: %d hits, stale for %d ms at most%n", name, hits.get(), longestStaleMillis.get());
            assertEquals(List.of(), List.copyOf(failures));
        }
    }

    private void start(List<Thread> threads, Runnable body) {
        Thread thread = new Thread(() -> {
            try {
                body.run();
            } catch (Throwable e) {
                failures.add(e);
            }
        });
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
    }

    private static void pause(long millis) {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        for (long left = end - System.nanoTime(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }

    private static String name(String key, long version) {
        return key + '=' + version;
    }

    private void write(ClusterStore theirs) {
        for (long version = 1; !ended; version++) {
            for (int i = 0; i < KEYS && !ended; i++) {
                if (isPut(theirs, key(i), version)) {
                    acknowledged.put(name(key(i), version), System.nanoTime());
                }
            }
            pause(100);
        }
    }

    private static boolean isPut(ClusterStore theirs, String key, long version) {
        try {
            theirs.put(key, bytes(version), TTL);
            return true;
        } catch (RuntimeException e) {
            return false; // a node is out
        }
    }

    private void read(Tracking tracking) {
        while (!ended) {
            String key = key(ThreadLocalRandom.current().nextInt(KEYS));
            long now = System.nanoTime();
            Copy copy = copies.get(key);
            int stripe = Stamps.stripe(key);
            if (copy != null && copy.guard.isAlive() && stamps.at(stripe) == copy.stamp) {
                hits.incrementAndGet();
                judge(key, copy, now);
                LockSupport.parkNanos(300_000);
                continue;
            }
            int stamp = stamps.at(stripe);
            try {
                Covered found = tracking.get(key);
                Guard guard = found.guard();
                byte[] value = found.value();
                if (guard != null && guard.isTracked() && value != null) {
                    long version = Long.parseLong(new String(value, StandardCharsets.US_ASCII));
                    copies.put(key, new Copy(version, guard, stamp, now));
                }
            } catch (RuntimeException e) {
                pause(1); // a node is out
            }
        }
    }

    /** A copy is stale once a later version was acknowledged after it was read. */
    private void judge(String key, Copy copy, long now) {
        for (long next = copy.version + 1; next <= copy.version + 3; next++) {
            Long at = acknowledged.get(name(key, next));
            if (at != null && at - copy.readAt > 0) {
                long millis = TimeUnit.NANOSECONDS.toMillis(now - at);
                longestStaleMillis.accumulateAndGet(millis, Math::max);
                if (millis > Tracking.BOUND + SLACK_MILLIS) {
                    throw new AssertionError(key + " was used " + millis + " ms after it was changed");
                }
            }
        }
    }
}
