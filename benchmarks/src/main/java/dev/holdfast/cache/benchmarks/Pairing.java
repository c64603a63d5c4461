package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.Secret;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.cluster.ClusterStore;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.cache.testkit.TcpProxy;
import dev.holdfast.cache.testkit.UpstashGateway;
import dev.holdfast.cache.upstash.UpstashConfig;
import dev.holdfast.cache.upstash.UpstashStore;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Millions of reads of values that name their keys, while connections are cut, fed with garbage, dropped and starved of memory, and
 * callers are interrupted: no answer may be another key's. Run with little direct memory and heap, so that large values don't fit
 * now and then.
 *
 * <p>{@code -Dpairing=CALLS[:STORE[,STORE][:SEED]]}; ten million on each store by default.
 */
final class Pairing {
    private static final int KEYS = 512;
    private static final int THREADS = 8;
    /** A run of ten million takes an hour or more, so it says every minute how far it is. */
    private static final long PROGRESS_NANOS = 60_000_000_000L;

    private static final Duration TTL = Duration.ofHours(12);

    private final CacheStore store;
    private final List<TcpProxy> proxies;
    private final long calls;
    private final AtomicLong begun = new AtomicLong();
    private final AtomicLong right = new AtomicLong();
    private final AtomicLong failed = new AtomicLong();
    private final AtomicLong wrong = new AtomicLong();

    private Pairing(CacheStore store, List<TcpProxy> proxies, long calls) {
        this.store = store;
        this.proxies = proxies;
        this.calls = calls;
    }

    public static void main(String[] args) throws InterruptedException {
        String[] wanted = System.getProperty("pairing", "10000000").split(":", -1);
        long calls = Long.parseLong(wanted[0]);
        List<String> names =
                wanted.length > 1 ? List.of(wanted[1].split(",", -1)) : List.of("cluster", "single", "upstash");
        long seed = wanted.length > 2 ? Long.parseLong(wanted[2]) : System.nanoTime();
        boolean kept = true;
        for (String name : names) {
            kept &= switch (name) {
                case "cluster" -> cluster(calls, seed);
                case "single" -> single(calls, seed);
                case "upstash" -> upstash(calls, seed);
                default -> throw new IllegalArgumentException("no store \"" + name + "\"; cluster, single or upstash");
            };
        }
        System.exit(kept ? 0 : 1);
    }

    private static boolean cluster(long calls, long seed) throws InterruptedException {
        try (RedisCluster cluster = RedisCluster.builder().replicasPerMaster(0).start()) {
            Map<String, TcpProxy> proxies = new HashMap<>();
            cluster.nodes()
                    .forEach(node ->
                            proxies.put(node.host() + ':' + node.port(), TcpProxy.to(node.host(), node.port())));
            ClusterConfig config = ClusterConfig.of(List.of(cluster.seeds().split(",", -1)))
                    .withAddressMapper(announced -> "127.0.0.1:"
                            + Objects.requireNonNull(proxies.get(announced), announced)
                                    .port());
            try (ClusterStore store = ClusterStore.of(config)) {
                return new Pairing(store, List.copyOf(proxies.values()), calls).run("cluster", seed);
            } finally {
                proxies.values().forEach(TcpProxy::close);
            }
        }
    }

    private static boolean single(long calls, long seed) throws InterruptedException {
        try (RedisServer server = RedisServer.start();
                TcpProxy proxy = TcpProxy.to(server.host(), server.port());
                SingleStore store = SingleStore.of(SingleConfig.of("127.0.0.1", proxy.port()))) {
            return new Pairing(store, List.of(proxy), calls).run("single", seed);
        }
    }

    private static boolean upstash(long calls, long seed) throws InterruptedException {
        try (RedisServer server = RedisServer.start();
                UpstashGateway gateway = UpstashGateway.start(server.host() + ':' + server.port(), "token");
                TcpProxy proxy = TcpProxy.to("127.0.0.1", gateway.port());
                UpstashStore store =
                        UpstashStore.create(UpstashConfig.of("http://127.0.0.1:" + proxy.port(), Secret.of("token")))) {
            return new Pairing(store, List.of(proxy), calls).run("upstash", seed);
        }
    }

    private boolean run(String name, long seed) throws InterruptedException {
        for (int i = 0; i < KEYS; i++) {
            store.put("k" + i, value("k" + i), TTL);
        }
        Thread[] readers = new Thread[THREADS];
        for (int i = 0; i < THREADS; i++) {
            Random random = new Random(seed + i);
            readers[i] = new Thread(() -> {
                while (begun.getAndIncrement() < calls) {
                    read("k" + random.nextInt(KEYS));
                }
            });
            readers[i].start();
        }
        Random random = new Random(seed);
        long start = System.nanoTime();
        long told = start;
        long faults = 0;
        while (begun.get() < calls) {
            harm(proxies.get(random.nextInt(proxies.size())), readers, random);
            faults++;
            Thread.sleep(50 + random.nextInt(200));
            if (System.nanoTime() - told > PROGRESS_NANOS) {
                told = System.nanoTime();
                print(name, start, faults, seed);
            }
        }
        for (Thread reader : readers) {
            reader.join();
        }
        print(name, start, faults, seed);
        return wrong.get() == 0;
    }

    private void print(String name, long start, long faults, long seed) {
        System.out.printf(
                Locale.ROOT,
                "%s: %,d calls in %d s, %,d faults: %,d right, %,d failed, %,d wrong (seed %d)%n",
                name,
                Math.min(begun.get(), calls),
                (System.nanoTime() - start) / 1_000_000_000,
                faults,
                right.get(),
                failed.get(),
                wrong.get(),
                seed);
    }

    private void read(String key) {
        try {
            check(key, store.get(key));
        } catch (CacheUnavailableException e) {
            failed.incrementAndGet();
            pause();
        } catch (CacheException e) {
            failed.incrementAndGet();
            boolean unused = Thread.interrupted();
        } catch (OutOfMemoryError e) {
            failed.incrementAndGet();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(1);
        } catch (InterruptedException e) {
            // One of the faults.
        }
    }

    private void check(String key, byte @Nullable [] found) {
        String text = found == null ? "" : new String(found, 0, Math.min(found.length, 40), StandardCharsets.UTF_8);
        if (text.startsWith(key + '=') && found != null && found.length == value(key).length) {
            right.incrementAndGet();
        } else if (wrong.incrementAndGet() < 10) {
            System.out.println("wrong: " + key + " -> " + text);
        }
    }

    private static void harm(TcpProxy proxy, Thread[] readers, Random random) throws InterruptedException {
        switch (random.nextInt(6)) {
            case 0 -> proxy.reset();
            case 1 -> {
                proxy.garbage("!\r\n".getBytes(StandardCharsets.US_ASCII));
                proxy.pass();
            }
            case 2 -> {
                proxy.cutAfter(TcpProxy.Direction.TO_CLIENT, random.nextInt(100_000));
                Thread.sleep(5);
                proxy.pass();
            }
            case 3 -> {
                List<Integer> ports = proxy.clientPorts();
                if (!ports.isEmpty()) {
                    boolean unused = proxy.swallow(ports.get(random.nextInt(ports.size())));
                }
            }
            default -> readers[random.nextInt(readers.length)].interrupt();
        }
    }

    /** One in 64 is large enough that some of them at a time don't fit into the direct memory. */
    private static byte[] value(String key) {
        int times = key.hashCode() % 64 == 0 ? 300_000 : 1 + key.hashCode() % 50;
        return (key + '=').repeat(times).getBytes(StandardCharsets.UTF_8);
    }
}
