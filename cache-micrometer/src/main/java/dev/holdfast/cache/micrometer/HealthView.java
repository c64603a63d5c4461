package dev.holdfast.cache.micrometer;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.NodeHealth;
import dev.holdfast.cache.TierHealth;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * A client's health for many gauges that are read one after the other: looked at once in a tenth of a second. What is not there (any more) is
 * {@code NaN}. For any number of threads.
 */
final class HealthView {
    private static final long KEPT_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final Supplier<CacheHealth> source;
    private final LongSupplier nanoTime;
    private final Consumer<CacheHealth> looked;
    private volatile @Nullable Look last;

    private record Look(long at, CacheHealth health) {}

    /**
     * Creates one.
     *
     * @param source asks the client
     * @param nanoTime the time
     * @param looked is told of each new look
     */
    HealthView(Supplier<CacheHealth> source, LongSupplier nanoTime, Consumer<CacheHealth> looked) {
        this.source = source;
        this.nanoTime = nanoTime;
        this.looked = looked;
    }

    private @Nullable CacheHealth now() {
        Look seen = last;
        long now = nanoTime.getAsLong();
        if (seen != null && now - seen.at() < KEPT_NANOS) {
            return seen.health();
        }
        CacheHealth health;
        try {
            health = source.get();
        } catch (IllegalStateException e) {
            return null; // the client is closed, and its meters are about to go
        }
        last = new Look(now, health);
        looked.accept(health);
        return health;
    }

    double read(ToDoubleFunction<CacheHealth> value) {
        CacheHealth health = now();
        return health == null ? Double.NaN : value.applyAsDouble(health);
    }

    double tier(String name, ToDoubleFunction<TierHealth> value) {
        return read(health -> health.tiers().stream()
                .filter(tier -> tier.name().equals(name))
                .mapToDouble(value)
                .findFirst()
                .orElse(Double.NaN));
    }

    double node(String tier, String address, ToDoubleFunction<NodeHealth> value) {
        return tier(tier, health -> health.store().nodes().stream()
                .filter(node -> node.address().equals(address))
                .mapToDouble(value)
                .findFirst()
                .orElse(Double.NaN));
    }
}
