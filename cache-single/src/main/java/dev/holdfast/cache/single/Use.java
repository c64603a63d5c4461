package dev.holdfast.cache.single;

import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;

/** Until when one thread has the use of one direction of a connection. Another may end it, once it is overdue. */
final class Use {
    /** No time: nobody has it. */
    static final long NONE = 0;

    private static final long OVERDUE = 1;
    private static final long WORTHWHILE_NANOS = 10_000_000;

    private final BooleanSupplier isOpen;
    private final AtomicLong deadline = new AtomicLong(NONE);

    /**
     * Creates one that nobody has.
     *
     * @param isOpen whether nobody has closed the connection
     */
    Use(BooleanSupplier isOpen) {
        this.isOpen = isOpen;
    }

    /**
     * Begins.
     *
     * @param until when it must have ended
     */
    void begin(long until) {
        deadline.set(until == NONE || until == OVERDUE ? 2 : until);
    }

    /**
     * Ends.
     *
     * @return whether the connection is as good as before
     */
    boolean end() {
        long until = deadline.get();
        return until != OVERDUE && deadline.compareAndSet(until, NONE) && isOpen.getAsBoolean();
    }

    /** Lets it take until then, if that is later and it is under way. */
    void extend(long until) {
        long present = deadline.get();
        if (present != OVERDUE && present != NONE && until - present > WORTHWHILE_NANOS) {
            deadline.compareAndSet(present, until);
        }
    }

    /** When it must have ended; {@link #NONE} if nobody has it, or it is overdue already. */
    long deadline() {
        long until = deadline.get();
        return until == OVERDUE ? NONE : until;
    }

    /** Makes it overdue, if it is the one that had this deadline. */
    boolean missed(long until) {
        return until != NONE && deadline.compareAndSet(until, OVERDUE);
    }
}
