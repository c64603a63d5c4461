package dev.holdfast.cache.testkit;

import dev.holdfast.cache.CacheEvent;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Remembers the events that a client tells of, and lets a test wait for one. For any number of threads.
 *
 * <pre>{@code
 * RecordingListener events = new RecordingListener();
 * CacheClient client = CacheClient.builder().settings(settings).on(CacheEvent.class, events).build();
 * redis.kill();
 * client.cache(…).build().get("k");
 * assertEquals("single", events.await(TierLost.class).tier());
 * }</pre>
 */
public final class RecordingListener implements Consumer<CacheEvent> {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition told = lock.newCondition();
    private final List<CacheEvent> events = new ArrayList<>();
    /** How many of the events were taken by those who waited. */
    private int taken;

    /** Creates one that has heard nothing. */
    public RecordingListener() {}

    @Override
    public void accept(CacheEvent event) {
        lock.lock();
        try {
            events.add(event);
            told.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Returns what was told so far.
     *
     * @return the events in their order; a copy
     */
    public List<CacheEvent> events() {
        lock.lock();
        try {
            return List.copyOf(events);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Waits for an event, at most 30 s, like {@link #await(Class, Duration)}.
     *
     * @param type its type
     * @param <E> its type
     * @return the event
     */
    public <E extends CacheEvent> E await(Class<E> type) {
        return await(type, PATIENCE);
    }

    /**
     * Waits for an event that came after those that were waited for before.
     *
     * @param type its type
     * @param limit the longest time to wait
     * @param <E> its type
     * @return the event
     * @throws AssertionError if none comes; it says which others came
     */
    public <E extends CacheEvent> E await(Class<E> type, Duration limit) {
        Objects.requireNonNull(type, "type");
        long left = Objects.requireNonNull(limit, "limit").toNanos();
        lock.lock();
        try {
            while (true) {
                for (int i = taken; i < events.size(); i++) {
                    if (type.isInstance(events.get(i))) {
                        taken = i + 1;
                        return type.cast(events.get(i));
                    }
                }
                if (left <= 0) {
                    throw new AssertionError("no " + type.getSimpleName() + " within " + limit + " but "
                            + events.subList(taken, events.size()));
                }
                left = told.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for a " + type.getSimpleName(), e);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public String toString() {
        return "RecordingListener" + events();
    }
}
