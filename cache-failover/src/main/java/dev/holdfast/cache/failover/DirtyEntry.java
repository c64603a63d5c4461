package dev.holdfast.cache.failover;

import org.jspecify.annotations.Nullable;

/** One dirty key: it is to be removed first, if it is; then what is counted is to be added. Pure; guarded by its owner. */
final class DirtyEntry {
    private boolean removed;
    private boolean counts;
    private long delta;
    private long expiresAt;
    private @Nullable Increment pending;
    /** Until when a command may still arrive there that was sent before; 0 if none may. */
    private long unsettledUntil;
    /** Whether it was removed once meanwhile, for other clients' sake. */
    private boolean early;
    /** Of the last removal. */
    private int version;

    /** An increment on its way: repeated as it is until its outcome is known, so that its marker holds. */
    record Increment(String key, long delta, long expiresAt, String onceId) {}

    /** Whether nothing can arrive any more. */
    static boolean isSettled(long unsettledUntil, long now) {
        return unsettledUntil == 0 || now - unsettledUntil >= 0;
    }

    boolean isSettled(long now) {
        return isSettled(unsettledUntil, now);
    }

    long unsettledUntil() {
        return unsettledUntil;
    }

    int version() {
        return version;
    }

    boolean counts() {
        return counts;
    }

    /** It is to be removed, with what was counted. */
    void remove(int number, long until) {
        counts = false;
        delta = 0;
        pending = null;
        unsettled(until);
        removeFirst(number);
    }

    /** It is to be removed; what was counted is to be added then. */
    void removeFirst(int number) {
        if (pending != null) {
            delta += pending.delta();
            pending = null;
        }
        removed = true;
        early = false;
        version = number;
    }

    /** Whether a value was put elsewhere: such values are not carried up, so neither is what was added to them. */
    boolean isOfValue() {
        return removed && !counts;
    }

    /** Counts what was added elsewhere. */
    void add(long more, long expires, long now) {
        if (!counts) {
            counts = true;
            expiresAt = expires;
        } else if (now - expiresAt >= 0) {
            // The counter below expired and began anew; what it held before is gone there and must not come back here.
            delta = 0;
            pending = null;
            expiresAt = expires;
        }
        delta += more;
    }

    void settle() {
        unsettledUntil = 0;
    }

    void unsettled(long until) {
        unsettledUntil = Math.max(unsettledUntil, until);
    }

    /** Whether it is to be removed now: if nothing can arrive for it any more, or once before that. */
    boolean isRemovalDue(long now) {
        return removed && (isSettled(now) || !early);
    }

    /** Whether it is to be added to now. */
    boolean isIncrementDue(long now) {
        return counts && !removed && isSettled(now);
    }

    boolean isExpired(long now) {
        return now - expiresAt >= 0;
    }

    /** What is to be added: what is on its way, if something is. */
    Increment increment(String key, String idPrefix, DirtyPrefixes versions) {
        if (pending == null) {
            pending = new Increment(key, delta, expiresAt, idPrefix + versions.nextVersion());
            delta = 0;
        }
        return pending;
    }

    /** It was removed there, as planned. Returns whether there is nothing left to do. */
    boolean removed(int planned, long now) {
        if (version != planned) {
            return false;
        }
        if (!isSettled(now)) {
            early = true;
            return false;
        }
        removed = false;
        unsettledUntil = 0;
        return !counts;
    }

    /** An increment was entered there. Returns whether there is nothing left to do. */
    boolean incremented(Increment done) {
        if (!done.equals(pending)) {
            return false;
        }
        pending = null;
        return delta == 0;
    }
}
