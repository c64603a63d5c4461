package dev.holdfast.cache.upstash;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.Secret;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** The token changes each second under eight callers, who notice nothing. */
class RotationTest {
    private static final int CALLERS = 8;
    private static final int ROUNDS = 6;

    @Test
    void aTokenThatIsResetEachSecondCostsNoCall() throws InterruptedException {
        Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
        AtomicLong calls = new AtomicLong();
        AtomicBoolean ended = new AtomicBoolean();
        AtomicReference<String> present = new AtomicReference<>(GatewayUnderTest.TOKEN);
        List<Thread> callers = new ArrayList<>();
        try (GatewayUnderTest server = new GatewayUnderTest();
                UpstashStore store = UpstashStore.create(
                        UpstashConfig.of(server.gateway.url(), () -> Credentials.of(Secret.of(present.get()))))) {
            for (int i = 0; i < CALLERS; i++) {
                String key = "k" + i;
                Thread caller = new Thread(() -> {
                    while (!ended.get()) {
                        try {
                            store.put(key, key.getBytes(UTF_8), Duration.ofMinutes(1));
                            assertEquals(key, new String(store.get(key), UTF_8));
                            calls.addAndGet(2);
                        } catch (RuntimeException | Error e) {
                            failures.add(e);
                        }
                    }
                });
                callers.add(caller);
                caller.start();
            }
            try {
                for (int i = 0; i < ROUNDS; i++) {
                    LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
                    String next = "token-" + i;
                    present.set(next);
                    server.gateway.setToken(next);
                }
                LockSupport.parkNanos(TimeUnit.SECONDS.toNanos(1));
            } finally {
                ended.set(true);
                for (Thread caller : callers) {
                    caller.join();
                }
            }
        }
        assertEquals(List.of(), List.copyOf(failures), () -> calls + " calls");
        assertTrue(calls.get() > 100, () -> calls + " calls");
    }
}
