package dev.holdfast.cache.client;

import com.github.benmanes.caffeine.cache.Caffeine;
import dev.holdfast.cache.NearStats;
import dev.holdfast.cache.spi.Covered;
import dev.holdfast.cache.spi.Guard;
import dev.holdfast.cache.spi.Stamps;
import dev.holdfast.cache.spi.Tracking;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a cache keeps near. An entry is kept with the {@linkplain Stamps stamp} and the {@link Guard} that its key had before it was read, and is good while
 * both are as they were and its own time has not come.
 *
 * <p>Nobody who has seen an entry sees an older one later, whoever reads: a read that was overtaken by another of its key keeps nothing, and takes out what the
 * other has kept. Reads of the same stripe are told apart by a count of those that have ended, which is compared and raised in the map's own step.
 *
 * <p>For any number of threads. A hit costs a look into the map and four volatile reads, and allocates nothing where keys stand for themselves.
 */
final class Near<K, V> implements AutoCloseable {
    private static final int ENDS = 1 << 12;

    /** What surrounds key and value: the map's and Caffeine's nodes, {@link Kept}, the headers of both. */
    private static final int OVERHEAD_BYTES = 240;

    /** What says where a tag stood, and the reference to it. */
    private static final int TAG_BYTES = 48;

    private final Tracking tracking;
    private final Stamps stamps;
    private final NearClock clock;
    private final Function<? super K, ?> keys;
    private final Entries<V> entries;
    private final long untrackedMillis;
    private final boolean copies;
    private final com.github.benmanes.caffeine.cache.Cache<Object, Kept<V>> cache;
    private final ConcurrentMap<Object, Kept<V>> map;
    /** How many reads have ended, by stripe. */
    private final AtomicIntegerArray ends = new AtomicIntegerArray(ENDS);

    private final ThreadCells hits = new ThreadCells();
    private final LongAdder misses = new LongAdder();

    /**
     * Creates one that is empty.
     *
     * @param tracking reads of the store; closed with this
     * @param stamps those that it raises
     * @param keys what stands for a key in this process: itself, if it can't be changed and equals what it maps to the same text as
     * @param entries says what entries are good for
     */
    Near(
            Tracking tracking,
            Stamps stamps,
            NearCache settings,
            NearClock clock,
            Function<? super K, ?> keys,
            Entries<V> entries) {
        this.tracking = tracking;
        this.stamps = stamps;
        this.clock = clock;
        this.keys = keys;
        this.entries = entries;
        this.untrackedMillis = settings.untrackedMillis();
        this.copies = settings.copies();
        this.cache = Caffeine.newBuilder()
                .maximumWeight(settings.maxBytes() - Stamps.BYTES - ThreadCells.BYTES)
                .weigher((Object key, Kept<V> kept) -> kept.bytes)
                .build();
        this.map = cache.asMap();
        clock.start();
    }

    /**
     * An entry and until when it is good.
     *
     * @param <V> the type of the value
     */
    static final class Kept<V> {
        private final @Nullable V value;
        private final byte @Nullable [] entry;
        private final Guard guard;
        private final int stripe;
        private final int stamp;
        private final int bytes;
        private final long until;
        private final long created;
        private final long freshUntil;
        /** Where its tags stood when it was read; {@code null} if it has none. */
        private final TagReader.Known @Nullable [] tags;

        private Kept(
                @Nullable V value, byte[] entry, boolean copied, Guard guard, Near<?, V>.Reading reading, long until) {
            this.value = copied ? null : value;
            this.entry = copied && value != null ? entry : null;
            this.guard = guard;
            this.stripe = reading.stripe;
            this.stamp = reading.stamp;
            this.until = until;
            this.created = Envelope.created(entry);
            this.freshUntil = Envelope.freshUntil(entry);
            Collection<TagReader.Known> its = reading.tags;
            this.tags = its == null ? null : its.toArray(new TagReader.Known[0]);
            this.bytes = OVERHEAD_BYTES
                    + reading.storeKey.length()
                    + entry.length
                    + (tags == null ? 0 : tags.length * TAG_BYTES);
        }

        /** Whether it says that there is no value. */
        boolean isAbsence() {
            return value == null && entry == null;
        }

        /** The value itself; {@code null} if there is none, or a copy is to be made of {@link #entry}. */
        @Nullable
        V value() {
            return value;
        }

        /** What a value of its own is decoded from for each caller; {@code null} if all share one, or there is none. */
        byte @Nullable [] entry() {
            return entry;
        }

        /** Whether so much of its time is over. */
        boolean isDue(double fraction, long now) {
            return freshUntil != Long.MAX_VALUE && now - created >= fraction * (freshUntil - created);
        }
    }

    /** What is near of a key and good now; {@code null} if nothing is. Counts. */
    @Nullable
    Kept<V> find(K key) {
        Kept<V> kept = cache.getIfPresent(keys.apply(Objects.requireNonNull(key, "key")));
        if (kept != null && isGood(kept)) {
            hits.increment();
            return kept;
        }
        misses.increment();
        return null;
    }

    private boolean isGood(Kept<V> kept) {
        return kept.guard.isAlive()
                && stamps.at(kept.stripe) == kept.stamp
                && entries.isBelieved(kept.created, clock)
                && !clock.isPast(kept.until)
                && (kept.tags == null || areGood(kept.tags));
    }

    private boolean areGood(TagReader.Known[] tags) {
        for (TagReader.Known tag : tags) {
            Guard guard = tag.guard();
            if (guard == null || !guard.isAlive() || stamps.at(tag.stripe()) != tag.stamp()) {
                return false;
            }
        }
        return true;
    }

    /** Whether a fraction of an entry's time is over, so that it is to be refreshed: by a read of the store, as without a near cache. */
    boolean isDue(Kept<V> kept, double refreshAhead) {
        return refreshAhead > 0 && kept.isDue(refreshAhead, entries.now());
    }

    /** What was found turned out to be of no use: it was no hit. */
    void missed() {
        hits.add(-1);
        misses.increment();
    }

    /** Begins a read of the store. Whoever begins one {@linkplain Reading#end ends} it when it was answered. */
    Reading begin(K key, String storeKey) {
        return new Reading(keys.apply(key), storeKey);
    }

    /** A read of one key that is under way. For one thread. */
    final class Reading {
        private final Object key;
        private final String storeKey;
        private final int stripe;
        private final int ended;
        private final int stamp;
        private @Nullable Guard guard;
        private @Nullable Collection<TagReader.Known> tags;

        private Reading(Object key, String storeKey) {
            this.key = key;
            this.storeKey = storeKey;
            this.stripe = Stamps.stripe(storeKey);
            // Before the read is sent, or a change in between would not be seen.
            this.ended = ends.get(stripe & (ENDS - 1));
            this.stamp = stamps.at(stripe);
        }

        /** Reads. */
        byte @Nullable [] read() {
            return take(tracking.get(storeKey));
        }

        private byte @Nullable [] take(@Nullable Covered found) {
            guard = found == null ? null : found.guard();
            return found == null ? null : found.value();
        }

        /** What was found has these tags. */
        void under(Collection<TagReader.Known> its) {
            tags = its;
        }

        /**
         * The read was answered.
         *
         * @param entry what the store holds; {@code null} if nothing
         * @param state what that is good for
         * @param value its value, decoded; {@code null} if it has none
         */
        void end(byte @Nullable [] entry, Entries.State state, @Nullable V value) {
            Kept<V> next = entry == null ? null : kept(entry, state, value);
            map.compute(key, (same, old) -> isFirst() ? next : null);
        }

        private @Nullable Kept<V> kept(byte[] entry, Entries.State state, @Nullable V value) {
            Guard by = guard;
            boolean absence = state == Entries.State.ABSENCE;
            if (by == null || !by.isAlive() || !(absence || (state == Entries.State.FRESH && value != null))) {
                return null;
            }
            Collection<TagReader.Known> its = tags;
            boolean tracked = by.isTracked();
            if (its == null && entries.isTagged(entry)) {
                return null; // whether its tags stand was not asked for
            } else if (its != null) {
                for (TagReader.Known tag : its) {
                    Guard byTag = tag.guard();
                    if (byTag == null || !byTag.isAlive()) {
                        return null;
                    }
                    tracked &= byTag.isTracked();
                }
            }
            long until = ownTime(Envelope.freshUntil(entry));
            if (!tracked) {
                if (untrackedMillis == 0) {
                    return null;
                }
                until = Math.min(until, clock.now() + untrackedMillis);
            }
            return new Kept<>(absence ? null : value, entry, copies, by, this, until);
        }

        /** A time by the servers' clock, by this process's. */
        private long ownTime(long time) {
            return time == Long.MAX_VALUE ? time : time - entries.now() + clock.now();
        }

        /** Ends it; returns whether no other of its stripe has ended since it began. */
        private boolean isFirst() {
            int index = stripe & (ENDS - 1);
            if (ends.compareAndSet(index, ended, ended + 1)) {
                return true;
            }
            ends.getAndIncrement(index);
            return false;
        }
    }

    /** Begins a read of several keys. */
    Readings beginAll(Map<K, String> storeKeys) {
        Map<String, Reading> each = new HashMap<>();
        storeKeys.forEach((key, storeKey) -> each.put(storeKey, begin(key, storeKey)));
        return new Readings(each);
    }

    /** A read of several keys that is under way. For one thread. */
    final class Readings {
        private final Map<String, Reading> each;

        private Readings(Map<String, Reading> each) {
            this.each = each;
        }

        /** Reads. */
        Map<String, byte[]> read(Collection<String> storeKeys) {
            Map<String, byte[]> values = new LinkedHashMap<>();
            tracking.getAll(storeKeys).forEach((storeKey, found) -> {
                Reading reading = each.get(storeKey);
                byte[] value = reading == null ? found.value() : reading.take(found);
                if (value != null) {
                    values.put(storeKey, value);
                }
            });
            return values;
        }

        /** That of one of its keys. */
        Reading of(String storeKey) {
            return Objects.requireNonNull(each.get(storeKey), "not one of its keys");
        }
    }

    /** What it has done since it was created. */
    NearStats stats() {
        Tracking.State state = tracking.state();
        return new NearStats(
                hits.sum(),
                misses.sum(),
                stamps.changes(),
                stamps.flushes(),
                cache.estimatedSize(),
                state.kind() == Tracking.Kind.TRACKED ? state.since() : null);
    }

    Tracking tracking() {
        return tracking;
    }

    Tracking.State state() {
        return tracking.state();
    }

    /** Takes out what can't be good any more; only to free its memory. */
    void forgetAll() {
        cache.invalidateAll();
    }

    @Override
    public void close() {
        try {
            tracking.close();
        } finally {
            cache.invalidateAll();
        }
    }
}
