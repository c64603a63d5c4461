package dev.holdfast.cache.single;

import dev.holdfast.cache.testkit.RedisServer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import redis.clients.jedis.ConnectionPoolConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.RedisClient;

/**
 * A load program, run by hand: GET of 100 bytes by {@link SingleStore} and by the bare Jedis client with a pool of the
 * same size, in interleaved rounds on one real server. Arguments: rounds, seconds a round, pool size.
 */
final class SingleGet {
    private static final int KEYS = 1000;

    private SingleGet() {}

    private interface Get {
        byte[] get(int key);
    }

    public static void main(String[] args) throws InterruptedException {
        int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 9;
        double seconds = args.length > 1 ? Double.parseDouble(args[1]) : 1;
        int pool = args.length > 2 ? Integer.parseInt(args[2]) : 5;
        ConnectionPoolConfig jedisPool = new ConnectionPoolConfig();
        jedisPool.setMaxTotal(pool);
        jedisPool.setMaxIdle(pool);
        jedisPool.setMaxWait(Duration.ofSeconds(10));
        jedisPool.setJmxEnabled(false);
        try (RedisServer server = RedisServer.start();
                SingleStore store = SingleStore.of(
                        SingleConfig.of(server.host(), server.port()).withPoolSize(pool));
                RedisClient jedis = RedisClient.builder()
                        .hostAndPort(new HostAndPort(server.host(), server.port()))
                        .poolConfig(jedisPool)
                        .build()) {
            byte[][] keys = new byte[KEYS][];
            for (int i = 0; i < KEYS; i++) {
                store.put("key:" + i, new byte[100], Duration.ofHours(1));
                keys[i] = ("key:" + i).getBytes(StandardCharsets.UTF_8);
            }
            Get ours = key -> store.get("key:" + key);
            Get bare = key -> jedis.get(keys[key]);
            for (int threads : new int[] {1, 8, 64}) {
                compare(threads, rounds, seconds, ours, bare);
            }
        }
    }

    private static void compare(int threads, int rounds, double seconds, Get ours, Get bare)
            throws InterruptedException {
        double[] ourRates = new double[rounds];
        double[] bareRates = new double[rounds];
        double[] ratios = new double[rounds];
        round(threads, seconds, ours);
        round(threads, seconds, bare);
        for (int i = 0; i < rounds; i++) {
            boolean oursFirst = i % 2 == 0;
            double first = round(threads, seconds, oursFirst ? ours : bare);
            double second = round(threads, seconds, oursFirst ? bare : ours);
            ourRates[i] = oursFirst ? first : second;
            bareRates[i] = oursFirst ? second : first;
            ratios[i] = ourRates[i] / bareRates[i];
        }
        Arrays.sort(ratios);
        System.out.printf(
                Locale.ROOT,
                "threads=%d store=%.0f/s jedis=%.0f/s ratio=%.3f low=%.3f high=%.3f%n",
                threads,
                median(ourRates),
                median(bareRates),
                median(ratios),
                ratios[0],
                ratios[rounds - 1]);
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    private static double round(int threads, double seconds, Get get) throws InterruptedException {
        AtomicBoolean over = new AtomicBoolean();
        LongAdder calls = new LongAdder();
        CountDownLatch start = new CountDownLatch(1);
        Thread[] all = new Thread[threads];
        for (int t = 0; t < threads; t++) {
            int offset = t * 31;
            all[t] = new Thread(() -> {
                try {
                    start.await();
                } catch (InterruptedException e) {
                    return;
                }
                long n = 0;
                for (int i = offset; !over.get(); i++, n++) {
                    if (get.get(i % KEYS).length != 100) {
                        throw new AssertionError("a wrong value");
                    }
                }
                calls.add(n);
            });
            all[t].start();
        }
        long begin = System.nanoTime();
        start.countDown();
        Thread.sleep((long) (seconds * 1000));
        over.set(true);
        for (Thread thread : all) {
            thread.join();
        }
        return calls.sum() * 1e9 / (System.nanoTime() - begin);
    }
}
