package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStore;
import dev.holdfast.cache.cluster.ReadFrom;
import dev.holdfast.cache.failover.FailoverListener;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What happens to one connection, one request or one replica while the servers are well: no answer is lost, no tier is opened. A row
 * for each kind of harm; a row beyond its bounds ends the program with 1. Java 21 or later, for virtual threads.
 *
 * <p>{@code -Dfaults=evidence[:SECONDS]}; 60 seconds for each row by default.
 */
final class Evidence {
    private static final Duration TTL = Duration.ofHours(1);
    private static final int KEYS = 100;

    private final int seconds;
    private boolean kept = true;

    private Evidence(int seconds) {
        this.seconds = seconds;
    }

    /** Runs; returns whether every bound was kept. */
    static boolean run(int seconds) throws InterruptedException {
        Evidence evidence = new Evidence(seconds);
        System.out.printf(
                "%-26s %10s %8s %8s %8s %10s %14s%n",
                "harm", "calls", "errors", "misses", "opened", "longest ms", "refused dials/s");
        evidence.none();
        evidence.forgottenFlow(Duration.ofMillis(2_500));
        evidence.forgottenFlow(Duration.ofMillis(16_500));
        evidence.poison();
        evidence.full();
        evidence.replica("replica in MASTERDOWN");
        evidence.replica("replica in LOADING");
        return evidence.kept;
    }

    /** Reads of keys that are there, by threads that go on until the end; what they met. */
    private static final class Readers {
        private final CacheStore store;
        private final AtomicBoolean over = new AtomicBoolean();
        private final AtomicLong calls = new AtomicLong();
        private final AtomicLong errors = new AtomicLong();
        private final AtomicLong misses = new AtomicLong();
        private final AtomicLong longestNanos = new AtomicLong();
        private final List<Thread> threads = new ArrayList<>();

        Readers(CacheStore store) {
            this.store = store;
            for (int i = 0; i < KEYS; i++) {
                store.put("k" + i, new byte[] {(byte) i}, TTL);
            }
        }

        void start(int platform, int virtual, long pauseMillis) {
            for (int i = 0; i < platform + virtual; i++) {
                Runnable work = () -> readUntilOver(pauseMillis);
                Thread thread = i < platform ? new Thread(work) : virtual(work);
                threads.add(thread);
                thread.start();
            }
        }

        private static Thread virtual(Runnable work) {
            try {
                Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
                Class<?> type = Class.forName("java.lang.Thread$Builder");
                return (Thread) type.getMethod("unstarted", Runnable.class).invoke(builder, work);
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("this needs Java 21 or later", e);
            }
        }

        private void readUntilOver(long pauseMillis) {
            for (int i = 0; !over.get(); i++) {
                int key = i % KEYS;
                timed(() -> {
                    byte[] value = store.get("k" + key);
                    if (value == null || value[0] != key) {
                        misses.incrementAndGet();
                    }
                });
                pause(pauseMillis);
            }
        }

        void timed(Runnable call) {
            long start = System.nanoTime();
            try {
                call.run();
            } catch (CacheException e) {
                errors.incrementAndGet();
            }
            longestNanos.accumulateAndGet(System.nanoTime() - start, Math::max);
            calls.incrementAndGet();
        }

        void end() throws InterruptedException {
            over.set(true);
            for (Thread thread : threads) {
                thread.join();
            }
        }
    }

    /** Counts the tiers that were opened. */
    private record Openings(AtomicInteger count) implements FailoverListener {
        @Override
        public void tierOpened(String tier, TierHealth.Reason reason, @Nullable Throwable cause) {
            count.incrementAndGet();
            System.out.println("opened: " + tier + ", " + reason + ", " + cause);
        }
    }

    private static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static FailoverStore store(int port, AtomicInteger opened) {
        FailoverStore store = FailoverStore.builder()
                .name("evidence")
                .tier("single", SingleStore.of(SingleConfig.of("127.0.0.1", port)))
                .memoryTier("memory", () -> MemoryStore.builder().build())
                .listener(new Openings(opened))
                .build();
        store.start(Duration.ofSeconds(10));
        opened.set(0);
        return store;
    }

    private void none() throws InterruptedException {
        AtomicInteger opened = new AtomicInteger();
        try (RedisServer server = RedisServer.start();
                FailoverStore store = store(server.port(), opened)) {
            Readers readers = new Readers(store);
            readers.start(8, 8, 0);
            Thread.sleep(seconds * 1_000L);
            readers.end();
            row("none, 8 + 8 virtual", readers, opened, 100, -1);
        }
    }

    private void forgottenFlow(Duration idle) throws InterruptedException {
        AtomicInteger opened = new AtomicInteger();
        try (RedisServer server = RedisServer.start();
                TcpProxy proxy = TcpProxy.to("127.0.0.1", server.port());
                FailoverStore store = store(proxy.port(), opened)) {
            Readers readers = new Readers(store);
            proxy.dropIdle(idle.minusMillis(500));
            readers.start(4, 4, idle.toMillis());
            Thread.sleep(Math.max(seconds * 1_000L, 3 * idle.toMillis()));
            readers.end();
            row("forgotten after " + idle.toMillis() + " ms", readers, opened, 500, -1);
        }
    }

    private void poison() throws InterruptedException {
        AtomicInteger opened = new AtomicInteger();
        try (RedisServer server =
                        RedisServer.builder().line("proto-max-bulk-len 1mb").start();
                FailoverStore store = store(server.port(), opened)) {
            Readers readers = new Readers(store);
            readers.start(4, 4, 1);
            for (int i = 0; i < 2 * seconds; i++) {
                try {
                    store.put("poison", new byte[8 << 20], TTL);
                } catch (CacheException e) {
                    // As it should.
                }
                Thread.sleep(500);
            }
            readers.end();
            row("a poisonous put", readers, opened, Long.MAX_VALUE, -1);
        }
    }

    /** A limit of clients that leaves this one the connections that it has. */
    private void full() throws InterruptedException {
        AtomicInteger opened = new AtomicInteger();
        try (RedisServer server = RedisServer.start();
                FailoverStore store = FailoverStore.builder()
                        .name("full")
                        .tier(
                                "single",
                                SingleStore.of(SingleConfig.of("127.0.0.1", server.port())
                                        .withPoolSize(50)))
                        .memoryTier("memory", () -> MemoryStore.builder().build())
                        .listener(new Openings(opened))
                        .build()) {
            store.start(Duration.ofSeconds(10));
            opened.set(0);
            Readers readers = new Readers(store);
            server.command("CONFIG", "SET", "maxclients", "1");
            long before = rejected(server);
            long start = System.nanoTime();
            readers.start(32, 32, 0);
            Thread.sleep(seconds * 1_000L);
            readers.end();
            double refused = (rejected(server) - before) / ((System.nanoTime() - start) / 1e9);
            server.command("CONFIG", "SET", "maxclients", "10000");
            row("maxclients", readers, opened, Long.MAX_VALUE, refused);
        }
    }

    private void replica(String harm) throws InterruptedException {
        RedisCluster.Builder servers = RedisCluster.builder();
        if (harm.endsWith("LOADING")) {
            servers.persistence(RedisServer.Persistence.RDB)
                    .line("key-load-delay 50000")
                    .line("loading-process-events-interval-bytes 1024")
                    .line("rdbcompression no");
        }
        try (RedisCluster cluster = servers.start()) {
            RedisServer replica = cluster.replicas().get(0);
            try (ClusterStore store =
                    ClusterStore.of(ClusterConfig.of(List.of(cluster.seeds().split(",", -1)))
                            .withReadFrom(ReadFrom.REPLICA_PREFERRED))) {
                Readers readers = new Readers(store);
                cluster.masters().forEach(master -> master.command("WAIT", "1", "5000"));
                readers.start(4, 4, 1);
                for (int i = 0; i < Math.max(1, seconds / 20); i++) {
                    if (harm.endsWith("LOADING")) {
                        load(replica);
                    } else {
                        loseMaster(replica);
                    }
                }
                readers.end();
                row(harm, readers, new AtomicInteger(), 500, -1);
            }
        }
    }

    private static void loseMaster(RedisServer replica) throws InterruptedException {
        replica.command("CONFIG", "SET", "replica-serve-stale-data", "no");
        replica.command("CONFIG", "SET", "masterauth", "wrong");
        replica.command("CLIENT", "KILL", "TYPE", "master");
        Thread.sleep(10_000);
        replica.command("CONFIG", "SET", "masterauth", "");
        Thread.sleep(10_000);
        replica.command("CONFIG", "SET", "replica-serve-stale-data", "yes");
    }

    /** Comes back with keys that it takes seconds to load, from its file and from its master. */
    private static void load(RedisServer replica) throws InterruptedException {
        replica.command("SAVE");
        replica.kill();
        Thread.sleep(1_000);
        replica.restartWithoutWaiting(RedisServer.Data.KEEP);
        Thread.sleep(19_000);
    }

    private static long rejected(RedisServer server) {
        Matcher line =
                Pattern.compile("rejected_connections:(\\d+)").matcher(String.valueOf(server.command("INFO", "stats")));
        return line.find() ? Long.parseLong(line.group(1)) : 0;
    }

    private void row(String harm, Readers readers, AtomicInteger opened, long mostMillis, double refusedDials) {
        long longest = readers.longestNanos.get() / 1_000_000;
        System.out.printf(
                Locale.ROOT,
                "%-26s %10d %8d %8d %8d %10d %14s%n",
                harm,
                readers.calls.get(),
                readers.errors.get(),
                readers.misses.get(),
                opened.get(),
                longest,
                refusedDials < 0 ? "" : String.format(Locale.ROOT, "%.2f", refusedDials));
        kept &= readers.errors.get() == 0
                && readers.misses.get() == 0
                && opened.get() == 0
                && longest <= mostMillis
                && refusedDials <= 10;
    }
}
