package dev.holdfast.cache.failover;

import dev.holdfast.cache.spi.CacheStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Removes from a tier what it has missed. Where the client says so, a tombstone is left, as by its own removals: loads of other
 * processes, which see this tier all the while, may have begun before.
 */
final class Cleaning {
    /** Leaves nothing. */
    static final Cleaning PLAIN = new Cleaning(() -> new byte[0], key -> null);

    private final Supplier<byte[]> tombstones;
    private final Function<String, @Nullable Duration> life;

    /**
     * Creates one.
     *
     * @param tombstones makes another each time
     * @param life how long one is left in the place of a key; {@code null}: none
     */
    Cleaning(Supplier<byte[]> tombstones, Function<String, @Nullable Duration> life) {
        this.tombstones = tombstones;
        this.life = life;
    }

    /** Keys that are removed by one call of a store. */
    record Batch(Optional<Duration> life, List<String> keys) {}

    /** Cuts keys into batches. */
    Collection<Batch> batches(Collection<String> keys) {
        Map<Optional<Duration>, Batch> batches = new LinkedHashMap<>();
        for (String key : keys) {
            Optional<Duration> left = Optional.ofNullable(life.apply(key));
            batches.computeIfAbsent(left, same -> new Batch(same, new ArrayList<>()))
                    .keys()
                    .add(key);
        }
        return batches.values();
    }

    /** Removes the keys of a batch. */
    void remove(CacheStore store, Batch batch) {
        if (batch.life().isPresent()) {
            store.removeAllLeaving(batch.keys(), tombstones.get(), batch.life().get());
        } else {
            store.removeAll(batch.keys());
        }
    }
}
