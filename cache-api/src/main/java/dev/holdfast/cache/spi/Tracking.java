package dev.holdfast.cache.spi;

import java.time.Instant;
import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads of a {@link CacheStore} that tell whether a copy of what they found may be kept, and a promise to raise {@link Stamps} whenever something under
 * one prefix changes, whoever changes it: what a near cache stands on. From {@link CacheStore#track}.
 *
 * <p>What holds of a read whose {@link Covered#guard} is tracked: a change of its key that the store executes after the read raises the key's stamp, or ends
 * the guard, within {@link #BOUND} while this process runs, and within the time that a message takes if nothing is wrong. Nothing is promised of reads without
 * guard, or under {@link Guard#UNTRACKED}.
 *
 * <p>For any number of threads. After {@link #close} nothing is told any more and no read is covered.
 */
public interface Tracking extends AutoCloseable {
    /** The longest time, in milliseconds, in which a change elsewhere is not known, whatever happens to a server or a connection. */
    long BOUND = 1_500;

    /**
     * Reads a key, as {@link CacheStore#getShared} does.
     *
     * @param key the key; begins with the prefix
     * @return what was found
     */
    Covered get(String key);

    /**
     * Reads several keys, as {@link CacheStore#getAll} does.
     *
     * @param keys the keys; each begins with the prefix
     * @return what was found of those that are present
     */
    Map<String, Covered> getAll(Collection<String> keys);

    /**
     * Says whether changes can be told of at all.
     *
     * @return {@code false} if the store has no means for it; {@code true} if it has, also while they fail
     */
    boolean isPossible();

    /**
     * Says whether changes are told of now. Does no I/O.
     *
     * @return a snapshot
     */
    State state();

    /** Ends it. Idempotent; does not wait. */
    @Override
    void close();

    /**
     * Whether changes are told of.
     *
     * @param kind whether they are
     * @param since since when it is so
     * @param why why they are not; {@code null} if they are, or nobody knows yet
     */
    record State(Kind kind, Instant since, @Nullable String why) {}

    /** Whether changes are told of. */
    enum Kind {
        /** They are. */
        TRACKED,
        /** They are not at the moment: nothing may be kept. */
        INTERRUPTED,
        /** They are not, and that is not expected to change by itself: what is kept is right only for as long as its user bears that it may not be. */
        UNTRACKED
    }

    /**
     * Makes one of a store that has no means to tell of changes.
     *
     * @param store what is read; not closed by it
     * @param why why there is none, as the end of a sentence
     * @return one whose reads are all under {@link Guard#UNTRACKED}
     */
    static Tracking none(CacheStore store, String why) {
        return new NoTracking(store, why);
    }
}
