package dev.holdfast.cache.micrometer;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Meters that come and go together, with some tags in common. The registry refers weakly to what they measure, so that whoever has such a
 * set keeps that alive. For any number of threads.
 */
final class MeterSet implements AutoCloseable {
    private final MeterRegistry registry;
    private final Tags tags;
    private final @Nullable MeterSet whole;
    private final Set<Meter> meters = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    MeterSet(MeterRegistry registry, Tags tags) {
        this(registry, tags, null);
    }

    private MeterSet(MeterRegistry registry, Tags tags, @Nullable MeterSet whole) {
        this.registry = registry;
        this.tags = tags;
        this.whole = whole;
    }

    /** Makes an empty set of the same registry, with more tags in common. Nothing can be added to it once this is closed. */
    MeterSet with(String... keysAndValues) {
        return new MeterSet(registry, tags.and(keysAndValues), this);
    }

    private boolean isClosed() {
        return closed || (whole != null && whole.isClosed());
    }

    <T> void gauge(Name name, T of, ToDoubleFunction<T> value, String... more) {
        added(Gauge.builder(name.name(), of, value)
                .description(name.description())
                .baseUnit(name.unit())
                .tags(tags.and(more))
                .register(registry));
    }

    <T> void counter(Name name, T of, ToDoubleFunction<T> value, String... more) {
        added(FunctionCounter.builder(name.name(), of, value)
                .description(name.description())
                .baseUnit(name.unit())
                .tags(tags.and(more))
                .register(registry));
    }

    Counter counter(Name name, String... more) {
        return added(Counter.builder(name.name())
                .description(name.description())
                .baseUnit(name.unit())
                .tags(tags.and(more))
                .register(registry));
    }

    /** {@code buckets}: the upper bounds that a histogram counts up to; none for a timer without histogram. */
    Timer timer(Name name, Duration[] buckets, String... more) {
        Timer.Builder timer =
                Timer.builder(name.name()).description(name.description()).tags(tags.and(more));
        return added((buckets.length == 0 ? timer : timer.serviceLevelObjectives(buckets)).register(registry));
    }

    /** What a meter is called. */
    record Name(String name, String description, @Nullable String unit) {
        Name(String name, String description) {
            this(name, description, null);
        }
    }

    private <M extends Meter> M added(M meter) {
        meters.add(meter);
        if (isClosed()) {
            remove(meter);
        }
        return meter;
    }

    private void remove(Meter meter) {
        if (meters.remove(meter)) {
            registry.remove(meter);
        }
    }

    /** Takes them out, and whatever is added later. Idempotent. */
    @Override
    public void close() {
        closed = true;
        meters.forEach(this::remove);
    }
}
