package dev.holdfast.cache.memory;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.spi.CacheStore;
import dev.holdfast.cache.spi.StoreProvider;
import java.time.InstantSource;

/**
 * Makes the tier {@code memory} from {@code CACHE_MEMORY_MAX_BYTES} (64 MiB unless set, at least 1 MiB) and
 * {@code REDIS_KEY_PREFIX}.
 */
public final class MemoryStoreProvider implements StoreProvider {
    private static final String MAX_BYTES = "CACHE_MEMORY_MAX_BYTES";
    private static final String KEY_PREFIX = "REDIS_KEY_PREFIX";

    /** For {@link java.util.ServiceLoader}. */
    public MemoryStoreProvider() {}

    @Override
    public String tier() {
        return "memory";
    }

    @Override
    public CacheStore create(Settings settings) {
        return create(settings, MemoryStore.builder());
    }

    @Override
    public CacheStore create(Settings settings, InstantSource clock) {
        return create(settings, MemoryStore.builder().clock(clock));
    }

    private static CacheStore create(Settings settings, MemoryStore.Builder builder) {
        long maxBytes = settings.number(MAX_BYTES, 64L << 20, 1L << 20, Long.MAX_VALUE);
        try {
            return builder.maxBytes(maxBytes)
                    .keyPrefix(settings.text(KEY_PREFIX).orElse(""))
                    .build();
        } catch (IllegalArgumentException e) {
            throw settings.malformed(
                    KEY_PREFIX, "must have at most 256 characters, no white space and no control characters");
        }
    }
}
