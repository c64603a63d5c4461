package dev.holdfast.streams;

import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The calls that wait to be sent, in their order, with a bound on the bytes of their payloads. A call that ends leaves it, so nothing is held
 * for callers that have gone. For any number of threads.
 */
final class Outbox {
    private final long mostBytes;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition added = lock.newCondition();
    private final Set<Call> waiting = new LinkedHashSet<>();
    private long bytes;

    Outbox(long mostBytes) {
        this.mostBytes = mostBytes;
    }

    /** Takes a call in, unless it has ended already; says whether there was room for it. */
    boolean add(Call call) {
        lock.lock();
        try {
            if (bytes + call.size() > mostBytes) {
                return false;
            }
            // Who ends it removes it afterwards, under the same lock.
            if (!call.ended() && waiting.add(call)) {
                bytes += call.size();
                added.signal();
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Removes a call; says whether it was there, so that nobody sends it. */
    boolean remove(Call call) {
        lock.lock();
        try {
            boolean was = waiting.remove(call);
            bytes -= was ? call.size() : 0;
            return was;
        } finally {
            lock.unlock();
        }
    }

    /** Gives the first away, which is waited for so long; {@code null} if there is none. */
    @Nullable
    Call poll(long nanos) throws InterruptedException {
        lock.lock();
        try {
            long left = nanos;
            while (waiting.isEmpty() && left > 0) {
                left = added.awaitNanos(left);
            }
            Iterator<Call> all = waiting.iterator();
            if (!all.hasNext()) {
                return null;
            }
            Call first = all.next();
            all.remove();
            bytes -= first.size();
            return first;
        } finally {
            lock.unlock();
        }
    }
}
