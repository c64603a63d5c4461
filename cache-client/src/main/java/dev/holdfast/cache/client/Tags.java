package dev.holdfast.cache.client;

import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** The tags of a cache: where they stand in the store, and their removal. */
final class Tags implements TagReader {
    /**
     * Another's change may come between reading where a tag stands and giving it more time, and what is read may come from a replica that is behind. More often than so,
     * the entry is left without.
     */
    private static final int ATTEMPTS = 8;

    /** For at least so long it is known when a tag was removed: a load that took longer stores nothing under tags that it chose itself. */
    private static final Duration REMEMBERED = Duration.ofHours(1);

    /** How much longer a tag is kept than the entries that ask for it, so that not each of them has to ask. */
    private static final int SPARE = 2;

    /** Longer than so no tag is asked to last: it is given more time long before. */
    private static final Duration LONGEST = CacheStore.MAX_TTL.dividedBy(SPARE);

    /** What rounding to milliseconds may hide of the time since a removal. */
    private static final long ROUNDING_MILLIS = 2;

    private final CacheStore store;
    private final CacheStore changed;
    private final UnaryOperator<String> keys;
    private final LongSupplier clock;
    private final TagReader reader;

    /**
     * Creates those of a cache.
     *
     * @param store what is read
     * @param changed the same store, where changes are made: near copies hear of them
     * @param keys makes the store key of a tag
     * @param clock the time in epoch milliseconds
     * @param reader what keeps near where tags stand; {@code null}: the store is read
     */
    Tags(
            CacheStore store,
            CacheStore changed,
            UnaryOperator<String> keys,
            LongSupplier clock,
            @Nullable TagReader reader) {
        this.store = store;
        this.changed = changed;
        this.keys = keys;
        this.clock = clock;
        this.reader = reader == null ? this::readStore : reader;
    }

    @Override
    public Map<String, Known> read(Collection<String> tags) {
        return reader.read(tags);
    }

    @Override
    public Map<String, Known> readAnew(Collection<String> tags) {
        return reader.readAnew(tags);
    }

    private Map<String, Known> readStore(Collection<String> tags) {
        Map<String, byte[]> found = store.getAll(storeKeys(tags));
        Map<String, Known> known = new LinkedHashMap<>();
        tags.forEach(tag -> known.put(tag, Known.of(Generation.of(found.get(keys.apply(tag))))));
        return known;
    }

    private List<String> storeKeys(Collection<String> tags) {
        List<String> storeKeys = new ArrayList<>(tags.size());
        tags.forEach(tag -> storeKeys.add(keys.apply(tag)));
        return storeKeys;
    }

    /**
     * Says where tags stand, for entries that are made from now on, and has the store keep it for as long as those live. To be asked before what is to be stored is
     * looked up at its source.
     *
     * @param life of an entry
     * @return the number of each; one that no entry is good under where the store did not keep it
     */
    Map<String, Long> toStore(Set<String> tags, Duration life) {
        return tags.isEmpty() ? Map.of() : kept(tags, life, null);
    }

    /**
     * The same for an entry that was made by work that began before its tags were known.
     *
     * @param nanos says for how long that has been under way by now
     * @return {@code null} if one of them was removed since, or may have been
     */
    @Nullable
    Map<String, Long> toStoreSince(Set<String> tags, Duration life, LongSupplier nanos) {
        if (isTooLong(nanos.getAsLong())) {
            return null;
        }
        Map<String, Long> numbers = kept(tags, life, nanos);
        return numbers.size() == tags.size() ? numbers : null;
    }

    /** Leaves out those that were removed while work was under way that began so many nanoseconds ago, or may have been; {@code null}: none. */
    private Map<String, Long> kept(Set<String> tags, Duration life, @Nullable LongSupplier nanos) {
        Map<String, Long> numbers = new LinkedHashMap<>();
        List<String> open = new ArrayList<>(tags);
        Duration most = most(life);
        for (int attempt = 0; attempt < ATTEMPTS && !open.isEmpty(); attempt++) {
            if (attempt > 1) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1L << (attempt - 2)));
            }
            Map<String, byte[]> found = store.getAll(storeKeys(open));
            open.removeIf(tag -> {
                String key = keys.apply(tag);
                byte[] seen = found.get(key);
                Generation present = Generation.of(seen);
                if (present == null) {
                    Generation begun = Generation.begun(false, spare(most), clock.getAsLong());
                    return stored(key, seen, begun, spare(most)) && put(numbers, tag, begun);
                }
                boolean asksAge = present.removed() && nanos != null;
                boolean lasts = present.until() - clock.getAsLong() >= most.toMillis();
                if (lasts && !asksAge) {
                    return put(numbers, tag, present);
                }
                long age = age(key, present);
                if (nanos != null && asksAge && isWithin(age, nanos)) {
                    return true; // left out
                }
                if (lasts) {
                    return put(numbers, tag, present);
                }
                boolean matters = present.removed() && age <= REMEMBERED.toMillis();
                Generation next = present.prolonged(matters, matters ? age : 0, spare(most), clock.getAsLong());
                return stored(key, seen, next, spare(most)) && put(numbers, tag, next);
            });
        }
        open.forEach(tag -> put(numbers, tag, Generation.begun(false, most, 0)));
        return numbers;
    }

    /** Whether a removal of that age came after the work began, whose time is asked for later than the age. */
    private static boolean isWithin(long ageMillis, LongSupplier nanos) {
        long under = nanos.getAsLong();
        return ageMillis <= TimeUnit.NANOSECONDS.toMillis(under) + ROUNDING_MILLIS || isTooLong(under);
    }

    /** Whether a removal since work began may be forgotten by now. */
    private static boolean isTooLong(long nanos) {
        return TimeUnit.NANOSECONDS.toMillis(nanos) + ROUNDING_MILLIS >= REMEMBERED.toMillis();
    }

    private static boolean put(Map<String, Long> numbers, String tag, Generation generation) {
        numbers.put(tag, generation.number());
        return true;
    }

    /** Not as a change: it is no removal, and a server that is out need not hear of it. */
    private boolean stored(String key, byte @Nullable [] seen, Generation next, Duration life) {
        try {
            return changed.fill(key, seen, next.bytes(), life);
        } catch (CacheRejectedException e) {
            if (seen == null) {
                throw e;
            }
            // A user who may not run scripts can't compare; whatever stands there lasts longer then.
            return Generation.of(seen) != null && changed.expire(key, life);
        }
    }

    /** How long ago a tag began to stand where it does, in milliseconds, by the store's clock; 0 if that can't be told. */
    private long age(String key, Generation present) {
        Duration left = store.ttl(key);
        return left == null || left.equals(CacheStore.FOREVER) ? 0 : Math.max(0, present.life() - left.toMillis());
    }

    private static Duration most(Duration life) {
        Duration bounded = life.compareTo(LONGEST) < 0 ? life : LONGEST;
        return bounded.compareTo(REMEMBERED) < 0 ? REMEMBERED : bounded;
    }

    private static Duration spare(Duration most) {
        return most.multipliedBy(SPARE);
    }

    /** Removes all that has a tag. */
    void remove(String tag, CachePolicy policy) {
        Duration life = spare(most(lifeOf(policy)));
        changed.put(
                keys.apply(tag), Generation.begun(true, life, clock.getAsLong()).bytes(), life);
    }

    /** Makes all stale that has a tag; removes it where that can't be compared with what others make of it, or nothing is known of it. */
    void markStale(String tag, CachePolicy policy) {
        String key = keys.apply(tag);
        Duration life = spare(most(lifeOf(policy)));
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            if (attempt > 0) {
                // As many clients as mark a tag at once, for one reason, must not come at the same time again.
                LockSupport.parkNanos(
                        ThreadLocalRandom.current().nextLong(TimeUnit.MILLISECONDS.toNanos(1L << attempt)));
            }
            byte[] seen = store.get(key);
            Generation present = Generation.of(seen);
            if (seen == null || present == null || !present.isCountable()) {
                break; // every entry with this tag is absent, or is to be
            }
            Generation next = present.marked(life, clock.getAsLong());
            try {
                if (changed.replace(key, seen, next.bytes(), Duration.ofMillis(next.life()))) {
                    return;
                }
            } catch (CacheRejectedException e) {
                break; // a user who may not run scripts
            }
        }
        remove(tag, policy);
    }

    /** How long an entry may live in the store. */
    static Duration lifeOf(CachePolicy policy) {
        if (policy.ttl().equals(CacheStore.FOREVER)) {
            return CacheStore.FOREVER;
        }
        Duration life = policy.ttl().plus(policy.staleIfError());
        return life.compareTo(policy.rememberAbsence()) < 0 ? policy.rememberAbsence() : life;
    }
}
