package dev.holdfast.cache.internal;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * How far one server's keys have been gone over by {@code SCAN}, for implementations of stores that remove by prefix. A cursor means
 * something to the process alone that gave it: when another answers, one that was started anew or stands in its place, the round
 * begins again at the first key.
 *
 * <p>Made by {@link PrefixScans#begin}. A removal goes on until it {@link #isComplete}: whatever was there when it began is gone. Where the
 * one before it stopped it goes on, so that each key's turn comes even if no removal has the time for all; then it {@link #isCovered}, which says
 * nothing of keys that were written between the two. Nothing is assumed of the order of cursors.
 *
 * <p>Of one thread at a time.
 */
public final class PrefixScan {
    /** What {@code SCAN} is given for the first page, and answers with the last. */
    public static final String START = "0";

    /** Of names that alternate more often within one removal there are several behind one address: then only times tell. */
    private static final int MOST_CHANGES = 4;

    private String cursor = START;
    private boolean covered;
    private boolean complete;

    /** When the first page of the present round was asked for. */
    private long roundSince;

    /** The same of the last round that ended; meaningful if {@link #covered}. */
    private long coveredSince;

    /** Whether the present round began at the first key since {@link #resume}. */
    private boolean whole = true;

    /** Whether the process has answered since {@link #resume}. */
    private boolean heard;

    /** Whether {@link #knownSince} holds. */
    private boolean known;

    /** The latest moment at which the process that gave the cursor is known to have run. */
    private long knownSince;

    /** The process that gave the cursor; {@code null} if its name is not known. */
    private @Nullable String name;

    /** How often another name answered since {@link #resume}. */
    private int changes;

    private long heardAt;

    PrefixScan() {}

    /**
     * Leaves the server to others for nine times as long as was just used of it, up to a tenth of a second. Returns at once if this thread is interrupted.
     *
     * @param since when that began, by {@link System#nanoTime()}
     */
    public static void rest(long since) {
        long used = System.nanoTime() - since;
        LockSupport.parkNanos(Math.min(9 * used, TimeUnit.MILLISECONDS.toNanos(100)));
    }

    /**
     * Goes on with it on behalf of another removal.
     *
     * @param same whether of the same mark, for which a round counts that others began: then that goes on, and else the other begins with one of its own
     */
    void resume(boolean same) {
        complete = false;
        heard = false;
        changes = 0;
        cursor = covered && !same ? START : cursor;
        whole = cursor.equals(START);
    }

    /** When anything was last heard of its server, by {@link System#nanoTime()}; 0 if nothing was. */
    long heardAt() {
        return heardAt;
    }

    /**
     * Returns what {@code SCAN} is to be given for the next page.
     *
     * @return a decimal number
     */
    public String cursor() {
        return cursor;
    }

    /**
     * Says whether each key is gone that was there when the first of the removals began that went on with each other. Never before
     * the server has answered this one. Keys may be left that were there when this one began.
     *
     * @return whether all has been gone over
     */
    public boolean isCovered() {
        return covered && heard;
    }

    /**
     * Says whether each key is gone that was there at a moment, and not written again: whether a round that began later has ended, in
     * however many removals. Never before the server has answered this one.
     *
     * @param moment by {@link System#nanoTime()}
     * @return whether all has been gone over since then
     */
    public boolean isCoveredSince(long moment) {
        return isCovered() && coveredSince - moment >= 0;
    }

    /**
     * Says whether each key is gone that was there when this removal began.
     *
     * @return whether there is nothing more to do
     */
    public boolean isComplete() {
        return complete;
    }

    /** Has everything gone over once more, since keys may have come meanwhile from elsewhere. */
    public void again() {
        cursor = START;
        covered = false;
        complete = false;
        whole = true;
    }

    /**
     * Notes that the server answered a question that was none for a page. If it is another process, nothing counts that was done before.
     *
     * @param asked when it was asked, by {@link System#nanoTime()}
     * @param since a moment at which the process that answered is known to have run, such as when the connection was
     *     opened on which it did
     */
    public void heard(long asked, long since) {
        heard(asked, since, null);
    }

    /**
     * As {@link #heard(long, long)}, of a process that has a name: the same name is the same process, however new the connection, and another name
     * another, unless they alternate: then only the times count.
     *
     * @param asked when it was asked, by {@link System#nanoTime()}
     * @param since a moment at which the process that answered is known to have run
     * @param process the process that answered, by a name that no other has; {@code null} if it is not known
     */
    public void heard(long asked, long since, @Nullable String process) {
        if (isOther(since, process)) {
            again();
            known = false;
            name = null;
        }
        note(asked, since, process);
    }

    /**
     * Notes that a page is dealt with, all that it named removed.
     *
     * @param asked when it was asked for, by {@link System#nanoTime()}
     * @param since a moment at which the process that answered is known to have run, such as when the connection was
     *     opened on which it did
     * @param next the cursor of the next page, {@link #START} after the last
     */
    public void moved(long asked, long since, String next) {
        moved(asked, since, null, next);
    }

    /**
     * As {@link #moved(long, long, String)}, of a process that may have a name.
     *
     * @param asked when it was asked for, by {@link System#nanoTime()}
     * @param since a moment at which the process that answered is known to have run
     * @param process the process that answered, by a name that no other has; {@code null} if it is not known
     * @param next the cursor of the next page, {@link #START} after the last
     */
    public void moved(long asked, long since, @Nullable String process, String next) {
        boolean first = cursor.equals(START);
        heard(asked, since, process);
        if (cursor.equals(START) && !first) {
            // The page was that of a cursor which meant nothing there.
            return;
        }
        if (first) {
            roundSince = asked;
        }
        cursor = next;
        if (next.equals(START)) {
            covered = true;
            coveredSince = roundSince;
            complete = whole;
            whole = true;
        }
    }

    private static long later(long one, long other) {
        return one - other > 0 ? one : other;
    }

    /** Whether a process that is known to have run at a moment may be another than the one that gave the cursor. */
    private boolean isOther(long since, @Nullable String process) {
        if (name != null && process != null && changes < MOST_CHANGES) {
            changes += name.equals(process) ? 0 : 1;
            return !name.equals(process);
        }
        return known && since - knownSince > 0;
    }

    private void note(long asked, long since, @Nullable String process) {
        heard = true;
        heardAt = System.nanoTime();
        heardAt = heardAt == 0 ? 1 : heardAt;
        // A connection may have been opened after it was first asked for, and a name may be of one that is.
        knownSince = later(later(asked, since), known ? knownSince : since);
        known = true;
        name = process == null ? name : process;
    }
}
