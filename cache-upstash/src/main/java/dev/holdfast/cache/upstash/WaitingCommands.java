package dev.holdfast.cache.upstash;

import dev.holdfast.cache.upstash.Batch.Waiting;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** The commands that wait to share a request, by what they may share it with. Thread-safe. */
final class WaitingCommands {
    /** As many as the official client sends in one pipeline. */
    private static final int MAX_COMMANDS = 1_000;

    private static final int MAX_BATCH_BYTES = 1 << 20;

    private final Queue<Waiting> harmless = new ConcurrentLinkedQueue<>();
    /** What may not be repeated shares with its like: it is given up later than others, if its connection is silent. */
    private final Queue<Waiting> once = new ConcurrentLinkedQueue<>();

    /** What was sent before, and broke its connection in company: it goes again in a smaller one. */
    private final Queue<Waiting> again = new ConcurrentLinkedQueue<>();

    private final List<Queue<Waiting>> queues = List.of(harmless, once, again);
    private final AtomicInteger filled = new AtomicInteger();
    private final AtomicInteger count = new AtomicInteger();
    private final Saturation saturation;

    WaitingCommands(Saturation saturation) {
        this.saturation = saturation;
    }

    boolean isEmpty() {
        return harmless.isEmpty() && once.isEmpty() && again.isEmpty();
    }

    int count() {
        return count.get();
    }

    void add(Waiting mine) {
        count.incrementAndGet();
        queueOf(mine).add(mine);
    }

    private Queue<Waiting> queueOf(Waiting mine) {
        return mine.isRepetition ? again : mine.command.isHarmless() ? harmless : once;
    }

    /** Takes what goes together next; by turns, so that no kind waits for another's last. */
    void fill(Batch batch) {
        int first = filled.getAndIncrement();
        for (int i = 0; i < queues.size() && batch.size() == 0; i++) {
            fill(batch, queues.get(Math.floorMod(first + i, queues.size())));
        }
    }

    private void fill(Batch batch, Queue<Waiting> queue) {
        // Who is next says how many there may be, and must be the same when it is taken.
        synchronized (queue) {
            while (batch.size() < MAX_COMMANDS && batch.bytes() < MAX_BATCH_BYTES) {
                Waiting next = queue.peek();
                if (next == null || batch.isFullFor(next) || (next = queue.poll()) == null) {
                    return;
                }
                count.decrementAndGet();
                if (next.taken.compareAndSet(false, true)) {
                    batch.add(next);
                    saturation.waited(next.since);
                }
            }
        }
    }

    /** Takes one that nobody waits for elsewhere; {@code null} if there is none. */
    @Nullable
    Waiting take() {
        for (Queue<Waiting> queue : queues) {
            Waiting next = poll(queue);
            if (next != null) {
                return next;
            }
        }
        return null;
    }

    private @Nullable Waiting poll(Queue<Waiting> queue) {
        Waiting next;
        while ((next = queue.poll()) != null) {
            count.decrementAndGet();
            if (next.taken.compareAndSet(false, true)) {
                return next;
            }
        }
        return null;
    }
}
