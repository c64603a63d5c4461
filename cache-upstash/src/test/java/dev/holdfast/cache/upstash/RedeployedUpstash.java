package dev.holdfast.cache.upstash;

import dev.holdfast.cache.Secret;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/** An application that keeps something in a database, with many callers on few connections, and ends. */
public final class RedeployedUpstash implements Consumer<String> {
    @Override
    public void accept(String url) {
        try (UpstashStore store = UpstashStore.create(
                UpstashConfig.of(url, Secret.of(GatewayUnderTest.TOKEN)).withMaxConnections(2))) {
            store.put("k", new byte[] {-1}, Duration.ofMinutes(1));
            store.probe(Duration.ofSeconds(5));
            List<Thread> callers = IntStream.range(0, 6)
                    .mapToObj(i -> new Thread(() -> store.get("k")))
                    .toList();
            callers.forEach(Thread::start);
            for (Thread caller : callers) {
                join(caller);
            }
        }
    }

    private static void join(Thread caller) {
        try {
            caller.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
