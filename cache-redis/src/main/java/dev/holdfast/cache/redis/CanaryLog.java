package dev.holdfast.cache.redis;

import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A key that nobody else writes, and what can be there. A question writes the next number and is told which one it overwrites.
 *
 * <p>Questions may overlap, and one of which nothing was heard may be executed at any later time, or never: a server that loses nothing
 * executes those of several connections in any order. It executes each once, though, unless it was {@linkplain #repeats sent twice}, and
 * so a number is certainly gone when a question is executed in two cases only:
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
public final class CanaryLog {
    /** How long a canary lives, in milliseconds: a day. */
    public static final long LIFE_MILLIS = TimeUnit.DAYS.toMillis(1);

    /** So long after it was written it has certainly not expired, even if the server's clock was set meanwhile. */
    private static final long SURE_NANOS = TimeUnit.MILLISECONDS.toNanos(LIFE_MILLIS / 2);

    /** With so many numbers that may be there, the oldest in doubt is not believed in any more. */
    private static final int MOST_POSSIBLE = 1_024;

    /** No number: there is none yet, or none any more. */
    private static final long NOTHING = 0;

    private final byte[] key;
    private long last = NOTHING;

    /** What a question that is asked now may overwrite. */
    private final TreeSet<Long> possible = new TreeSet<>(Set.of(NOTHING));

    /** Those of them of which is known that they were written. */
    private final Set<Long> acknowledged = new HashSet<>(Set.of(NOTHING));

    /** Those of them that may be written again. */
    private final Set<Long> repeated = new HashSet<>();

    /** Which connection had the last answer. */
    private @Nullable Object acknowledgedOn;

    private long writtenAt = System.nanoTime();

    /**
     * Creates one of a key that was not written yet.
     *
     * @param key as the server has it
     */
    public CanaryLog(byte[] key) {
        this.key = key;
    }

    /** Returns the key, as the server has it. */
    public byte[] key() {
        return key;
    }

    /** Says whether a number has to be there. */
    public synchronized boolean isKnown() {
        return !possible.contains(NOTHING);
    }

    /** Begins a question; to be called before it is sent. */
    public synchronized Question ask() {
        Question question = new Question(++last, Set.copyOf(possible), Set.copyOf(acknowledged), System.nanoTime());
        possible.add(question.number);
        if (possible.size() > MOST_POSSIBLE) {
            possible.stream()
                    .filter(each -> !acknowledged.contains(each))
                    .findFirst()
                    .ifPresent(this::forget);
        }
        return question;
    }

    private void forget(Long number) {
        repeated.remove(number);
        possible.remove(number);
    }

    /** Notes that a question is sent once more: that it was executed does not say that it won't be. */
    public synchronized void repeats(Question question) {
        repeated.add(question.number);
    }

    /** Notes that a question was certainly not executed, and never will be. */
    public synchronized void withdraw(Question question) {
        possible.removeIf(each -> each == question.number && !repeated.contains(each));
    }

    /**
     * Says whether an answer can be one to a question: nobody else writes the key, so what is there is one of the numbers.
     *
     * @param digits what it says that was there; {@code null} if it says that there was nothing
     */
    public synchronized boolean canBeAnswer(byte @Nullable [] digits) {
        return digits == null || (numberIn(digits) > NOTHING && numberIn(digits) <= last);
    }

    /** Says whether this can be there once a question was executed: its number, or that of one that may be executed after it. */
    public synchronized boolean canBeWritten(byte @Nullable [] digits) {
        return possible.contains(numberIn(digits)) && !acknowledged.contains(numberIn(digits));
    }

    /** Says whether a number had to be there, and is not. */
    public synchronized boolean isMissing(byte @Nullable [] digits) {
        return digits == null && isKnown() && !isExpired();
    }

    /** Says whether what is there was certainly overwritten, for a key of which no question is under way. */
    public synchronized boolean isOutdated(byte @Nullable [] digits) {
        return digits != null && !possible.contains(numberIn(digits));
    }

    private boolean isExpired() {
        return System.nanoTime() - writtenAt > SURE_NANOS;
    }

    /** Says whether an answer to a question says that the server has lost writes; see {@link #acknowledge}. */
    public synchronized boolean isLoss(Question question, byte @Nullable [] digits, Object connection) {
        long before = numberIn(digits);
        boolean excused = before == NOTHING && (connection == acknowledgedOn || isExpired());
        return before < question.number && !question.possible.contains(before) && !excused;
    }

    /**
     * Notes what is there, though no question could be asked: what was acknowledged before is gone, if it is not that.
     *
     * @param digits what was read; {@code null} if there is nothing
     */
    public synchronized void seen(byte @Nullable [] digits) {
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
    public synchronized boolean acknowledge(Question question, byte @Nullable [] digits, Object connection) {
        long before = numberIn(digits);
        boolean lost = isLoss(question, digits, connection);
        acknowledgedOn = connection;
        acknowledged.remove(before);
        acknowledged.removeAll(question.acknowledged);
        possible.removeIf(each -> (each == before || question.acknowledged.contains(each)) && !repeated.contains(each));
        if (possible.contains(question.number) && !repeated.contains(question.number)) {
            acknowledged.add(question.number);
        }
        writtenAt = Math.max(writtenAt - question.askedAt, 0) + question.askedAt;
        return lost;
    }

    private static long numberIn(byte @Nullable [] digits) {
        try {
            return digits == null ? NOTHING : Long.parseLong(new String(digits, StandardCharsets.US_ASCII));
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    /** A number that is written, what it may overwrite, and what it overwrites for certain or finds overwritten. */
    public static final class Question {
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

        /** Returns what is to be written. */
        public byte[] digits() {
            return Long.toString(number).getBytes(StandardCharsets.US_ASCII);
        }
    }
}
