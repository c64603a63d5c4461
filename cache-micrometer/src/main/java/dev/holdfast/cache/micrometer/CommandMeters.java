package dev.holdfast.cache.micrometer;

import dev.holdfast.cache.micrometer.MeterSet.Name;
import dev.holdfast.cache.spi.CallObserver;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Measures the commands to servers, by OpenTelemetry's conventions for database clients. A server's meters come with its first command. For any
 * number of threads.
 */
final class CommandMeters implements CallObserver {
    private static final Name DURATION =
            new Name("db.client.operation.duration", "How long commands took, from the caller's side");
    private static final Name WAIT =
            new Name("db.client.connection.wait_time", "How long commands waited for a connection");

    /** OpenTelemetry's. */
    private static final Duration[] BUCKETS = Stream.of(1, 5, 10, 50, 100, 500, 1_000, 5_000, 10_000)
            .map(Duration::ofMillis)
            .toArray(Duration[]::new);

    private final MeterSet meters;
    private final Map<String, OfServer> servers = new ConcurrentHashMap<>();

    /** The meters of one server. */
    private record OfServer(MeterSet meters, Timer waits, Map<Operation, Timer> durations) {
        Timer duration(String name, String errorType) {
            return durations.computeIfAbsent(
                    new Operation(name, errorType),
                    key -> meters.timer(
                            DURATION,
                            BUCKETS,
                            "db.system.name",
                            "redis",
                            "db.operation.name",
                            name,
                            "error.type",
                            errorType));
        }
    }

    private record Operation(String name, String errorType) {}

    CommandMeters(MeterSet meters) {
        this.meters = meters;
    }

    @Override
    public Ended began(String name, String place) {
        long start = System.nanoTime();
        return failure ->
                of(place).duration(name, ErrorType.of(failure)).record(System.nanoTime() - start, TimeUnit.NANOSECONDS);
    }

    @Override
    public void waited(String place, long nanos) {
        of(place).waits().record(nanos, TimeUnit.NANOSECONDS);
    }

    private OfServer of(String place) {
        return servers.computeIfAbsent(place, key -> {
            ServerAddress address = ServerAddress.of(key);
            MeterSet own = meters.with("server.address", address.host(), "server.port", address.port());
            return new OfServer(own, own.timer(WAIT, BUCKETS), new ConcurrentHashMap<>());
        });
    }

    /** Takes the meters of a server out, which is not called any more. */
    void forget(String place) {
        OfServer server = servers.remove(place);
        if (server != null) {
            server.meters().close();
        }
    }

    /** Takes all out. */
    void close() {
        servers.keySet().forEach(this::forget);
    }
}
