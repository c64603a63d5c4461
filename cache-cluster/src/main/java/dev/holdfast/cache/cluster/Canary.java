package dev.holdfast.cache.cluster;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A key that nobody else writes, and what can be there. A question writes the next number and is told which one it overwrites.
 *
 * <p>Questions may overlap, and one of which nothing was heard may be executed at any later time, or never: a server that loses nothing
 * executes those of several connections in any order. It executes each once, though, and so a number is certainly gone when a question
 * is executed in two cases only:
 *
 * <ol>
 *   <li>Before the question was asked, the answer to another said that it had overwritten the number.
 *   <li>The number was acknowledged before another question was asked, which was acknowledged before this one was asked: they were executed
 *       in this order, and the one between has overwritten the number if nothing else had.
 * </ol>
 *
 * <p>Nothing where a number had to be is no loss on the connection that acknowledged the last: a node that is full may have evicted it, and one that
 * went back in time was started again, which no connection outlives.
 *
 * <p>Every other number is possible, however low. If an answer names one that is certainly gone, or finds nothing where a number had to
 * be, then the server has lost writes; no order of this client's own questions makes it say so. The price: of two questions in a row that
 * were both executed and never answered, a server may go back to the first unnoticed.
 *
 * <p>Thread-safe; nothing waits under its lock.
 */
final class Canary {
    /** How long one lives, in milliseconds: a day. */
    static final long LIFE_MILLIS = TimeUnit.DAYS.toMillis(1);

    /** So long after it was written it has certainly not expired, even if the server's clock was set meanwhile. */
    private static final long SURE_NANOS = TimeUnit.MILLISECONDS.toNanos(LIFE_MILLIS / 2);

    /** With so many numbers that may be there, one is given up for a new one. */
    private static final int MOST_POSSIBLE = 1_024;

    /** No number: there is none yet, or none any more. */
    private static final long NOTHING = 0;

    private final byte[] key;
    private final int slot;
    private long last = NOTHING;

    /** What a question that is asked now may overwrite. */
    private final Set<Long> possible = new HashSet<>(Set.of(NOTHING));

    /** Those of them of which is known that they were written. */
    private final Set<Long> acknowledged = new HashSet<>(Set.of(NOTHING));

    /** Which connection had the last answer. */
    private @Nullable Object acknowledgedOn;

    private boolean known;
    private long writtenAt = System.nanoTime();

    Canary(byte[] key, int slot) {
        this.key = key;
        this.slot = slot;
    }

    byte[] key() {
        return key;
    }

    int slot() {
        return slot;
    }

    /** Whether it was ever written. */
    synchronized boolean isKnown() {
        return known;
    }

    /** Whether so much is in doubt that a new one tells more. */
    synchronized boolean isWornOut() {
        return possible.size() > MOST_POSSIBLE;
    }

    /** Begins a question; to be called before it is sent. It is sent once at most. */
    synchronized Question ask() {
        Question question = new Question(++last, Set.copyOf(possible), Set.copyOf(acknowledged), System.nanoTime());
        possible.add(question.number);
        return question;
    }

    /** Notes that a question was certainly not sent, and never will be. */
    synchronized void withdraw(Question question) {
        possible.remove(question.number);
    }

    /**
     * Whether an answer can be one to a question: nobody else writes the key, so what is there is one of the numbers.
     *
     * @param digits what it says that was overwritten; {@code null} if it says that there was nothing
     */
    synchronized boolean canBeAnswer(byte @Nullable [] digits) {
        return digits == null || (numberIn(digits) > NOTHING && numberIn(digits) <= last);
    }

    /** Whether an answer to a question says that the server has lost writes; see {@link #acknowledge}. */
    synchronized boolean isLoss(Question question, byte @Nullable [] digits, Object connection) {
        long before = numberIn(digits);
        if (before == NOTHING && connection == acknowledgedOn) {
            return false;
        }
        boolean expired = before == NOTHING && System.nanoTime() - writtenAt > SURE_NANOS;
        return before < question.number && !question.possible.contains(before) && !expired;
    }

    /**
     * Notes what is there, though no question could be asked: what was acknowledged before is gone, if it is not that.
     *
     * @param digits what was read; {@code null} if there is nothing
     */
    synchronized void seen(byte @Nullable [] digits) {
        long present = numberIn(digits);
        possible.removeAll(acknowledged);
        acknowledged.clear();
        possible.add(present);
        acknowledged.add(present);
    }

    /**
     * Notes that a question was answered.
     *
     * @param digits what it has overwritten; {@code null} if there was nothing
     * @param connection on which; no other is the same
     * @return whether the server has lost writes
     */
    synchronized boolean acknowledge(Question question, byte @Nullable [] digits, Object connection) {
        long before = numberIn(digits);
        boolean lost = isLoss(question, digits, connection);
        acknowledgedOn = connection;
        possible.remove(before);
        acknowledged.remove(before);
        possible.removeAll(question.acknowledged);
        acknowledged.removeAll(question.acknowledged);
        if (possible.contains(question.number)) {
            acknowledged.add(question.number);
        }
        writtenAt = known && writtenAt - question.askedAt > 0 ? writtenAt : question.askedAt;
        known = true;
        return lost;
    }

    private static long numberIn(byte @Nullable [] digits) {
        try {
            return digits == null ? NOTHING : Long.parseLong(new String(digits, StandardCharsets.US_ASCII));
        } catch (NumberFormatException e) {
            return NOTHING;
        }
    }

    /** A number that is written, what it may overwrite, and what it overwrites for certain or finds overwritten. */
    static final class Question {
        private final long number;
        private final Set<Long> possible;
        private final Set<Long> acknowledged;
        private final long askedAt;

        private Question(long number, Set<Long> possible, Set<Long> acknowledged, long askedAt) {
            this.number = number;
            this.possible = possible;
            this.acknowledged = acknowledged;
            this.askedAt = askedAt;
        }

        /** What is to be written. */
        byte[] digits() {
            return Long.toString(number).getBytes(StandardCharsets.US_ASCII);
        }
    }
}
