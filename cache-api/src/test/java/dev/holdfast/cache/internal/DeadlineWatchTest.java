package dev.holdfast.cache.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.AbstractCollection;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class DeadlineWatchTest {
    /** A watch without work looks around every ten seconds by itself. */
    private static final long WELL_BELOW_THE_LINGER_MILLIS = 5_000;

    private final Set<Work> works = ConcurrentHashMap.newKeySet();
    private final LinkedBlockingQueue<Work> ended = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<Thread> threads = new LinkedBlockingQueue<>();
    private final Map<String, AtomicInteger> failures = new ConcurrentHashMap<>();
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
    void keepsTheDeadlinesOfManyAtOnce() throws InterruptedException {
        for (int i = 0; i < 10_000; i++) {
            begin("work-" + i, 1 + i % 200);
        }

        for (int i = 0; i < 10_000; i++) {
            assertTrue(next().startsWith("work-"));
        }
        assertEquals(1, started.get());
    }

    /** The watch's thread, once it sleeps. */
    private Thread asleep() throws InterruptedException {
        Thread thread = threads.take();
        eventually(() -> thread.getState() == Thread.State.TIMED_WAITING);
        return thread;
    }

    private static void eventually(BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - deadline < 0, "waited 30 s in vain");
            Thread.sleep(1);
        }
    }

    private static void assertEnds(Thread thread) throws InterruptedException {
        thread.join(WELL_BELOW_THE_LINGER_MILLIS);
        assertFalse(thread.isAlive());
    }

    @Test
    void anEarlierDeadlineIsKeptThoughALaterOneIsAwaited() throws InterruptedException {
        begin("never", TimeUnit.HOURS.toMillis(1));
        asleep();

        begin("early", 50);

        Work first = ended.poll(WELL_BELOW_THE_LINGER_MILLIS, TimeUnit.MILLISECONDS);
        assertEquals("early", first == null ? "nothing" : first.name);
        assertEquals(1, started.get());
    }

    @Test
    void aRetiredWatchKeepsItsDeadlinesAndItsThreadEndsWithTheLast() throws InterruptedException {
        begin("first", 200);
        Thread thread = asleep();
        watch.retire();
        assertEquals("first", next());
        assertEnds(thread);
        begin("second", 50);
        assertEquals("second", next());
        assertEnds(threads.take());
        assertEquals(2, started.get());
    }

    @Test
    void retiringEndsAThreadThatHasNothingToDo() throws InterruptedException {
        begin("done", 20);
        assertEquals("done", next());
        Thread thread = asleep();
        watch.retire();
        assertEnds(thread);
    }

    @Test
    void stopEndsTheThreadAtOnce() throws InterruptedException {
        begin("never", TimeUnit.HOURS.toMillis(1));
        Thread thread = asleep();

        watch.stop();

        assertEnds(thread);
    }

    @Test
    void aWatchThatWasStoppedRefusesDeadlinesSinceNobodyKeepsThem() throws InterruptedException {
        begin("never", TimeUnit.HOURS.toMillis(1));
        asleep();

        watch.stop();

        assertThrows(RejectedExecutionException.class, () -> watch.expect(System.nanoTime()));
    }

    @Test
    void aThreadThatLingeredAwayIsHadAgain() throws InterruptedException {
        var brief = new DeadlineWatch<>(works, Work::deadline, this::end, executor, TimeUnit.MILLISECONDS.toNanos(50));
        Work first = new Work("first", new AtomicLong(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(100)));
        works.add(first);
        brief.expect(first.deadline());
        assertEquals("first", next());
        assertEnds(threads.take());

        Work second = new Work("second", new AtomicLong(System.nanoTime()));
        works.add(second);
        brief.expect(second.deadline());

        assertEquals("second", next());
        assertEquals(2, started.get());
        assertEnds(threads.take());
    }

    @Test
    void aThreadWithoutWorkLingersForTheNext() throws InterruptedException {
        begin("first", 1);
        assertEquals("first", next());
        asleep();

        begin("second", 1);

        assertEquals("second", next());
        assertEquals(1, started.get());
    }

    @Test
    void anIdleWatchUsesNoTime() throws InterruptedException {
        AtomicInteger looks = new AtomicInteger();
        var counting = new DeadlineWatch<Work>(
                works,
                work -> {
                    looks.incrementAndGet();
                    return work.deadline();
                },
                this::end,
                executor);
        long hour = System.nanoTime() + TimeUnit.HOURS.toNanos(1);
        works.add(new Work("never", new AtomicLong(hour)));
        counting.expect(hour);
        asleep();

        Work soon = new Work("soon", new AtomicLong(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(300)));
        works.add(soon);
        counting.expect(soon.deadline());
        assertEquals("soon", next());
        counting.stop();

        assertTrue(looks.get() < 50, () -> "it looked " + looks + " times in 300 ms");
    }

    @Test
    void anExceptionOfOneCallbackCostsOnlyThatOne() throws InterruptedException {
        List<Throwable> thrown = List.of(
                new IllegalStateException("unexpected"),
                new OutOfMemoryError("made by a test"),
                new NoClassDefFoundError("made by a test"),
                new IOException("declared by nobody"));
        var failing = new DeadlineWatch<Work>(
                works, Work::deadline, (work, until) -> failTwiceThenEnd(work, until, thrown), executor);
        long now = System.nanoTime();
        for (int i = 0; i < thrown.size(); i++) {
            works.add(new Work("bad-" + i, new AtomicLong(now + i)));
        }
        works.add(new Work("good", new AtomicLong(now + TimeUnit.MILLISECONDS.toNanos(20))));
        failing.expect(now);

        Set<String> names = new TreeSet<>();
        for (int i = 0; i <= thrown.size(); i++) {
            names.add(next());
        }
        assertEquals(Set.of("bad-0", "bad-1", "bad-2", "bad-3", "good"), names, "what failed is tried again");
        assertEquals(1, started.get());
        failing.stop();
    }

    private void failTwiceThenEnd(Work work, long until, List<Throwable> thrown) {
        if (work.name.startsWith("bad-")
                && failures.computeIfAbsent(work.name, name -> new AtomicInteger())
                                .incrementAndGet()
                        < 3) {
            DeadlineWatchTest.<RuntimeException>sneak(thrown.get(Integer.parseInt(work.name.substring(4))));
        }
        end(work, until);
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void sneak(Throwable throwable) throws E {
        throw (E) throwable;
    }

    @Test
    void aDeadlineThatCannotBeReadCostsOnlyThatOne() throws InterruptedException {
        AtomicInteger reads = new AtomicInteger();
        var failing = new DeadlineWatch<Work>(
                works,
                work -> {
                    if (work.name.equals("bad") && reads.incrementAndGet() < 5) {
                        throw new OutOfMemoryError("made by a test");
                    }
                    return work.deadline();
                },
                this::end,
                executor);
        long now = System.nanoTime();
        works.add(new Work("bad", new AtomicLong(now)));
        works.add(new Work("good", new AtomicLong(now)));
        failing.expect(now);

        assertEquals(Set.of("good", "bad"), new TreeSet<>(List.of(next(), next())));
        assertEquals(1, started.get());
        failing.stop();
    }

    /** Looks at what is watched from the given iteration on; before, it does what it is told. */
    private Collection<Work> from(int iteration, Supplier<Iterator<Work>> before) {
        AtomicInteger iterations = new AtomicInteger();
        return new AbstractCollection<>() {
            @Override
            public Iterator<Work> iterator() {
                return iterations.incrementAndGet() < iteration ? before.get() : works.iterator();
            }

            @Override
            public int size() {
                return works.size();
            }
        };
    }

    private void lateIsKept(Collection<Work> watched, long lingerNanos) throws InterruptedException {
        var keeping = new DeadlineWatch<Work>(watched, Work::deadline, this::end, executor, lingerNanos);
        long now = System.nanoTime();
        works.add(new Work("late", new AtomicLong(now)));
        keeping.expect(now);

        Work late = ended.poll(WELL_BELOW_THE_LINGER_MILLIS, TimeUnit.MILLISECONDS);
        assertEquals("late", late == null ? "nothing" : late.name);
        assertEquals(1, started.get());
        keeping.stop();
    }

    private static Iterator<Work> scarce() {
        throw new OutOfMemoryError("made by a test");
    }

    @Test
    void aCollectionThatFailsIsLookedAtAgainSoonButNotInABusyLoop() throws InterruptedException {
        long start = System.nanoTime();
        // Three looks, a pause, and again, three times over; and one that is cut short by the deadline's own call.
        lateIsKept(from(16, DeadlineWatchTest::scarce), TimeUnit.SECONDS.toNanos(10));
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
        assertTrue(millis >= 100, () -> "it was looked at sixteen times in " + millis + " ms");
    }

    @Test
    void whatCannotBeLookedAtIsNotTakenForTheEndOfAllWork() throws InterruptedException {
        lateIsKept(from(6, DeadlineWatchTest::scarce), 0);
    }

    @Test
    void workThatBeginsAsTheThreadLeavesIsKept() throws InterruptedException {
        // Nothing at the first look nor at the second, by which it decides to leave.
        lateIsKept(from(3, Collections::emptyIterator), 0);
    }

    @Test
    void whatStaysOverdueIsEndedAgainAndAgainButNotInABusyLoop() throws InterruptedException {
        AtomicInteger calls = new AtomicInteger();
        var patient = new DeadlineWatch<Work>(
                works,
                Work::deadline,
                (work, until) -> {
                    if (work.name.equals("stubborn") && calls.incrementAndGet() < 5) {
                        return;
                    }
                    end(work, until);
                },
                executor);
        long now = System.nanoTime();
        works.add(new Work("stubborn", new AtomicLong(now)));
        patient.expect(now);

        assertEquals("stubborn", next());
        long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - now);
        assertTrue(millis >= 50, () -> "five calls in " + millis + " ms");
        patient.stop();
    }

    @Test
    void anInterruptOfItsThreadEndsNoDeadline() throws InterruptedException {
        AtomicInteger looks = new AtomicInteger();
        var counting = new DeadlineWatch<Work>(
                works,
                work -> {
                    looks.incrementAndGet();
                    return work.deadline();
                },
                this::end,
                executor);
        Work work = new Work("later", new AtomicLong(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(300)));
        works.add(work);
        counting.expect(work.deadline());

        asleep().interrupt();

        assertEquals("later", next());
        assertEquals(1, started.get());
        assertTrue(looks.get() < 50, () -> "it looked " + looks + " times: the interrupt kept it from sleeping");
        counting.stop();
    }

    @Test
    void noMemoryForAThreadIsARefusalAndTheNextAsksAgain() throws InterruptedException {
        AtomicBoolean scarce = new AtomicBoolean(true);
        var poor = new DeadlineWatch<Work>(works, Work::deadline, this::end, task -> {
            if (scarce.get()) {
                throw new OutOfMemoryError("unable to create native thread");
            }
            executor.execute(task);
        });
        works.add(new Work("work", new AtomicLong(System.nanoTime())));

        RejectedExecutionException refusal =
                assertThrows(RejectedExecutionException.class, () -> poor.expect(System.nanoTime()));
        assertInstanceOf(OutOfMemoryError.class, refusal.getCause());
        scarce.set(false);
        poor.expect(System.nanoTime());

        assertEquals("work", next());
        poor.stop();
    }

    private static void onANewThread(Runnable task) {
        Thread thread = new Thread(task, "caller");
        thread.setDaemon(true);
        thread.start();
    }

    @Test
    void nobodyReliesOnAThreadThatAnotherCouldNotGet() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch answer = new CountDownLatch(1);
        var poor = new DeadlineWatch<Work>(works, Work::deadline, this::end, task -> {
            asked.countDown();
            try {
                answer.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            throw new RejectedExecutionException("no thread");
        });
        Runnable expecting = () ->
                assertThrows(RejectedExecutionException.class, () -> poor.expect(System.nanoTime() + 1_000_000_000L));
        CompletableFuture<Void> first = CompletableFuture.runAsync(expecting, DeadlineWatchTest::onANewThread);
        asked.await();
        CompletableFuture<Void> second = CompletableFuture.runAsync(expecting, DeadlineWatchTest::onANewThread);
        assertThrows(TimeoutException.class, () -> second.get(50, TimeUnit.MILLISECONDS), "it can't know yet");

        answer.countDown();

        first.get(10, TimeUnit.SECONDS);
        second.get(10, TimeUnit.SECONDS);
    }
}
