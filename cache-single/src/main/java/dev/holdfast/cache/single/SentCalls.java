package dev.holdfast.cache.single;

import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The calls that were sent on one connection and are not answered, in the order in which their replies come. One thread at a time appends, one takes
 * what is answered; any may look.
 */
final class SentCalls {
    /** How many there are; counted down when the reader stops reading. */
    private final AtomicInteger count = new AtomicInteger();

    /** The last that was answered; what follows it waits for its reply. Moved by the reader. */
    private volatile Call head = new Call();

    /** The last that was sent. The writer's. */
    private Call tail = head;

    int count() {
        return count.get();
    }

    /** Whether there is none, as a reader sees it who has not stopped yet. */
    boolean isEmpty() {
        return head.after == null;
    }

    /** The one whose reply comes next; {@code null} if none is awaited. */
    @Nullable
    Call next() {
        return head.after;
    }

    /**
     * Counts calls that are about to be appended.
     *
     * @return whether there was none
     */
    boolean announce(int more) {
        return count.getAndAdd(more) == 0;
    }

    /** Appends calls that are linked by {@link Call#after}: from now on somebody may read their replies. */
    void append(Call first, Call last) {
        Call before = tail;
        tail = last;
        before.after = first;
    }

    /** Moves past the next. An old call that led to a young one would keep it, and all after it, from being collected as young. */
    void moveTo(Call call) {
        Call before = head;
        head = call;
        before.leadsNowhere();
    }

    /** Counts down what the reader has moved past. */
    void settled(int answered) {
        count.addAndGet(-answered);
    }

    /** Fails all. For the reader. */
    void failAll(Lost why) {
        int failed = 0;
        for (Call next = head.after; next != null; next = head.after) {
            moveTo(next);
            next.fail(why);
            failed++;
        }
        settled(failed);
    }

    /** The first whose caller could read; any of them if there is none; {@code null} if there are none. */
    @Nullable
    Call successor() {
        Call first = head.after;
        for (Call call = first; call != null; call = call.after) {
            if (call.isSent() && call.leads()) {
                return call;
            }
        }
        return first;
    }
}
