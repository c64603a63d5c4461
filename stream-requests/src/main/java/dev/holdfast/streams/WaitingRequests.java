package dev.holdfast.streams;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/** Requests that wait, grouped by their ids; each group is looked at after 10 ms at first and every 200 ms later. For any number of threads. */
final class WaitingRequests {
    static final long FIRST_PAUSE_NANOS = 10_000_000;
    static final long LONGEST_PAUSE_NANOS = 200_000_000;

    private static final int MOST = 10_000;

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Map<String, Group> groups = new HashMap<>();
    private int count;
    private boolean closed;

    private static final class Group {
        final List<Repetition> requests = new ArrayList<>();
        long pauseNanos = FIRST_PAUSE_NANOS;
        long at = System.nanoTime() + FIRST_PAUSE_NANOS;
    }

    /** Says whether there was room. */
    boolean add(Repetition request) {
        lock.lock();
        try {
            if (count >= MOST) {
                return false;
            }
            Group group = groups.getOrDefault(request.id(), new Group());
            group.requests.add(request);
            try {
                groups.put(request.id(), group);
            } catch (Error e) {
                // Without memory for it, it waits nowhere: not in a group that others have made, either.
                group.requests.remove(request);
                throw e;
            }
            count++;
            changed.signalAll();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Takes off requests of one id. */
    void remove(List<Repetition> requests) {
        lock.lock();
        try {
            String id = requests.get(0).id();
            Group group = groups.get(id);
            if (group != null) {
                int before = group.requests.size();
                group.requests.removeAll(requests);
                count -= before - group.requests.size();
                if (group.requests.isEmpty()) {
                    groups.remove(id);
                }
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** The groups to look at now. */
    Map<String, List<Repetition>> due() {
        Map<String, List<Repetition>> due = new HashMap<>();
        lock.lock();
        try {
            long now = System.nanoTime();
            groups.forEach((id, group) -> {
                if (group.at - now <= 0) {
                    due.put(id, List.copyOf(group.requests));
                }
            });
        } finally {
            lock.unlock();
        }
        return due;
    }

    /** Has a group be looked at again after so long; 0 for longer than the last time. */
    void pause(String id, long nanos) {
        lock.lock();
        try {
            Group group = groups.get(id);
            if (group != null) {
                group.pauseNanos = nanos > 0 ? nanos : Math.min(2 * group.pauseNanos, LONGEST_PAUSE_NANOS);
                group.at = System.nanoTime() + group.pauseNanos;
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits until there is one, or this is closed. */
    void awaitSome() throws InterruptedException {
        lock.lock();
        try {
            while (count == 0 && !closed) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits until there is none but of such ids, but no longer than that; says whether there is none at all. */
    boolean awaitNone(Set<String> except, Duration atMost) throws InterruptedException {
        long left = atMost.toNanos();
        lock.lock();
        try {
            while (!except.containsAll(groups.keySet()) && left > 0) {
                left = changed.awaitNanos(left);
            }
            return count == 0;
        } finally {
            lock.unlock();
        }
    }

    /** Has whoever waits look again. */
    void tell() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Ends the waiting. */
    void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }
}
