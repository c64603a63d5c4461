package dev.holdfast.cache.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Cache;
import dev.holdfast.cache.CachePolicy;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.client.CacheClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A thousand virtual threads call a cache, and JFR sees none of them hold its carrier. On older JDKs monitors pin. */
@EnabledForJreRange(minVersion = 24)
class PinningTest {
    private static final int THREADS = 1_000;

    @TempDir
    private Path dir;

    @ParameterizedTest
    @EnumSource
    void noVirtualThreadIsPinned(StoreServers kind) throws Exception {
        CachePolicy policy = CachePolicy.of(Duration.ofMinutes(5))
                .withStaleIfError(Duration.ofHours(1))
                .withLoadSoftTimeout(Duration.ofMillis(50));
        try (StoreServers.Running servers = kind.start();
                CacheClient client = servers.client()) {
            Cache<String, String> cache =
                    client.cache("c", String.class, String.class).policy(policy).build();
            callFromVirtualThreads(cache, "warm");
            List<RecordedEvent> pinned = recorded(() -> callFromVirtualThreads(cache, "k"));
            assertEquals(List.of(), pinned);
        }
    }

    /** That the recording sees what it is for: a thread that waits inside a static initializer is pinned by the JVM's frame. */
    @Test
    void theRecordingSeesAThreadThatIsPinned() throws Exception {
        assertFalse(recorded(() -> inVirtualThreads(1, number -> new Waits())).isEmpty());
    }

    private static final class Waits {
        static {
            LockSupport.parkNanos(5_000_000);
        }
    }

    private interface Work {
        void run() throws Exception;
    }

    private interface Call {
        void run(int number) throws Exception;
    }

    private List<RecordedEvent> recorded(Work work) throws Exception {
        Path file = Files.createTempFile(dir, "pinned", ".jfr");
        try (Recording recording = new Recording()) {
            recording
                    .enable("jdk.VirtualThreadPinned")
                    .withThreshold(Duration.ZERO)
                    .withStackTrace();
            recording.start();
            work.run();
            recording.stop();
            recording.dump(file);
        }
        return RecordingFile.readAllEvents(file).stream()
                .filter(event -> !isLoadingAClass(event))
                .toList();
    }

    /** Threads that need a class at the same time wait for each other inside the JDK, whoever's class it is. */
    private static boolean isLoadingAClass(RecordedEvent event) {
        return event.getStackTrace() != null
                && event.getStackTrace().getFrames().stream()
                        .anyMatch(frame -> frame.getMethod().getType().getName().startsWith("jdk.internal.loader."));
    }

    private static void callFromVirtualThreads(Cache<String, String> cache, String prefix) throws Exception {
        LongAdder answered = new LongAdder();
        LongAdder refused = new LongAdder();
        AtomicReference<CacheUnavailableException> first = new AtomicReference<>();
        inVirtualThreads(THREADS, number -> {
            try {
                callAll(cache, prefix, number);
                answered.increment();
            } catch (CacheUnavailableException e) {
                // A thousand at once may be more than a busy machine's server takes: who is refused is not pinned
                // either.
                refused.increment();
                first.compareAndSet(null, e);
            }
        });
        assertTrue(
                answered.sum() > 0,
                () -> refused + " refused: " + first + ", "
                        + (first.get() == null ? "" : first.get().getCause()));
    }

    private static void callAll(Cache<String, String> cache, String prefix, int number) throws Exception {
        String shared = prefix + number % 10;
        String own = prefix + "-" + number;
        call(cache, shared);
        call(cache, own);
        cache.put(own, "put");
        cache.markStale(own);
        call(cache, own);
        cache.getAll(List.of(shared, own, own + "-bulk"), keys -> {
            LockSupport.parkNanos(100_000);
            Map<String, String> values = new HashMap<>();
            keys.forEach(key -> values.put(key, "bulk"));
            return values;
        });
        cache.async().get(own + "-async", key -> "async").get(60, TimeUnit.SECONDS);
        cache.lookup(own);
        cache.removeAll(List.of(own, shared));
        if (number % 250 == 0) {
            cache.clear();
        }
    }

    private static void call(Cache<String, String> cache, String key) {
        cache.get(key, missing -> {
            LockSupport.parkNanos(100_000);
            return "loaded";
        });
    }

    private static void inVirtualThreads(int count, Call call) throws Exception {
        ExecutorService threads = (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        try {
            List<Future<?>> calls = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                int number = i;
                calls.add(threads.submit(() -> {
                    call.run(number);
                    return null;
                }));
            }
            for (Future<?> done : calls) {
                done.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdown();
        }
    }
}
