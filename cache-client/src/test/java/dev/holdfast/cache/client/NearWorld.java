package dev.holdfast.cache.client;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.FlushReason;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One history: a server, this process's near cache of it, and a process elsewhere that changes the same keys. Every value is the number of the change that made
 * it, so that what is read says how old it is. All that may happen while something else is under way happens there, by chance.
 */
final class NearWorld {
    /** A rule that is broken on purpose. */
    enum Bug {
        /** The stamp is taken when the reply to the read is there. */
        STAMP_AFTER_READ,
        /** The guard is taken when the reply to the read is there. */
        GUARD_AFTER_READ,
        /** A connection is lost, and what was read under it is kept. */
        GUARD_NOT_ENDED,
        /** What is told before the reply to a read is there raises nothing. */
        TOLD_TOO_SOON,
        /** An own change raises the stamp only before it is sent. */
        NOT_RAISED_AFTER,
        /** A read that keeps nothing does not say that it has ended. */
        NOT_ENDED,
        /** Another reader's read of the store, past the near cache, outdates nothing. */
        READ_PAST
    }

    private static final List<String> KEYS = List.of("a", "b", "c");
    private static final int STEPS = 60;
    private static final int MOST_NESTED = 3;
    private static final Duration TTL = Duration.ofSeconds(10);

    private final Random random;
    private final @Nullable Bug bug;
    private final String name;
    private final FakeTime time = new FakeTime();
    private final Entries<String> entries = new Entries<>("c:", Codec.string(), time);
    private final Stamps stamps = new Stamps();
    private final NearClock clock =
            new NearClock(time, task -> new Thread(() -> {}, "not needed: the clock is no system's"));
    private final Near<String, String> near =
            new Near<>(new ServerTracking(), stamps, NearCache.ofBytes(4 << 20), clock, Function.identity(), entries);
    private final CacheStore own = new NearStore(server(), stamps);

    // The server.
    private long version;
    private final Map<String, Long> versions = new HashMap<>();
    private final Map<String, byte[]> values = new HashMap<>();

    // The way from there.
    private @Nullable Guard guard = new Guard();
    private final List<Push> pushes = new ArrayList<>();

    // What must hold.
    private final Map<String, Long> floor = new HashMap<>();
    private final Map<String, Long> seen = new HashMap<>();
    private int nested;
    private int readsUnderWay;
    private long hits;

    private record Push(String key, long version) {}

    private NearWorld(long seed, @Nullable Bug bug) {
        this.random = new Random(seed);
        this.bug = bug;
        this.name = "history of seed " + seed;
    }

    /** Plays one; returns how many reads were answered near. */
    static long check(long seed, @Nullable Bug bug) {
        NearWorld world = new NearWorld(seed, bug);
        try {
            for (int i = 0; i < STEPS; i++) {
                world.step();
            }
        } finally {
            world.near.close();
        }
        return world.hits;
    }

    private String anyKey() {
        return KEYS.get(random.nextInt(KEYS.size()));
    }

    private void step() {
        String key = anyKey();
        switch (random.nextInt(12)) {
            case 0, 1, 2, 3, 4 -> read(key);
            case 5 -> changeElsewhere(key);
            case 6, 7 -> deliver();
            case 8 -> changeHere(key);
            case 9 -> readPast(key);
            case 10 -> connection();
            default -> time.advance(Duration.ofMillis(random.nextInt(3_000)));
        }
    }

    /** Whatever may happen meanwhile. */
    private void meanwhile() {
        if (nested < MOST_NESTED) {
            nested++;
            for (int i = random.nextInt(3); i > 0; i--) {
                step();
            }
            nested--;
        }
    }

    // The server, and whoever else changes something there.

    private void changeElsewhere(String key) {
        apply(key, random.nextInt(4) > 0);
    }

    private void apply(String key, boolean present) {
        version++;
        versions.put(key, version);
        if (present) {
            values.put(
                    key,
                    entries.encode("c:" + key, Long.toString(version), CachePolicy.of(TTL), Map.of())
                            .entry());
        } else {
            values.remove(key);
        }
        if (guard != null) {
            pushes.add(new Push(key, version));
        }
    }

    private long versionOf(String key) {
        return versions.getOrDefault(key, 0L);
    }

    // The tracking connection.

    private void deliver() {
        if (!pushes.isEmpty()) {
            Push push = pushes.remove(random.nextInt(pushes.size()));
            if (bug != Bug.TOLD_TOO_SOON || readsUnderWay == 0) {
                stamps.changed("c:" + push.key());
            }
            floor.merge(push.key(), push.version(), Math::max);
        }
    }

    private void connection() {
        if (guard == null) {
            guard = new Guard();
            return;
        }
        if (random.nextInt(3) > 0) {
            return; // they are not lost that often
        }
        if (bug != Bug.GUARD_NOT_ENDED) {
            guard.end();
        }
        guard = null;
        pushes.clear();
        KEYS.forEach(key -> floor.merge(key, versionOf(key), Math::max));
    }

    // This process.

    private void read(String key) {
        Near.Kept<String> kept = near.find(key);
        if (kept != null) {
            hits++;
            returned(key, Long.parseLong(String.valueOf(kept.value())), true);
            return;
        }
        readsUnderWay++;
        Covered early = bug == Bug.STAMP_AFTER_READ ? execute("c:" + key) : null;
        long earlyVersion = executedVersion;
        if (early != null) {
            meanwhile();
        }
        Near<String, String>.Reading reading = near.begin(key, "c:" + key);
        meanwhile();
        ready = early;
        byte[] entry = reading.read();
        long executed = early == null ? executedVersion : earlyVersion;
        meanwhile();
        readsUnderWay--;
        Entries.State state = entry == null ? Entries.State.EXPIRED : entries.state("c:" + key, entry, time.millis());
        String value = entry != null && state == Entries.State.FRESH ? entries.decode(entry) : null;
        if (bug != Bug.NOT_ENDED || random.nextBoolean()) {
            reading.end(entry, state, value);
        }
        returned(key, executed, false);
    }

    /** Of a read that was executed before; {@code null}: it is yet to be. */
    private @Nullable Covered ready;

    private long executedVersion;

    private Covered execute(String storeKey) {
        Guard before = guard;
        meanwhile();
        String key = storeKey.substring(2);
        byte[] value = values.get(key);
        long executed = versionOf(key);
        meanwhile();
        executedVersion = executed;
        return new Covered(value, bug == Bug.GUARD_AFTER_READ ? guard : before);
    }

    private void readPast(String key) {
        readsUnderWay++;
        byte[] value = bug == Bug.READ_PAST ? server().get("c:" + key) : own.get("c:" + key);
        long executed = executedVersion;
        readsUnderWay--;
        if (value != null || random.nextBoolean()) {
            returned(key, executed, false);
        }
    }

    private void changeHere(String key) {
        boolean present = random.nextBoolean();
        if (bug == Bug.NOT_RAISED_AFTER) {
            stamps.raise("c:" + key);
            change(key, present);
        } else if (present) {
            own.put("c:" + key, new byte[0], TTL);
        } else {
            boolean unused = own.remove("c:" + key);
        }
        floor.merge(key, changedTo, Math::max);
    }

    private long changedTo;

    private void change(String key, boolean present) {
        meanwhile();
        apply(key, present);
        long to = version;
        meanwhile();
        changedTo = to;
    }

    private void returned(String key, long found, boolean hit) {
        long least = hit ? floor.getOrDefault(key, 0L) : 0;
        if (found < least) {
            throw new AssertionError(name + ": " + key + " was read near as of change " + found + ", though change "
                    + least + " was told, made here, or lost with its connection");
        }
        if (hit) {
            long before = seen.getOrDefault(key, 0L);
            if (found < before) {
                throw new AssertionError(name + ": " + key + " was read near as of change " + found
                        + ", though somebody had read change " + before);
            }
            byte[] value = values.get(key);
            if (value != null && versionOf(key) == found && time.millis() >= Envelope.freshUntil(value)) {
                throw new AssertionError(name + ": " + key + " was read near after its time");
            }
        }
        seen.merge(key, found, Math::max);
    }

    /** The server's own interface, as far as it is used. */
    private CacheStore server() {
        return (CacheStore) Proxy.newProxyInstance(
                NearWorld.class.getClassLoader(), new Class<?>[] {CacheStore.class}, (proxy, method, arguments) -> {
                    String key = arguments[0].toString().substring(2);
                    switch (method.getName()) {
                        case "get" -> {
                            return execute(arguments[0].toString()).value();
                        }
                        case "put" -> {
                            change(key, true);
                            return null;
                        }
                        case "remove" -> {
                            change(key, false);
                            return true;
                        }
                        default -> throw new UnsupportedOperationException(method.getName());
                    }
                });
    }

    private final class ServerTracking implements Tracking {
        @Override
        public Covered get(String storeKey) {
            Covered early = ready;
            ready = null;
            return early != null ? early : execute(storeKey);
        }

        @Override
        public Map<String, Covered> getAll(Collection<String> storeKeys) {
            Map<String, Covered> found = new LinkedHashMap<>();
            storeKeys.forEach(each -> found.put(each, get(each)));
            return found;
        }

        @Override
        public boolean isPossible() {
            return true;
        }

        @Override
        public State state() {
            return new State(guard == null ? Kind.INTERRUPTED : Kind.TRACKED, Instant.EPOCH, null);
        }

        @Override
        public void close() {
            stamps.flush(FlushReason.CLEARED);
        }
    }
}
