package dev.holdfast.cache.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * The same calls two ways in one JVM, in many short slices by turns: the compiled code is the same, and a busy neighbour is there for both. So it tells apart
 * what differs by a hundredth, where forks of their own differ by a third.
 */
final class PairedSlices {
    private static final int PAIRS = 240;
    private static final int BLOCKS = 8;
    private static final int BATCH = 256;

    private final int keys;
    private final int threads;
    private final long slice;

    /**
     * Describes them.
     *
     * @param keys how many keys there are; each call takes one by chance
     * @param sliceMillis how long one slice is
     */
    PairedSlices(int keys, int threads, int sliceMillis) {
        this.keys = keys;
        this.threads = threads;
        this.slice = TimeUnit.MILLISECONDS.toNanos(sliceMillis);
    }

    /** Reports how many of the first calls there are to one of the second: the median of all pairs, and the medians of eight blocks of them for its spread. */
    void ratio(Report report, String name, Load.Call first, Load.Call second) throws InterruptedException {
        SplittableRandom random = new SplittableRandom(1);
        double[] ratios = new double[PAIRS];
        for (int i = -PAIRS / 10; i < PAIRS; i++) {
            boolean forward = random.nextBoolean();
            double one = perSecond(forward ? first : second);
            double other = perSecond(forward ? second : first);
            if (i >= 0) {
                ratios[i] = forward ? one / other : other / one;
            }
        }
        double[] blocks = new double[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            blocks[i] = Report.median(Arrays.copyOfRange(ratios, i * PAIRS / BLOCKS, (i + 1) * PAIRS / BLOCKS));
        }
        report.add(name, Report.median(ratios), blocks, "ratio");
    }

    /** Calls a second in one slice. */
    double perSecond(Load.Call call) throws InterruptedException {
        LongAdder calls = new LongAdder();
        AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        long begin = System.nanoTime();
        List<Thread> callers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            SplittableRandom random = new SplittableRandom(i);
            Thread caller = new Thread(() -> {
                try {
                    while (System.nanoTime() - begin < slice) {
                        for (int n = 0; n < BATCH / threads; n++) {
                            call.run(random.nextInt(keys));
                        }
                        calls.add(BATCH / threads);
                    }
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                }
            });
            callers.add(caller);
            caller.start();
        }
        for (Thread caller : callers) {
            caller.join();
        }
        Throwable first = failure.get();
        if (first != null) {
            throw new IllegalStateException("a call failed", first);
        }
        return calls.sum() * 1e9 / (System.nanoTime() - begin);
    }
}
