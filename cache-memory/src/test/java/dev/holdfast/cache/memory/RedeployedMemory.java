package dev.holdfast.cache.memory;

import java.time.Duration;
import java.util.function.Consumer;

/** An application that keeps something in memory for an hour, and ends. */
public final class RedeployedMemory implements Consumer<String> {
    @Override
    public void accept(String key) {
        try (MemoryStore store = MemoryStore.create(1 << 20)) {
            for (int i = 0; i < 100; i++) {
                store.put(key + i, new byte[10], Duration.ofHours(1));
                store.get(key + i);
            }
            store.incrementOnce("counter", 1, Duration.ofHours(1), "once");
            store.incrementOnce("counter", 1, Duration.ofHours(1), "once");
            store.removeByPrefix(key);
        }
    }
}
