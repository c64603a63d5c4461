package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.NearCache;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.testkit.RedisServer;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/** What it costs a near cache to be told of very many changes. */
final class NearPushes {
    private static final int PAIRS = 60;
    private static final int BLOCKS = 6;
    private static final int SLICE_MILLIS = 100;
    private static final int AT_ONCE = 100_000;
    private static final NearCache NEAR = NearCache.ofBytes(64L << 20);

    private final Report report;

    NearPushes(Report report) {
        this.report = report;
    }

    void measure() throws IOException, InterruptedException {
        for (int distinct : new int[] {1_000, 100_000}) {
            hits(distinct);
        }
        atOnce();
    }

    /**
     * Hits of one thread while a million keys a second are told to have changed, of so many that nobody reads, against hits while none are. A key that shares its
     * stripe with one that is read costs that one its next hit, which is a round trip and no matter of hits: there are none such.
     */
    private void hits(int distinct) throws IOException, InterruptedException {
        Entries entries = new Entries("hit", 8_192, 100);
        Set<Integer> read = new HashSet<>();
        for (int i = 0; i < entries.count(); i++) {
            read.add(Stamps.stripe("hits:" + entries.key(i)));
        }
        try (RedisServer redis = RedisServer.start();
                PushStorm storm = PushStorm.before(redis, "hits:other", distinct, read);
                CacheClient client = CacheClient.builder()
                        .tier(SingleConfig.of("127.0.0.1", storm.port()))
                        .withoutMemory()
                        .build()) {
            Cache<String, String> cache =
                    client.cache("hits", String.class, String.class).near(NEAR).build();
            entries.putTexts(cache::put);
            Load.Call call = index -> {
                if (cache.get(entries.key(index)) == null) {
                    throw new WrongAnswerException("a key is missing");
                }
            };
            PairedSlices slices = new PairedSlices(entries.count(), 1, SLICE_MILLIS);
            for (int i = 0; i < PAIRS / 4; i++) {
                double unused = slices.perSecond(call);
            }
            SplittableRandom random = new SplittableRandom(1);
            double[] ratios = new double[PAIRS];
            double[] rates = new double[PAIRS];
            for (int i = 0; i < PAIRS; i++) {
                boolean stormFirst = random.nextBoolean();
                double first = slice(slices, call, storm, stormFirst, cache, rates, i);
                double second = slice(slices, call, storm, !stormFirst, cache, rates, i);
                ratios[i] = stormFirst ? first / second : second / first;
            }
            String name = "near.pushed." + distinct / 1_000 + "k";
            report.add(name, Report.median(ratios), blocks(ratios), "ratio");
            report.add(name + ".rate", Report.median(rates), blocks(rates), "changes/s");
        }
    }

    private static double slice(
            PairedSlices slices,
            Load.Call call,
            PushStorm storm,
            boolean blows,
            Cache<String, String> cache,
            double[] rates,
            int index)
            throws InterruptedException {
        storm.blow(blows);
        TimeUnit.MILLISECONDS.sleep(SLICE_MILLIS / 2);
        long before = cache.stats().near().invalidations();
        long start = System.nanoTime();
        double perSecond = slices.perSecond(call);
        if (blows) {
            rates[index] = (cache.stats().near().invalidations() - before) * 1e9 / (System.nanoTime() - start);
        }
        storm.blow(false);
        TimeUnit.MILLISECONDS.sleep(SLICE_MILLIS / 2);
        return perSecond;
    }

    private static double[] blocks(double[] values) {
        double[] blocks = new double[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            int from = i * values.length / BLOCKS;
            blocks[i] = Report.median(Arrays.copyOfRange(values, from, (i + 1) * values.length / BLOCKS));
        }
        return blocks;
    }

    /** From the reply to a script that changed very many keys until nothing of what they were before is read, and the longest read meanwhile. */
    private void atOnce() throws InterruptedException {
        double[] applied = new double[BLOCKS];
        double[] longest = new double[BLOCKS];
        try (RedisServer redis = RedisServer.start();
                CacheClient client = CacheClient.builder()
                        .tier(SingleConfig.of(redis.url()))
                        .withoutMemory()
                        .build()) {
            Cache<Long, String> cache = client.cache("many", Long.class, String.class)
                    .near(NearCache.ofBytes(256L << 20))
                    .build();
            for (int round = 0; round < BLOCKS; round++) {
                for (long i = 0; i < AT_ONCE; i++) {
                    cache.put(i, "before");
                }
                long kept;
                do {
                    kept = cache.stats().near().hits();
                    for (long i = 0; i < AT_ONCE; i++) {
                        String unused = cache.get(i);
                    }
                } while (cache.stats().near().hits() - kept < AT_ONCE);
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
                Object unused = redis.command(
                        "EVAL",
                        "for i = 0, tonumber(ARGV[1]) - 1 do redis.call('SET', 'many:' .. i, 'changed') end",
                        "0",
                        Integer.toString(AT_ONCE));
                long replied = System.nanoTime();
                long before = cache.stats().near().hits();
                long slowest = 0;
                long last = replied;
                long asked = 0;
                // The last keys are told last: a read that is near still has not been told.
                for (long i = AT_ONCE - 1; i >= 0 && System.nanoTime() - end < 0; i -= AT_ONCE / 100) {
                    boolean near = true;
                    while (near && System.nanoTime() - end < 0) {
                        long start = System.nanoTime();
                        String value = cache.get(i);
                        last = System.nanoTime();
                        slowest = Math.max(slowest, last - start);
                        near = "before".equals(value);
                        asked++;
                    }
                }
                if (asked == 0 || cache.stats().near().hits() < before) {
                    throw new WrongAnswerException("nothing was read");
                }
                applied[round] = (last - replied) / 1e6;
                longest[round] = slowest / 1e6;
                cache.clear();
            }
        }
        report.add("near.changed.ms", Report.median(applied), applied, "ms");
        report.add("near.changed.longest.ms", Report.median(longest), longest, "ms");
    }
}
