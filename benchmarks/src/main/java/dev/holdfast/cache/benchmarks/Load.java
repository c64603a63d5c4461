package dev.holdfast.cache.benchmarks;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.AtomicHistogram;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

/** Calls in a closed loop: each thread calls again as soon as it has its answer. */
final class Load {
    private static final long LONGEST = TimeUnit.MINUTES.toNanos(2);
    private static final int HISTOGRAMS = 64;

    /** One call, which checks what it gets. */
    @FunctionalInterface
    interface Call {
        /**
         * Calls.
         *
         * @param index which of the keys
         * @throws WrongAnswerException if the answer is not that key's value
         * @throws Exception if there is no answer
         */
        void run(int index) throws Exception;
    }

    /** What one slice of load came to. Times in microseconds. */
    record Slice(double perSecond, double p50, double p99, double p999, double longest, long errors) {}

    private final int keys;
    private final int threads;
    private final boolean virtual;

    /**
     * Describes a load.
     *
     * @param keys how many keys there are; each call takes one by chance
     * @param threads how many callers
     * @param virtual whether they are virtual threads
     */
    Load(int keys, int threads, boolean virtual) {
        this.keys = keys;
        this.threads = threads;
        this.virtual = virtual;
    }

    int threads() {
        return threads;
    }

    Slice run(Call call, Duration time) throws InterruptedException {
        Run run = new Run(call);
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int caller = i;
            callers.add(start(() -> run.loop(caller)));
        }
        run.ready.await();
        long start = System.nanoTime();
        run.go.countDown();
        TimeUnit.NANOSECONDS.sleep(time.toNanos());
        run.stop = true;
        double seconds = (System.nanoTime() - start) / 1e9;
        for (Thread caller : callers) {
            caller.join();
        }
        return run.slice(seconds);
    }

    private Thread start(Runnable action) {
        Thread thread = virtual ? VirtualThreads.unstarted(action) : new Thread(action, "caller");
        thread.start();
        return thread;
    }

    private final class Run {
        private final Call call;
        private final CountDownLatch ready = new CountDownLatch(threads);
        private final CountDownLatch go = new CountDownLatch(1);
        private final AtomicHistogram[] times = new AtomicHistogram[Math.min(threads, HISTOGRAMS)];
        private final LongAdder errors = new LongAdder();
        private final AtomicReference<@Nullable Throwable> first = new AtomicReference<>();
        private volatile boolean stop;

        Run(Call call) {
            this.call = call;
            for (int i = 0; i < times.length; i++) {
                times[i] = new AtomicHistogram(LONGEST, 3);
            }
        }

        void loop(int caller) {
            SplittableRandom random = new SplittableRandom(caller + 1L);
            AtomicHistogram mine = times[caller % times.length];
            ready.countDown();
            try {
                go.await();
                while (!stop) {
                    int index = random.nextInt(keys);
                    long start = System.nanoTime();
                    if (answered(index)) {
                        // What ends after the slice is not of it.
                        long took = System.nanoTime() - start;
                        if (!stop) {
                            mine.recordValue(Math.min(took, LONGEST));
                        }
                    }
                }
            } catch (InterruptedException e) {
                first.compareAndSet(null, e);
            }
        }

        private boolean answered(int index) {
            try {
                call.run(index);
                return true;
            } catch (Exception e) {
                errors.increment();
                if (!(first.get() instanceof WrongAnswerException)) {
                    first.set(e);
                }
                return false;
            }
        }

        Slice slice(double seconds) {
            Throwable failure = first.get();
            if (failure instanceof WrongAnswerException e) {
                throw e;
            }
            if (failure != null) {
                Report.say("%d calls failed, one with %s", errors.sum(), failure);
            }
            Histogram all = new Histogram(LONGEST, 3);
            for (AtomicHistogram each : times) {
                all.add(each);
            }
            return new Slice(
                    all.getTotalCount() / seconds,
                    all.getValueAtPercentile(50) / 1e3,
                    all.getValueAtPercentile(99) / 1e3,
                    all.getValueAtPercentile(99.9) / 1e3,
                    all.getMaxValue() / 1e3,
                    errors.sum());
        }
    }

    /** Virtual threads, which this release of the language does not know yet. */
    static final class VirtualThreads {
        private static final @Nullable MethodHandle UNSTARTED = find();

        private VirtualThreads() {}

        static Thread unstarted(Runnable action) {
            try {
                if (UNSTARTED == null) {
                    throw new IllegalStateException("this JVM has no virtual threads");
                }
                return (Thread) UNSTARTED.invoke(action);
            } catch (RuntimeException | Error e) {
                throw e;
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }

        private static @Nullable MethodHandle find() {
            try {
                MethodHandles.Lookup lookup = MethodHandles.publicLookup();
                Class<?> builder = Class.forName("java.lang.Thread$Builder$OfVirtual");
                MethodHandle ofVirtual = lookup.findStatic(Thread.class, "ofVirtual", MethodType.methodType(builder));
                MethodHandle unstarted =
                        lookup.findVirtual(builder, "unstarted", MethodType.methodType(Thread.class, Runnable.class));
                return MethodHandles.collectArguments(unstarted, 0, ofVirtual);
            } catch (ReflectiveOperationException e) {
                return null;
            }
        }
    }
}
