package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** One thread of a {@link Traffic}: its keys, which it alone writes, and its calls. */
final class TrafficCaller implements Runnable {
    private static final int KEYS = 16;
    private static final int SEVERAL = 3;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
    private static final Duration TTL = Duration.ofHours(1);

    private final CacheStore store;
    private final String prefix;
    private final String counter;
    private final List<TrafficKey> keys = new ArrayList<>();
    private final List<TrafficCaller> everybody;
    private final SplittableRandom random;
    private final BooleanSupplier stopped;
    private final TrafficTally tally = new TrafficTally();

    TrafficCaller(CacheStore store, int number, List<TrafficCaller> everybody, long seed, BooleanSupplier stopped) {
        this.store = store;
        this.prefix = "traffic:" + number + ':';
        this.counter = prefix + "counter";
        this.everybody = everybody;
        this.random = new SplittableRandom(seed);
        this.stopped = stopped;
        for (int i = 0; i < KEYS; i++) {
            keys.add(new TrafficKey(prefix + i));
        }
    }

    @Override
    public void run() {
        while (!stopped.getAsBoolean()) {
            step(random.nextInt(1000));
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private void step(int dice) {
        TrafficKey mine = keys.get(random.nextInt(KEYS));
        if (dice < 450) {
            readOne(anybodys());
        } else if (dice < 500) {
            List<TrafficKey> several = new ArrayList<>();
            for (int i = 0; i < SEVERAL; i++) {
                several.add(anybodys());
            }
            readSeveral(several);
        } else if (dice < 650) {
            put(mine);
        } else if (dice < 690) {
            putAll();
        } else if (dice < 790) {
            remove(mine);
        } else if (dice < 830) {
            removeAll();
        } else if (dice < 835) {
            removeByPrefix(prefix + "1");
        } else if (dice < 900) {
            load(mine);
        } else {
            increment();
        }
    }

    private TrafficKey anybodys() {
        List<TrafficKey> theirs = everybody.get(random.nextInt(everybody.size())).keys;
        return theirs.get(random.nextInt(KEYS));
    }

    private void readOne(TrafficKey key) {
        long floor = key.floor();
        tally.attempt("get", true, () -> key.check(store.get(key.name()), floor, tally));
    }

    private void readSeveral(List<TrafficKey> asked) {
        Map<TrafficKey, Long> floors = new LinkedHashMap<>();
        asked.forEach(key -> floors.put(key, key.floor()));
        tally.attempt("getAll", true, () -> {
            Map<String, byte[]> found = store.getAll(names(asked));
            floors.forEach((key, floor) -> key.check(found.get(key.name()), floor, tally));
        });
    }

    private static List<String> names(List<TrafficKey> keys) {
        return keys.stream().map(TrafficKey::name).toList();
    }

    private void put(TrafficKey key) {
        byte[] value = key.nextValue();
        if (tally.attempt("put", true, () -> store.put(key.name(), value, TTL))) {
            key.stored();
        }
    }

    private void putAll() {
        List<TrafficKey> several = several();
        Map<String, byte[]> entries = new LinkedHashMap<>();
        several.forEach(key -> entries.put(key.name(), key.nextValue()));
        if (tally.attempt("putAll", true, () -> store.putAll(entries, TTL))) {
            several.forEach(TrafficKey::stored);
        }
    }

    private void remove(TrafficKey key) {
        if (tally.attempt("remove", true, () -> store.remove(key.name()))) {
            key.removed();
        }
    }

    private void removeAll() {
        List<TrafficKey> several = several();
        if (tally.attempt("removeAll", true, () -> store.removeAll(names(several)))) {
            several.forEach(TrafficKey::removed);
        }
    }

    private void removeByPrefix(String begin) {
        if (tally.attempt(TrafficTally.PREFIX_REMOVAL, true, () -> store.removeByPrefix(begin))) {
            keys.stream().filter(key -> key.name().startsWith(begin)).forEach(TrafficKey::removed);
        }
    }

    /** Neighbours, so that they are different ones. */
    private List<TrafficKey> several() {
        int first = random.nextInt(KEYS - SEVERAL);
        return keys.subList(first, first + SEVERAL);
    }

    /** As a cache does after a miss, or, as the first of many would, only if there is none. */
    private void load(TrafficKey key) {
        if (!key.isRemoved()) {
            return;
        }
        boolean fill = random.nextBoolean();
        byte[] value = key.nextValue();
        if (fill) {
            tally.attempt("fill", true, () -> store.fill(key.name(), value, TTL));
        } else {
            tally.attempt("putIfAbsent", false, () -> store.putIfAbsent(key.name(), value, TTL));
        }
    }

    private void increment() {
        boolean acknowledged = tally.attempt("increment", false, () -> {
            try {
                store.increment(counter, 1, TTL);
            } catch (CacheUnavailableException e) {
                if (e.outcomeUnknown()) {
                    tally.incrementUnknown();
                }
                throw e;
            }
        });
        if (acknowledged) {
            tally.incrementAcknowledged();
        }
    }

    /** Reads every key once more, and compares the counter with what was acknowledged; to be called once, after the thread has ended. */
    void compare() {
        keys.forEach(this::readOne);
        byte[] digits = store.get(counter);
        tally.compare(digits == null ? 0 : Long.parseLong(new String(digits, UTF_8)));
    }

    long calls() {
        return tally.calls();
    }

    TrafficReport report() {
        return tally.report();
    }
}
