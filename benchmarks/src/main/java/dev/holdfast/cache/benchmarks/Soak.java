package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Secret;
import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.failover.FailoverConfig;
import dev.holdfast.cache.failover.FailoverListener;
import dev.holdfast.cache.failover.FailoverStore;
import dev.holdfast.cache.failover.TierPolicy;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.KeyPrefix;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.Traffic;
import dev.holdfast.cache.testkit.TrafficReport;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Minutes of random faults over two real servers and memory, eight threads calling: both servers fail, also at the same time, for
 * up to 8 s at a time. Default settings, but for a shorter grace period, so that there are more failbacks. The second stands behind a proxy, so that its link fails too. At the end all is well
 * again, every key is read once more and the counters are compared; exits with 1 if anything was not as promised.
 *
 * <p>{@code mvn -q -Pfaults -Dfaults=soak:10 verify}, or {@code soak:10:SEED}, for ten minutes. {@code soak:1:SEED:flap} does
 * nothing but kill the first server every 3 s.
 */
final class Soak {
    private static final int THREADS = 8;
    private static final double MOST_GROWN_MB = 10;
    private static final Duration COMMAND_TIMEOUT = Duration.ofSeconds(3);
    private static final long HALF_FLAP = TimeUnit.MILLISECONDS.toNanos(1_500);
    private static final String PASSWORD = "soak";

    private final RedisServer first = RedisServer.builder().password(PASSWORD).start();
    private final RedisServer second = RedisServer.builder().password(PASSWORD).start();
    private final TcpProxy link = TcpProxy.to(second.host(), second.port());
    private final AtomicInteger openings = new AtomicInteger();
    private final AtomicBoolean erring = new AtomicBoolean();
    private final SplittableRandom random;
    private final boolean flap;
    private final long start = System.nanoTime();
    private int faults;

    /** A server, what is wrong with it now, and when that changes. */
    private static final class Patient {
        final String name;
        final RedisServer server;
        final @Nullable TcpProxy link;

        @Nullable
        String fault;

        long until;

        Patient(String name, RedisServer server, @Nullable TcpProxy link, long until) {
            this.name = name;
            this.server = server;
            this.link = link;
            this.until = until;
        }
    }

    private Soak(long seed, boolean flap) {
        random = new SplittableRandom(seed);
        this.flap = flap;
    }

    /** Runs, by minutes, seed and kind; returns whether all was kept. */
    static boolean run(String... args) throws InterruptedException {
        double minutes = args.length > 0 ? Double.parseDouble(args[0]) : 10;
        long seed = args.length > 1 ? Long.parseLong(args[1]) : System.nanoTime();
        String kind = args.length > 2 ? args[2] : "random";
        if (!kind.equals("random") && !kind.equals("flap")) {
            throw new IllegalArgumentException("a soak is random or flap: \"" + kind + '"');
        }
        return new Soak(seed, kind.equals("flap")).run(minutes, seed);
    }

    private boolean run(double minutes, long seed) throws InterruptedException {
        try (FailoverStore store = store()) {
            store.start(Duration.ofSeconds(10));
            Traffic traffic = Traffic.on(store, THREADS, seed);
            long now = System.nanoTime();
            List<Patient> patients = new ArrayList<>();
            patients.add(new Patient("first", first, null, now));
            if (!flap) {
                patients.add(new Patient("second", second, link, now + pause()));
            }
            long end = now + (long) (minutes * TimeUnit.MINUTES.toNanos(1));
            long tenth = now + (end - now) / 10;
            long early = 0;
            while (System.nanoTime() - end < 0) {
                for (Patient patient : patients) {
                    turn(patient);
                }
                Thread.sleep(20);
                // Not while the memory tier serves, which is there to hold something.
                if (early == 0
                        && System.nanoTime() - tenth > 0
                        && store.tierName().equals("first")) {
                    early = Endings.heap();
                }
            }
            for (Patient patient : patients) {
                repair(patient);
            }
            boolean back = awaitFailback(store);
            double grown = early == 0 ? 0 : (Endings.heap() - early) / 1e6;
            TrafficReport report = traffic.stop();
            say(
                    "soak: minutes=%.1f seed=%d faults=%d openings=%d back=%s heap_grew_mb=%.1f %s",
                    minutes, seed, faults, openings.get(), back, grown, report.summary());
            report.details().forEach(detail -> say("  %s", detail));
            return back && grown <= MOST_GROWN_MB && asPromised(report);
        } finally {
            link.close();
            first.close();
            second.close();
        }
    }

    private FailoverStore store() {
        return FailoverStore.builder()
                .config(FailoverConfig.DEFAULT
                        .withGracePeriod(Duration.ofSeconds(1))
                        .withHealthCheckInterval(Duration.ofSeconds(4)))
                .tier("first", erring(single(first.port())))
                .tier("second", single(link.port()), TierPolicy.DEFAULT.withBuffered(true))
                .memoryTier("memory", () -> MemoryStore.builder()
                        .maxBytes(64 << 20)
                        .keyPrefix("soak:")
                        .build())
                .listener(new FailoverListener() {
                    @Override
                    public void tierOpened(String tier, TierHealth.Reason reason, @Nullable Throwable cause) {
                        openings.incrementAndGet();
                        say("%s opened: %s", tier, reason);
                    }

                    @Override
                    public void tierClosed(String tier) {
                        say("%s closed", tier);
                    }
                })
                .build();
    }

    /** One of whose operations some throw an Error while that is the fault, as where a class or memory is missing; probes too. */
    private CacheStore erring(CacheStore store) {
        return (CacheStore) Proxy.newProxyInstance(
                Soak.class.getClassLoader(), new Class<?>[] {CacheStore.class}, (self, method, arguments) -> {
                    boolean foreign = !method.getName().equals("within")
                            && !method.getName().equals("callBound");
                    if (erring.get() && foreign && ThreadLocalRandom.current().nextInt(3) == 0) {
                        throw new NoClassDefFoundError("soak");
                    }
                    try {
                        Object answer = method.invoke(store, arguments);
                        return answer instanceof CacheStore view ? erring(view) : answer;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    private static SingleStore single(int port) {
        return SingleStore.of(SingleConfig.of("127.0.0.1", port)
                .withPassword(Secret.of(PASSWORD))
                .withCommandTimeout(COMMAND_TIMEOUT)
                .withPoolSize(2 * THREADS)
                .withKeyPrefix(KeyPrefix.of("soak:")));
    }

    private void turn(Patient patient) {
        if (System.nanoTime() - patient.until < 0) {
            return;
        }
        if (patient.fault == null) {
            spoil(patient);
            faults++;
            patient.until = System.nanoTime() + length();
        } else {
            repair(patient);
            patient.until = System.nanoTime() + pause();
        }
    }

    private long length() {
        return flap ? HALF_FLAP : TimeUnit.MILLISECONDS.toNanos(100 + random.nextInt(7_900));
    }

    /** Mostly long enough for a failback. */
    private long pause() {
        return flap ? HALF_FLAP : TimeUnit.MILLISECONDS.toNanos(500 + random.nextInt(8_000));
    }

    private void spoil(Patient patient) {
        String[] kinds = patient.link == null
                ? new String[] {"kill", "freeze", "restart", "reset", "readonly", "full", "password", "error"}
                : new String[] {"kill", "freeze", "restart", "readonly", "full", "cut", "slow", "resets", "refuse"};
        String fault = flap ? "kill" : kinds[random.nextInt(kinds.length)];
        patient.fault = fault;
        say("%s: %s", patient.name, fault);
        RedisServer server = patient.server;
        switch (fault) {
            case "kill" -> server.kill();
            case "freeze" -> server.freeze();
            case "restart" -> server.restart(RedisServer.Data.KEEP);
            case "reset" -> server.command("CLIENT", "KILL", "TYPE", "normal");
            case "readonly" -> server.command("REPLICAOF", "127.0.0.1", "1");
            case "full" -> server.command("CONFIG", "SET", "maxmemory", "1");
            case "password" -> {
                server.setPassword("changed");
                server.command("CLIENT", "KILL", "TYPE", "normal");
            }
            case "error" -> erring.set(true);
            case "cut" -> link.halfOpen();
            case "slow" -> link.delay(Duration.ofMillis(300));
            case "resets" -> link.reset();
            default -> {
                link.refuse();
                link.reset();
            }
        }
    }

    private void repair(Patient patient) {
        if (patient.fault == null) {
            return;
        }
        RedisServer server = patient.server;
        switch (patient.fault) {
            case "kill" -> server.restart(RedisServer.Data.KEEP);
            case "freeze" -> server.thaw();
            case "readonly" -> server.command("REPLICAOF", "NO", "ONE");
            case "full" -> server.command("CONFIG", "SET", "maxmemory", "0");
            case "password" -> server.setPassword(PASSWORD);
            case "error" -> erring.set(false);
            case "cut", "slow", "refuse" -> link.pass();
            default -> {}
        }
        say("%s: %s is over", patient.name, patient.fault);
        patient.fault = null;
    }

    /** Until the first tier has got everything; what may still arrive through the proxy is waited for too. */
    private static boolean awaitFailback(FailoverStore store) throws InterruptedException {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(2);
        while (System.nanoTime() - end < 0) {
            TierHealth tier = store.health().tiers().get(0);
            if (tier.serving() && tier.dirtyKeys() + tier.dirtyPrefixes() + tier.dirtyCounters() == 0) {
                return true;
            }
            Thread.sleep(50);
        }
        return false;
    }

    private boolean asPromised(TrafficReport report) {
        return report.errors() == 0
                && report.mostUnknown() <= openings.get() + faults
                && report.longest().compareTo(COMMAND_TIMEOUT) < 0
                && report.cameBack() == 0
                && report.wrong() == 0
                && report.incrementsLost() == 0
                && report.incrementsTwice() == 0;
    }

    private void say(String format, Object... arguments) {
        System.out.printf(
                Locale.ROOT,
                "%7.2f  %s%n",
                (System.nanoTime() - start) / 1e9,
                String.format(Locale.ROOT, format, arguments));
    }
}
