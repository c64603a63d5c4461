package dev.holdfast.cache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DeadlineWatchTest {
    private final Set<Work> works = ConcurrentHashMap.newKeySet();
    private final LinkedBlockingQueue<Work> ended = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<Thread> threads = new LinkedBlockingQueue<>();
    private final AtomicInteger started = new AtomicInteger();
    private final AtomicBoolean refusing = new AtomicBoolean();
    private final Executor executor = task -> {
        if (refusing.get()) {
            throw new RejectedExecutionException("no thread");
        }
        started.incrementAndGet();
        Thread thread = new Thread(task, "watch");
        thread.setDaemon(true);
        threads.add(thread);
        thread.start();
    };
    private final DeadlineWatch<Work> watch = new DeadlineWatch<>(works, Work::deadline, this::end, executor);

    private record Work(String name, AtomicLong until) {
        long deadline() {
            return until.get();
        }
    }

    private void end(Work work, long until) {
        assertTrue(System.nanoTime() - until >= 0, "not before its deadline");
        if (work.until.compareAndSet(until, 0)) {
            ended.add(work);
        }
    }

    private Work begin(String name, long millis) {
        long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        Work work = new Work(name, new AtomicLong(until));
        works.add(work);
        watch.expect(until);
        return work;
    }

    private String next() throws InterruptedException {
        Work work = ended.poll(30, TimeUnit.SECONDS);
        return work == null ? "nothing" : work.name;
    }

    @AfterEach
    void stop() {
        watch.stop();
    }

    @Test
    void endsWhatIsOverdueEarliestFirstOnOneThread() throws InterruptedException {
        begin("late", 300);
        begin("never", TimeUnit.HOURS.toMillis(1));
        begin("early", 100);

        assertEquals("early", next());
        assertEquals("late", next());
        assertEquals(1, started.get());
        assertTrue(ended.isEmpty());
    }

    @Test
    void leavesAloneWhatEndedInTime() throws InterruptedException {
        Work quick = begin("quick", 50);
        quick.until.set(0);
        works.remove(quick);
        begin("other", 150);

        assertEquals("other", next());
    }

    @Test
    void aThreadThatCouldNotBeHadIsAskedForAgain() throws InterruptedException {
        refusing.set(true);
        assertThrows(RejectedExecutionException.class, () -> begin("first", 50));

        refusing.set(false);
        begin("second", 100);

        assertEquals("first", next(), "it was left in the collection");
        assertEquals("second", next());
    }

    @Test
    void itsThreadEndsWhenItIsStopped() throws InterruptedException {
        begin("never", TimeUnit.HOURS.toMillis(1));
        Thread thread = threads.take();

        watch.stop();

        thread.join(30_000);
        assertFalse(thread.isAlive());
    }

    @Test
    void keepsTheDeadlinesOfManyAtOnce() throws InterruptedException {
        for (int i = 0; i < 10_000; i++) {
            begin("work-" + i, 1 + i % 200);
        }

        for (int i = 0; i < 10_000; i++) {
            assertTrue(next().startsWith("work-"));
        }
        assertEquals(1, started.get());
    }
}
