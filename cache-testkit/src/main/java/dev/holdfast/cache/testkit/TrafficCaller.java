package dev.holdfast.cache.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One thread of a {@link Traffic}. Values are numbered; each key has a floor, below which no value may be read any more: it is
 * raised when a put or a removal was acknowledged, and taken before a read is sent.
 */
final class TrafficCaller implements Runnable {
    private static final String PREFIX_REMOVAL = "removeByPrefix";
    private static final int KEYS = 16;
    private static final int SEVERAL = 3;
    private static final int DETAILS = 5;
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
    private static final Duration TTL = Duration.ofHours(1);
    private static final String PADDING = ";" + "x".repeat(100);

    /** One key. Only its owner writes it. */
    private static final class Slot {
        final String key;
        volatile long floor = 1;
        long version;
        boolean removed;

        Slot(String key) {
            this.key = key;
        }

        byte[] nextValue() {
            removed = false;
            return (key + '=' + ++version + PADDING).getBytes(UTF_8);
        }

        void removed() {
            floor = version + 1;
            removed = true;
        }
    }

    private final CacheStore store;
    private final String prefix;
    private final List<Slot> slots = new ArrayList<>();
    private final List<TrafficCaller> everybody;
    private final SplittableRandom random;
    private final BooleanSupplier stopped;
    private final Queue<String> details = new ConcurrentLinkedQueue<>();
    private final LongAdder calls = new LongAdder();
    private final LongAdder errors = new LongAdder();
    private final LongAdder unknown = new LongAdder();
    private final LongAdder unknownIncrements = new LongAdder();
    private final LongAdder acknowledged = new LongAdder();
    private volatile long longestNanos;
    private volatile String longestCall = "none";
    private final LongAdder over50ms = new LongAdder();
    private final LongAdder cameBack = new LongAdder();
    private final LongAdder wrong = new LongAdder();

    TrafficCaller(CacheStore store, int number, List<TrafficCaller> everybody, long seed, BooleanSupplier stopped) {
        this.store = store;
        this.prefix = "traffic:" + number + ':';
        this.everybody = everybody;
        this.random = new SplittableRandom(seed);
        this.stopped = stopped;
        for (int i = 0; i < KEYS; i++) {
            slots.add(new Slot(prefix + i));
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
        Slot mine = slots.get(random.nextInt(KEYS));
        if (dice < 450) {
            read("get", List.of(anybodys()));
        } else if (dice < 500) {
            List<Slot> several = new ArrayList<>();
            for (int i = 0; i < SEVERAL; i++) {
                several.add(anybodys());
            }
            read("getAll", several);
        } else if (dice < 650) {
            put(mine);
        } else if (dice < 690) {
            putAll();
        } else if (dice < 790) {
            remove(mine);
        } else if (dice < 830) {
            removeAll();
        } else if (dice < 835) {
            if (attempt(PREFIX_REMOVAL, true, () -> store.removeByPrefix(prefix + "1"))) {
                slots.stream().filter(slot -> slot.key.startsWith(prefix + "1")).forEach(Slot::removed);
            }
        } else if (dice < 900) {
            load(mine);
        } else {
            increment();
        }
    }

    private Slot anybodys() {
        List<Slot> theirs = everybody.get(random.nextInt(everybody.size())).slots;
        return theirs.get(random.nextInt(KEYS));
    }

    private void read(String name, List<Slot> asked) {
        Map<Slot, Long> floors = new LinkedHashMap<>();
        asked.forEach(slot -> floors.put(slot, slot.floor));
        if (asked.size() == 1) {
            attempt(name, true, () -> check(asked.get(0), floors, store.get(asked.get(0).key)));
        } else {
            attempt(name, true, () -> {
                Map<String, byte[]> found =
                        store.getAll(asked.stream().map(slot -> slot.key).toList());
                asked.forEach(slot -> check(slot, floors, found.get(slot.key)));
            });
        }
    }

    private void put(Slot slot) {
        byte[] value = slot.nextValue();
        long version = slot.version;
        if (attempt("put", true, () -> store.put(slot.key, value, TTL))) {
            slot.floor = version;
        }
    }

    private void putAll() {
        List<Slot> several = several();
        Map<String, byte[]> entries = new LinkedHashMap<>();
        several.forEach(slot -> entries.put(slot.key, slot.nextValue()));
        if (attempt("putAll", true, () -> store.putAll(entries, TTL))) {
            several.forEach(slot -> slot.floor = slot.version);
        }
    }

    private void remove(Slot slot) {
        if (attempt("remove", true, () -> store.remove(slot.key))) {
            slot.removed();
        }
    }

    private void removeAll() {
        List<Slot> several = several();
        if (attempt(
                "removeAll",
                true,
                () -> store.removeAll(several.stream().map(slot -> slot.key).toList()))) {
            several.forEach(Slot::removed);
        }
    }

    /** Neighbours, so that they are different ones. */
    private List<Slot> several() {
        int first = random.nextInt(KEYS - SEVERAL);
        return slots.subList(first, first + SEVERAL);
    }

    /** As a cache does after a miss, or, as the first of many would, only if there is none. */
    private void load(Slot slot) {
        if (!slot.removed) {
            return;
        }
        boolean fill = random.nextBoolean();
        byte[] value = slot.nextValue();
        if (fill) {
            attempt("fill", true, () -> store.fill(slot.key, value, TTL));
        } else {
            attempt("putIfAbsent", false, () -> store.putIfAbsent(slot.key, value, TTL));
        }
    }

    private void increment() {
        boolean[] mayCount = {false};
        boolean done = attempt("increment", false, () -> {
            try {
                store.increment(counter(), 1, TTL);
            } catch (CacheUnavailableException e) {
                mayCount[0] = e.outcomeUnknown();
                throw e;
            }
        });
        if (done) {
            acknowledged.increment();
        } else if (mayCount[0]) {
            unknownIncrements.increment();
        }
    }

    private boolean attempt(String name, boolean harmless, Runnable call) {
        long start = System.nanoTime();
        try {
            call.run();
            return true;
        } catch (CacheException | IllegalStateException e) {
            if (harmless) {
                errors.increment();
                note(name + " threw " + causes(e));
            } else {
                unknown.increment();
                note(name + " threw, as it may: " + e);
            }
            return false;
        } finally {
            took(name, System.nanoTime() - start);
            calls.increment();
        }
    }

    private void took(String name, long nanos) {
        boolean bounded = !name.equals(PREFIX_REMOVAL); // by a call's own limit
        if (bounded && nanos > longestNanos) {
            longestNanos = nanos;
            longestCall = name;
        }
        if (nanos > TimeUnit.MILLISECONDS.toNanos(50)) {
            over50ms.increment();
        }
    }

    private static String causes(Throwable e) {
        StringBuilder text = new StringBuilder(e.toString());
        for (Throwable suppressed : e.getSuppressed()) {
            text.append("\n    besides ").append(suppressed);
        }
        return text.toString();
    }

    private void check(Slot slot, Map<Slot, Long> floors, byte @Nullable [] value) {
        if (value == null) {
            return;
        }
        String text = text(value);
        int equals = text.indexOf('=');
        int end = text.indexOf(';');
        if (equals < 0 || end < equals || !text.substring(0, equals).equals(slot.key)) {
            wrong.increment();
            note(slot.key + " had the value " + text);
            return;
        }
        long version = Long.parseLong(text.substring(equals + 1, end));
        long floor = floors.getOrDefault(slot, 0L);
        if (version < floor) {
            cameBack.increment();
            note(slot.key + " had version " + version + " when nothing below " + floor + " could be read any more");
        }
    }

    private void note(String detail) {
        if (details.size() < DETAILS) {
            details.add(detail);
        }
    }

    /** Reads every key of this caller's once more, after it has ended. */
    void readAll() {
        slots.forEach(slot -> read("get", List.of(slot)));
    }

    static String text(byte[] value) {
        return new String(value, UTF_8);
    }

    String counter() {
        return prefix + "counter";
    }

    long calls() {
        return calls.sum();
    }

    long errors() {
        return errors.sum();
    }

    long unknown() {
        return unknown.sum();
    }

    long unknownIncrements() {
        return unknownIncrements.sum();
    }

    long acknowledged() {
        return acknowledged.sum();
    }

    long longestNanos() {
        return longestNanos;
    }

    String longestCall() {
        return longestCall;
    }

    long over50ms() {
        return over50ms.sum();
    }

    long cameBack() {
        return cameBack.sum();
    }

    long wrong() {
        return wrong.sum();
    }

    List<String> details() {
        return List.copyOf(details);
    }
}
