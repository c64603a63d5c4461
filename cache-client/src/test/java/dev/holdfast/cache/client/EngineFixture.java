package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheEvent;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.Codec;
import dev.holdfast.cache.ContextCarrier;
import dev.holdfast.cache.memory.MemoryStore;
import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;

/** A cache over memory, with a clock that stands still and threads to call it from. */
abstract class EngineFixture {
    static final Duration MINUTE = Duration.ofMinutes(1);
    static final Duration HOUR = Duration.ofHours(1);
    /** Five minutes fresh, an hour beyond. */
    static final CachePolicy STALE = CachePolicy.of(MINUTE.multipliedBy(5)).withStaleIfError(HOUR);

    final FakeTime time = new FakeTime();
    final ScriptedStore store = new ScriptedStore(place());
    final ExecutorService threads = Executors.newCachedThreadPool();
    final EngineServices services = services();
    private final List<AutoCloseable> opened = new ArrayList<>();

    /** Where entries are: this process's own memory, or what others see too. */
    CacheStore place() {
        return MemoryStore.create(64 << 20);
    }

    EngineServices services() {
        return services(List.of(), time, time);
    }

    /** With a listener for events of a type. */
    <E extends CacheEvent> EngineServices services(Class<E> type, Consumer<E> listener) {
        EngineServices listening = services();
        Runnable unused = listening.events().add(type, listener);
        return listening;
    }

    static EngineServices services(List<ContextCarrier> carriers, InstantSource clock, LongSupplier nanoTime) {
        BackgroundThreads threads = BackgroundThreads.of("holdfast-test", null);
        return EngineServices.start(threads, new Events(threads.platform("events")), carriers, clock, nanoTime);
    }

    /** A cache that keeps nothing near. */
    static <K, V> CacheEngine<K, V> engine(
            String name,
            CacheStore store,
            Function<? super K, String> keyMapper,
            Codec<V> codec,
            CachePolicy policy,
            EngineServices services) {
        return new CacheEngine<>(new EngineSpec<>(name, store, keyMapper, codec, policy, services, null));
    }

    CacheEngine<String, String> open(CachePolicy policy) {
        return open("c", policy, services);
    }

    CacheEngine<String, String> open(String name, CachePolicy policy, EngineServices with) {
        CacheEngine<String, String> cache =
                EngineFixture.engine(name, store, Function.identity(), Codec.string(), policy, with);
        opened.add(cache);
        return cache;
    }

    @AfterEach
    void close() throws Exception {
        for (AutoCloseable closeable : opened) {
            closeable.close();
        }
        services.close();
        threads.shutdownNow();
        store.close();
    }

    <T> Future<T> start(Callable<T> call) {
        return threads.submit(call);
    }

    static void await(CountDownLatch latch) {
        try {
            if (!latch.await(30, TimeUnit.SECONDS)) {
                throw new AssertionError("waited 30 s for a latch");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    static void until(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("waited 30 s until " + what);
            }
            LockSupport.parkNanos(100_000);
        }
    }

    static <T> T result(Future<T> future) throws Exception {
        return future.get(30, TimeUnit.SECONDS);
    }
}
