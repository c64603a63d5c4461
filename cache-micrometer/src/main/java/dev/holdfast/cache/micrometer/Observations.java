package dev.holdfast.cache.micrometer;

import dev.holdfast.cache.ContextCarrier;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.spi.CallObserver;
import io.micrometer.context.ContextSnapshotFactory;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.SenderContext;
import org.jspecify.annotations.Nullable;

/**
 * The spans of a client: one for each load and one for each command to a server, children of whatever its caller was doing, also where the load runs
 * in the background.
 *
 * <pre>{@code
 * CacheClient client = CacheClient.builder()
 *         .settings(settings)
 *         .contextCarrier(Observations.carrier())
 *         .build();
 * Runnable end = Observations.observe(client, registry);
 * }</pre>
 *
 * <p>For any number of threads.
 */
public final class Observations {
    /** The name of a load's observation; {@code cache} is its key. */
    public static final String LOAD = "holdfast.load";

    /** The name of a command's observation; its keys are those of OpenTelemetry's conventions for database clients. */
    public static final String COMMAND = "holdfast.command";

    private Observations() {}

    /**
     * Makes what takes a caller's context to the threads on which its background work runs: whatever the context-propagation library knows of
     * it, the present observation among it. What the caller does not have is not there, either.
     *
     * @return the carrier, for {@code CacheClientBuilder.contextCarrier}
     */
    public static ContextCarrier carrier() {
        ContextSnapshotFactory snapshots =
                ContextSnapshotFactory.builder().clearMissing(true).build();
        return task -> snapshots.captureAll().wrap(task);
    }

    /**
     * Has the loads and commands of a client observed, until it is closed. A load is an observation named {@link #LOAD}, whose scope is open while the
     * loader runs; a command one named {@link #COMMAND}, of the kind {@link Kind#CLIENT}. No key and no value of the cache is in any of them.
     *
     * @param client the client, built with a {@link #carrier} if background work is to have its caller as its parent
     * @param registry where they go; {@link ObservationRegistry#NOOP} costs nothing, and one without handlers next to nothing
     * @return ends it
     * @throws IllegalStateException if the client is closed
     */
    public static Runnable observe(CacheClient client, ObservationRegistry registry) {
        if (registry.equals(ObservationRegistry.NOOP)) {
            return () -> {};
        }
        Runnable loads = client.observeLoads(
                // Handlers may come later.
                (name, cache) -> registry.isNoop() ? CallObserver.UNOBSERVED : load(cache, registry));
        Runnable commands = client.observeCommands(
                (name, server) -> registry.isNoop() ? CallObserver.UNOBSERVED : command(name, server, registry));
        return () -> {
            loads.run();
            commands.run();
        };
    }

    private static CallObserver.Ended load(String cache, ObservationRegistry registry) {
        Observation observation = started(Observation.createNotStarted(LOAD, registry)
                .contextualName("load ".concat(cache))
                .lowCardinalityKeyValue("cache", cache));
        Observation.Scope scope = opened(observation, registry);
        return failure -> {
            try {
                close(scope, registry);
            } finally {
                end(observation, failure);
            }
        };
    }

    /** If a handler fails, those that know of the beginning are told of the end. */
    private static Observation started(Observation observation) {
        boolean started = false;
        try {
            observation.start();
            started = true;
            return observation;
        } finally {
            if (!started) {
                observation.stop();
            }
        }
    }

    private static Observation.Scope opened(Observation observation, ObservationRegistry registry) {
        Observation.Scope before = registry.getCurrentObservationScope();
        try {
            return observation.openScope();
        } catch (Throwable e) {
            try {
                // The thread has the scope before handlers are told of it.
                Observation.Scope half = registry.getCurrentObservationScope();
                if (half != null && half != before) {
                    close(half, registry);
                }
            } finally {
                observation.stop();
            }
            throw e;
        }
    }

    /** Leaves the thread with what it was doing before, also if a handler fails. */
    private static void close(Observation.Scope scope, ObservationRegistry registry) {
        try {
            scope.close();
        } finally {
            if (registry.getCurrentObservationScope() == scope) {
                registry.setCurrentObservationScope(scope.getPreviousObservationScope());
            }
        }
    }

    private static CallObserver.Ended command(String name, String server, ObservationRegistry registry) {
        ServerAddress address = ServerAddress.of(server);
        SenderContext<Object> context = new SenderContext<>((carrier, key, value) -> {}, Kind.CLIENT);
        context.setRemoteServiceName("redis");
        context.setRemoteServiceAddress(server);
        Observation observation = started(Observation.createNotStarted(COMMAND, () -> context, registry)
                .contextualName(name)
                .lowCardinalityKeyValue("db.system.name", "redis")
                .lowCardinalityKeyValue("db.operation.name", name)
                .lowCardinalityKeyValue("server.address", address.host())
                .lowCardinalityKeyValue("server.port", address.port()));
        return failure -> end(observation, failure);
    }

    private static void end(Observation observation, @Nullable Throwable failure) {
        try {
            if (failure != null) {
                observation.error(failure);
            }
        } finally {
            observation.stop();
        }
    }
}
