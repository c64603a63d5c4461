package dev.holdfast.cache.client;

import dev.holdfast.cache.internal.IsolatedThreads;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Where work runs that its caller does not wait for, on daemon threads that inherit nothing.
 *
 * <pre>
 *                 with virtual threads    without
 *   calls         one each                up to 64: our code alone, which ends within the store's bound
 *   loads         one each                one each: loaders; as many as there are places, nobody's thread-locals are seen by another; or the user's executor
 *   deliveries    one each                up to 16, and one more for each that waits for another future: what is chained to futures
 * </pre>
 */
final class BackgroundThreads implements AutoCloseable {
    private static final int CALL_THREADS = 64;
    private static final int DELIVERY_THREADS = 16;
    private static final int MOST_DELIVERY_THREADS = 32_767;
    private static final long IDLE_SECONDS = 10;

    private final Function<String, ThreadFactory> platform;
    private final String name;
    private final Executor loads;
    private final Executor alone;
    private final Executor handingOver;
    private final Executor calls;
    private final Executor deliveries;
    private final @Nullable ThreadPoolExecutor callPool;
    private final @Nullable ForkJoinPool deliveryPool;

    /** Makes the threads of one client; {@code loads}: where loads run, {@code null} for a thread each. */
    static BackgroundThreads of(String name, @Nullable Executor loads) {
        ThreadFactory virtual = IsolatedThreads.virtual(name + "-async").orElse(null);
        return new BackgroundThreads(name, virtual, IsolatedThreads::platform, loads);
    }

    /**
     * Makes the threads of one client.
     *
     * @param virtual makes virtual threads; {@code null} where the JVM has none
     * @param platform makes platform threads with names that begin so
     * @param ownLoads where loads run; {@code null} for a thread each
     */
    BackgroundThreads(
            String name,
            @Nullable ThreadFactory virtual,
            Function<String, ThreadFactory> platform,
            @Nullable Executor ownLoads) {
        this.name = name;
        this.platform = platform;
        if (virtual != null) {
            this.alone = task -> virtual.newThread(task).start();
            this.calls = task -> virtual.newThread(task).start();
            this.deliveries = calls;
            this.callPool = null;
            this.deliveryPool = null;
        } else {
            ThreadFactory loading = platform.apply(name + "-load");
            this.alone = task -> loading.newThread(task).start();
            ThreadPoolExecutor pool = new ThreadPoolExecutor(
                    CALL_THREADS,
                    CALL_THREADS,
                    IDLE_SECONDS,
                    TimeUnit.SECONDS,
                    new LinkedBlockingQueue<>(),
                    platform.apply(name + "-call"));
            pool.allowCoreThreadTimeOut(true);
            ForkJoinPool delivering = deliveryPool(name + "-delivery-", platform.apply(name + "-maker"));
            this.calls = pool;
            this.deliveries = delivering;
            this.callPool = pool;
            this.deliveryPool = delivering;
        }
        this.loads = ownLoads == null ? alone : ownLoads;
        this.handingOver = ownLoads == null ? Runnable::run : deliveries;
    }

    private static ForkJoinPool deliveryPool(String prefix, ThreadFactory makers) {
        AtomicLong number = new AtomicLong();
        return new ForkJoinPool(
                DELIVERY_THREADS,
                pool -> isolated(makers, () -> new Worker(pool, prefix + number.incrementAndGet())),
                null,
                true,
                0,
                MOST_DELIVERY_THREADS,
                1,
                pool -> true,
                IDLE_SECONDS,
                TimeUnit.SECONDS);
    }

    /** A worker inherits from the thread that makes it, so that is one which has nothing. */
    private static ForkJoinWorkerThread isolated(ThreadFactory makers, Supplier<ForkJoinWorkerThread> worker) {
        ForkJoinWorkerThread[] made = new ForkJoinWorkerThread[1];
        Thread maker = makers.newThread(() -> made[0] = worker.get());
        maker.start();
        boolean interrupted = false;
        while (maker.isAlive()) {
            try {
                maker.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return made[0];
    }

    private static final class Worker extends ForkJoinWorkerThread {
        Worker(ForkJoinPool pool, String name) {
            super(pool);
            setName(name);
        }
    }

    /** Whether each call has a thread that runs nothing else, so that foreign code may run there. */
    boolean areVirtual() {
        return callPool == null;
    }

    /** Runs code of ours that ends within the store's bound. */
    Executor calls() {
        return calls;
    }

    /** Runs a load: on a thread that nothing else has run on or will, or where the user has said. */
    void load(Runnable task) {
        loads.execute(task);
    }

    /** Hands loads over from a thread that must not run them, as an executor of the user's may have it do. */
    Executor handingOver() {
        return handingOver;
    }

    /** Runs foreign code that is no loader, on a thread that nothing else has run on or will. */
    void aside(Runnable task) {
        alone.execute(task);
    }

    /** Runs what is chained to futures. */
    Executor deliveries() {
        return deliveries;
    }

    /** Makes single threads for a purpose. */
    ThreadFactory platform(String purpose) {
        return platform.apply(name + '-' + purpose);
    }

    /** Threads end as soon as they have nothing left to do. */
    @Override
    public void close() {
        if (callPool != null) {
            callPool.shutdown();
        }
        if (deliveryPool != null) {
            deliveryPool.shutdown();
        }
    }
}
