package dev.holdfast.cache.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.internal.IsolatedThreads;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Deadlines are kept whatever is thrown while one of them is. */
class DeadlinesTest {
    private final FakeTime time = new FakeTime();
    private final AtomicReference<Thread> thread = new AtomicReference<>();
    private final AtomicInteger started = new AtomicInteger();
    private volatile boolean scarce;

    private final Deadlines deadlines = new Deadlines(this::thread, time);

    private Thread thread(Runnable task) {
        if (scarce) {
            throw new OutOfMemoryError("unable to create native thread");
        }
        started.incrementAndGet();
        thread.set(IsolatedThreads.thread(task, "deadlines"));
        return thread.get();
    }

    @AfterEach
    void close() {
        deadlines.close();
        EngineFixture.until(
                "its thread has ended",
                () -> thread.get() == null || !thread.get().isAlive());
        assertEquals(0, deadlines.count());
    }

    /** One that is over after so long and does something then. */
    private Deadlines.Deadline after(Duration span, Runnable then) {
        long until = time.getAsLong() + span.toNanos();
        return new Deadlines.Deadline() {
            @Override
            public long remainingNanos(long now) {
                return until - now;
            }

            @Override
            public void passed() {
                then.run();
            }
        };
    }

    /** Nobody can say what it is: the log that tries fails too. */
    private static final class Unspeakable extends Error {
        private static final long serialVersionUID = 1L;

        @Override
        public String getMessage() {
            throw new Unspeakable();
        }
    }

    @Test
    void whatIsThrownAtOneDeadlineCostsNoOtherAndThatOneIsTriedAgain() {
        AtomicInteger tries = new AtomicInteger();
        deadlines.watch(after(Duration.ofSeconds(1), () -> {
            if (tries.incrementAndGet() < 3) {
                throw new Unspeakable();
            }
        }));
        time.advance(Duration.ofSeconds(1));
        EngineFixture.until("it was tried", () -> tries.get() > 0);
        CountDownLatch kept = new CountDownLatch(1);
        deadlines.watch(after(Duration.ofSeconds(1), kept::countDown));
        time.advance(Duration.ofSeconds(1));
        EngineFixture.await(kept);
        EngineFixture.until("the first has ended too", () -> tries.get() == 3 && deadlines.count() == 0);
    }

    @Test
    void withoutAThreadTheNextWhoComesTriesAgain() {
        CountDownLatch kept = new CountDownLatch(2);
        scarce = true;
        deadlines.watch(after(Duration.ofSeconds(1), kept::countDown));
        scarce = false;
        deadlines.watch(after(Duration.ofSeconds(1), kept::countDown));
        time.advance(Duration.ofSeconds(1));
        EngineFixture.await(kept);
        assertEquals(1, started.get());
    }

    @Test
    void deadlinesAreKeptAfterClosingAndTheThreadEndsWithTheLast() {
        CountDownLatch kept = new CountDownLatch(2);
        deadlines.watch(after(Duration.ofSeconds(1), kept::countDown));
        deadlines.close();
        assertTrue(thread.get().isAlive());
        time.advance(Duration.ofSeconds(1));
        EngineFixture.until("the first has ended", () -> kept.getCount() == 1);
        EngineFixture.until("its thread too", () -> !thread.get().isAlive());
        deadlines.watch(after(Duration.ofSeconds(1), kept::countDown));
        time.advance(Duration.ofSeconds(1));
        EngineFixture.await(kept);
    }
}
