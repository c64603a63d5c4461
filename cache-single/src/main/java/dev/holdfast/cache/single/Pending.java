package dev.holdfast.cache.single;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The calls that wait to be sent: those that go together in a stack without locks, which is emptied as a whole, and beside it those of which each goes
 * alone.
 */
final class Pending {
    /** After how many calls that were left the others are told apart from them. */
    private static final int MOST_LEFT = 64;

    private final AtomicReference<@Nullable Call> newest = new AtomicReference<>();
    private final Queue<Call> alone = new ConcurrentLinkedQueue<>();
    private final AtomicInteger left = new AtomicInteger();
    private volatile @Nullable Supplier<? extends RuntimeException> closed;

    /** Whether none waits that goes together with others. */
    boolean isEmpty() {
        return newest.get() == null;
    }

    void add(Call call) {
        if (call.alone()) {
            alone.add(call);
        } else {
            push(call);
        }
        Supplier<? extends RuntimeException> why = closed;
        if (why != null) {
            fail(why);
        }
    }

    private void push(Call call) {
        Call present;
        do {
            present = newest.get();
            call.older = present;
        } while (!newest.compareAndSet(present, call));
    }

    /** To be told that a caller waits no more. */
    void ended(Call call) {
        if (call.alone()) {
            alone.remove(call);
        }
    }

    /** Takes one that goes alone; {@code null} if there is none. */
    @Nullable
    Call takeAlone() {
        return alone.poll();
    }

    /** Takes all that go together, linked by {@link Call#older} from the newest on; some may have been left. */
    @Nullable
    Call takeAll() {
        return newest.getAndSet(null);
    }

    /** The newest that still waits, or else one that goes alone. */
    @Nullable
    Call first() {
        Call call = newest.get();
        while (call != null && !call.isPending()) {
            call = call.older;
        }
        return call == null ? alone.peek() : call;
    }

    int count() {
        int count = (int) alone.stream().filter(Call::isPending).count();
        for (Call call = newest.get(); call != null; call = call.older) {
            count += call.isPending() ? 1 : 0;
        }
        return count;
    }

    /** To be told of each call that was left, so that they don't pile up while nothing can be sent. */
    void oneLeft() {
        if (left.incrementAndGet() < MOST_LEFT) {
            return;
        }
        left.set(0);
        List<Call> waiting = new ArrayList<>();
        for (Call call = takeAll(); call != null; call = call.older) {
            if (call.isPending()) {
                waiting.add(call);
            }
        }
        for (int i = waiting.size() - 1; i >= 0; i--) {
            push(waiting.get(i));
        }
    }

    /** Fails all that wait. */
    void fail(Supplier<? extends RuntimeException> why) {
        for (Call call = takeAll(); call != null; call = call.older) {
            call.failUnsent(why);
        }
        for (Call call : alone) {
            call.failUnsent(why);
        }
    }

    /** Fails all that wait, and all that come. */
    void close(Supplier<? extends RuntimeException> why) {
        closed = why;
        fail(why);
    }
}
