package dev.holdfast.cache.failover;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.Traffic;
import dev.holdfast.cache.testkit.TrafficReport;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * {@code Failover( first > second > memory )} over two real servers, with eight threads that call it. The command timeout is 10 s:
 * if no call takes half of that, nobody has paid for a dead server.
 */
final class TwoServers implements AutoCloseable {
    static final Duration COMMAND_TIMEOUT = Duration.ofSeconds(10);
    static final String PREFIX = "app:";
    /** Enough to meet every operation, and every thread several times. */
    static final int SOME = 60;

    /**
     * How often a fault may end what a thread has under way: by breaking its connection, when the tier connects anew to see whether another server
     * has its name by now, and when it is opened.
     */
    private static final int ENDS_OF_A_FAULT = 3;

    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final AtomicInteger NUMBERS = new AtomicInteger();

    /** Answers more slowly on a busy machine than in production; no fault here is as fast as this. */
    private static final TierPolicy POLICY = TierPolicy.DEFAULT.withMinProbeTimeout(Duration.ofMillis(500));

    private static final FailoverConfig CONFIG = FailoverConfig.DEFAULT
            .withFailoverTimeout(Duration.ofSeconds(20))
            .withGracePeriod(Duration.ofMillis(500))
            .withHealthCheckInterval(Duration.ofSeconds(2))
            .withRetryDelay(Duration.ofMillis(100))
            .withUnknownQuarantine(Duration.ofSeconds(2));

    final RedisServer first;
    final RedisServer second;
    final @Nullable TcpProxy proxy;
    final FailoverStore store;
    final Traffic traffic;
    private final String name = "faults-" + NUMBERS.incrementAndGet();
    private final Queue<String> events = new ConcurrentLinkedQueue<>();
    private final AtomicInteger openings = new AtomicInteger();
    private final Duration tooLong;
    /** How many faults a caller may meet although no tier is opened for them. */
    int faults = 1;

    private boolean stopped;

    /** What differs from the plain case. */
    static final class Setup {
        RedisServer.Builder server = RedisServer.builder();
        boolean proxied;
        int poolSize = 16;
        Duration commandTimeout = COMMAND_TIMEOUT;
        Duration slowCallThreshold = COMMAND_TIMEOUT.dividedBy(3);

        /** No call may take as long: nobody waits until a server that is gone times out. */
        Duration tooLong = COMMAND_TIMEOUT.dividedBy(2);

        @Nullable
        Secret password;

        TwoServers start() {
            return new TwoServers(this);
        }
    }

    static TwoServers start() {
        return new Setup().start();
    }

    private TwoServers(Setup setup) {
        first = setup.server.start();
        second = RedisServer.start();
        tooLong = setup.tooLong;
        proxy = setup.proxied ? TcpProxy.to(first.host(), first.port()) : null;
        SingleConfig to = SingleConfig.of(first.host(), proxy == null ? first.port() : proxy.port())
                .withPoolSize(setup.poolSize);
        store = FailoverStore.builder()
                .name(name)
                .config(CONFIG.withSlowCallThreshold(setup.slowCallThreshold))
                // What a proxy holds back may still arrive.
                .tier(
                        "first",
                        SingleStore.of(common(setup.password == null ? to : to.withPassword(setup.password), setup)),
                        POLICY.withBuffered(proxy != null))
                .tier("second", SingleStore.of(common(SingleConfig.of(second.host(), second.port()), setup)), POLICY)
                .memoryTier("memory", () -> MemoryStore.builder()
                        .maxBytes(16 << 20)
                        .keyPrefix(PREFIX)
                        .build())
                .listener(new Recorder())
                .build();
        store.start(Duration.ofSeconds(20));
        await("first", () -> serving("first"));
        traffic = Traffic.on(store, 8, 42);
        traffic.awaitCalls(SOME);
    }

    private static SingleConfig common(SingleConfig config, Setup setup) {
        return config.withCommandTimeout(setup.commandTimeout)
                .withConnectTimeout(Duration.ofSeconds(2))
                .withKeyPrefix(KeyPrefix.of(PREFIX));
    }

    private final class Recorder implements FailoverListener {
        @Override
        public void tierOpened(String tier, TierHealth.Reason reason, @Nullable Throwable cause) {
            openings.incrementAndGet();
            events.add(tier + " opened: " + reason + ", " + cause);
        }

        @Override
        public void tierClosed(String tier) {
            events.add(tier + " closed");
        }

        @Override
        public void reconciliationFailed(String tier, Throwable cause) {
            events.add(tier + " not reconciled: " + cause);
        }
    }

    TierHealth tier(String wanted) {
        return store.health().tiers().stream()
                .filter(tier -> tier.name().equals(wanted))
                .findFirst()
                .orElseThrow();
    }

    boolean serving(String tier) {
        return tier(tier).serving();
    }

    /** Until the first server has acknowledged a canary that was not yet under way: it can't forget unnoticed what came before. */
    void awaitCanary() {
        for (int i = 0; i < 2; i++) {
            Instant begin = Instant.now();
            await("a canary", () -> probedSince(begin));
        }
    }

    private boolean probedSince(Instant moment) {
        Instant last = tier("first").store().nodes().get(0).lastHealthCheck();
        return last != null && last.isAfter(moment);
    }

    /** How often a tier was opened so far. */
    int openings() {
        return openings.get();
    }

    void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                fail("waited " + PATIENCE + " for " + what + "; " + events + "; "
                        + store.health().tiers());
            }
            LockSupport.parkNanos(5_000_000);
        }
    }

    /** Until a tier answers, and beyond. */
    void awaitServing(String tier) {
        await(tier + " to serve", () -> serving(tier));
        traffic.awaitCalls(SOME);
    }

    /** Until the first tier serves again and has got everything it had missed. */
    void awaitFailback() {
        await("first to serve again, clean", () -> serving("first") && clean(tier("first")));
        traffic.awaitCalls(SOME);
    }

    private static boolean clean(TierHealth tier) {
        return tier.dirtyKeys() == 0 && tier.dirtyPrefixes() == 0 && tier.dirtyCounters() == 0;
    }

    /** Breaks something, sees the second tier serve, repairs it, sees the first tier serve again. */
    void outage(Runnable fault, Runnable repair) {
        fault.run();
        awaitServing("second");
        repair.run();
        awaitFailback();
    }

    /** Ends the calls and checks what the composite promises of them whatever happened. */
    TrafficReport check() {
        return check(true);
    }

    /** As {@link #check()}; a server that went back in time has lost its counters with all else. */
    TrafficReport check(boolean counters) {
        await("first to be clean", () -> serving("first") && clean(tier("first")));
        TrafficReport report = traffic.stop();
        stopped = true;
        String all = report + "\n" + events;
        assertAll(
                () -> assertEquals(0, report.errors(), () -> "harmless operations that failed: " + all),
                () -> assertTrue(
                        report.mostUnknown() <= (long) ENDS_OF_A_FAULT * Math.max(faults, openings.get()),
                        () -> "a thread got more exceptions than a fault can end calls: " + all),
                () -> assertTrue(
                        report.longest().compareTo(tooLong) < 0, () -> "somebody paid for a dead server: " + all),
                () -> assertEquals(0, report.cameBack(), () -> "removed keys that came back: " + all),
                () -> assertEquals(0, report.wrong(), () -> "values of other keys: " + all),
                () -> assertEquals(0, report.incrementsTwice(), () -> "increments twice: " + all),
                () -> assertEquals(0, counters ? report.incrementsLost() : 0, () -> "increments lost: " + all));
        System.out.println(name + ' ' + report.summary() + " openings=" + openings);
        return report;
    }

    /** Ends everything, and sees that no thread of the composite's or the stores' is left. */
    @Override
    public void close() {
        if (!stopped) {
            traffic.close();
        }
        store.close();
        first.close();
        second.close();
        List<String> names = List.of(
                name,
                "holdfast-127.0.0.1:" + first.port() + '-',
                "holdfast-127.0.0.1:" + second.port() + '-',
                proxy == null ? name : "holdfast-127.0.0.1:" + proxy.port() + '-');
        if (proxy != null) {
            proxy.close();
        }
        await("the threads to end: " + names, () -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> names.stream().anyMatch(thread.getName()::startsWith)));
    }
}
