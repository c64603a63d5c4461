package dev.holdfast.cache.micrometer;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import java.time.Duration;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/** Reads meters, and waits for what they say. */
final class Meters {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final long STEP = TimeUnit.MILLISECONDS.toNanos(10);

    private Meters() {}

    /** The first value of the meter with these tags; throws if there is not just one. */
    static double value(MeterRegistry registry, String name, String... tags) {
        Set<Meter> found = Set.copyOf(registry.find(name).tags(tags).meters());
        if (found.size() != 1) {
            throw new AssertionError(name + " " + String.join(" ", tags) + ": " + found.size() + " meters");
        }
        return found.iterator().next().measure().iterator().next().getValue();
    }

    /** But for the gauges that a simple registry makes of the buckets of a histogram. */
    static Set<String> names(MeterRegistry registry) {
        return registry.getMeters().stream()
                .map(meter -> meter.getId().getName())
                .filter(name -> !name.endsWith(".histogram"))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** The keys of the tags of all meters of a name. */
    static Set<Set<String>> keys(MeterRegistry registry, String name) {
        return registry.find(name).meters().stream()
                .map(meter -> meter.getId().getTags().stream().map(Tag::getKey).collect(Collectors.toUnmodifiableSet()))
                .collect(Collectors.toSet());
    }

    static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - end > 0) {
                throw new AssertionError("waited " + PATIENCE + " for " + what);
            }
            LockSupport.parkNanos(STEP);
        }
    }
}
