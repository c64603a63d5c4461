package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.single.SingleConfig;
import dev.holdfast.cache.single.SingleStore;
import dev.holdfast.cache.spi.CacheStore;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** One of the processes of {@link Instances}. What keys hold in the source of truth is a number that only grows. */
final class Instance {
    private static final int KEYS = 12;
    private static final int READERS = 3;
    private static final long CHANGE_MILLIS = 330;
    private static final Duration TTL = Duration.ofSeconds(60);

    /** What is done about a change of the source. */
    private enum Kind {
        REMOVE,
        REMOVE_ALL,
        GET_AND_REMOVE,
        MARK_STALE,
        PUT,
        PUT_ALL,
        REFRESH,
        /** A refresh that joined a load of its own process from before the change, as what it returned tells. */
        JOINED_REFRESH;

        static Kind any() {
            return values()[random(values().length - 1)]; // it only turns out to be the last one
        }
    }

    /** Of one kind of change: how many there were, how many reads after one were stale, and for how long. */
    private static final class Row {
        final LongAdder changes = new LongAdder();
        final LongAdder stale = new LongAdder();
        volatile long longestMillis;
    }

    private final int mine = Integer.getInteger("instance");
    private final int all = Integer.getInteger("instances");
    private final long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.getLong("seconds"));
    private final CacheStore source;
    private final Cache<String, String> cache;
    private final Map<Kind, Row> rows = new ConcurrentHashMap<>();
    private final LongAdder reads = new LongAdder();
    private final LongAdder joined = new LongAdder();
    private final LongAdder errors = new LongAdder();
    /** When a stale value was first read, by key and value. */
    private final Map<String, Long> staleSince = new ConcurrentHashMap<>();

    private Instance(CacheStore source, Cache<String, String> cache) {
        this.source = source;
        this.cache = cache;
        Arrays.stream(Kind.values()).forEach(kind -> rows.put(kind, new Row()));
    }

    public static void main(String[] arguments) throws InterruptedException {
        try (CacheStore source = SingleStore.of(SingleConfig.of(System.getProperty("source")));
                // Without memory: a process that takes the server for dead, on a busy machine, must not answer from
                // there.
                CacheClient client = CacheClient.builder()
                        .settings(Settings.of(Map.of("REDIS_URL", System.getProperty("server"))))
                        .withoutMemory()
                        .build()) {
            new Instance(
                            source,
                            client.cache("c", String.class, String.class)
                                    .ttl(TTL)
                                    .staleIfError(TTL)
                                    .build())
                    .run();
        }
        System.exit(0);
    }

    private void run() throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        threads.add(new Thread(this::change));
        for (int i = 0; i < READERS; i++) {
            threads.add(new Thread(this::read));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        System.out.println("total " + reads + ' ' + cache.stats().loads() + ' '
                + cache.stats().notStored() + ' ' + joined + ' ' + errors);
        rows.forEach((kind, row) -> System.out.println(
                kind.name().toLowerCase(Locale.ROOT) + ' ' + row.changes + ' ' + row.stale + ' ' + row.longestMillis));
    }

    private Row row(Kind kind) {
        return Objects.requireNonNull(rows.get(kind), "every kind has a row");
    }

    private boolean goesOn() {
        return System.nanoTime() - end < 0;
    }

    private static void sleep(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static int random(int bound) {
        return ThreadLocalRandom.current().nextInt(bound);
    }

    /** The source answers at once what it holds then, and the answer takes its time. */
    private String load(String key) {
        String version = version(key);
        sleep(25 + random(51));
        return version;
    }

    private String version(String key) {
        String held = text(source.get("version:" + key));
        return held == null ? "0" : held;
    }

    private static @Nullable String text(byte @Nullable [] value) {
        return value == null ? null : new String(value, StandardCharsets.US_ASCII);
    }

    /** Changes keys that no other process changes, some of them again while others load what the first change has left. */
    private void change() {
        while (goesOn()) {
            sleep(CHANGE_MILLIS / 2 + random((int) CHANGE_MILLIS));
            String key = "k" + (mine + all * random(KEYS / all));
            for (int again = random(3); again >= 0; again--) {
                try {
                    change(Kind.any(), key);
                } catch (CacheException e) {
                    errors.increment();
                }
                sleep(10 + random(60));
            }
        }
    }

    private void change(Kind kind, String key) {
        String version = Long.toString(source.increment("version:" + key, 1, CacheStore.FOREVER));
        Kind done = change(kind, key, version);
        String acknowledged = version + ' ' + done;
        source.put("acknowledged:" + key, acknowledged.getBytes(StandardCharsets.US_ASCII), CacheStore.FOREVER);
        row(done).changes.increment();
    }

    /** Returns what it turned out to be. */
    private Kind change(Kind kind, String key, String version) {
        switch (kind) {
            case REMOVE -> cache.remove(key);
            case REMOVE_ALL -> cache.removeAll(List.of(key));
            case GET_AND_REMOVE -> cache.getAndRemove(key);
            case MARK_STALE -> cache.markStale(key);
            case PUT -> cache.put(key, version);
            case PUT_ALL -> cache.putAll(Map.of(key, version));
            case REFRESH, JOINED_REFRESH -> {
                String refreshed = cache.refresh(key, this::load);
                return refreshed == null || Long.parseLong(refreshed) < Long.parseLong(version)
                        ? Kind.JOINED_REFRESH
                        : Kind.REFRESH;
            }
        }
        return kind;
    }

    private void read() {
        while (goesOn()) {
            try {
                read("k" + random(KEYS));
            } catch (CacheException e) {
                errors.increment();
            }
            sleep(random(8));
        }
    }

    private void read(String key) {
        String acknowledged = text(source.get("acknowledged:" + key));
        String held = cache.get(key);
        reads.increment();
        if (held != null) {
            judge(key, held, acknowledged);
            return;
        }
        String loaded = load(key, random(8));
        if (loaded != null && acknowledged != null && isOlder(loaded, acknowledged)) {
            joined.increment();
        }
    }

    private @Nullable String load(String key, int way) {
        return switch (way) {
            case 0 -> loadSeveral(key);
            case 1 -> cache.refresh(key, this::load);
            case 2 -> cache.async().get(key, this::load).join();
            default -> cache.get(key, this::load);
        };
    }

    private @Nullable String loadSeveral(String key) {
        return cache.getAll(List.of(key, "k" + random(KEYS)), keys -> {
                    Map<String, String> loaded = new HashMap<>();
                    keys.forEach(each -> loaded.put(each, version(each)));
                    sleep(25 + random(51));
                    return loaded;
                })
                .get(key);
    }

    private static boolean isOlder(String version, String acknowledged) {
        return Long.parseLong(version) < Long.parseLong(acknowledged.substring(0, acknowledged.indexOf(' ')));
    }

    private void judge(String key, String held, @Nullable String acknowledged) {
        if (acknowledged == null || !isOlder(held, acknowledged)) {
            return;
        }
        Row row = row(Kind.valueOf(acknowledged.substring(acknowledged.indexOf(' ') + 1)));
        row.stale.increment();
        long now = System.nanoTime();
        long since = staleSince.computeIfAbsent(key + ' ' + held, first -> now);
        row.longestMillis = Math.max(row.longestMillis, (now - since) / 1_000_000);
    }
}
