package dev.holdfast.cache.examples;

import dev.holdfast.cache.Settings;
import dev.holdfast.streams.Request;
import dev.holdfast.streams.RequestServer;
import dev.holdfast.streams.StreamsConfig;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;

/**
 * The service that does the work: {@code PROXY_TERMINALS} (5) requests at a time, each {@code PROXY_WORK} ms (150) long, as if a slow system were behind it.
 * Told to end, it takes nothing more and finishes what it has within {@code STREAMS_GRACE} seconds (25).
 *
 * <p>Settings: those two, {@code HEALTH_PORT} (8081) for health and metrics, and those of {@link StreamsConfig#from}.
 */
public final class Proxy implements AutoCloseable {
    private static final byte[] DONE = "done: ".getBytes(StandardCharsets.UTF_8);

    private final RequestServer server;
    private final ServiceHttp http;
    private final Duration work;

    private Proxy(Settings settings) {
        StreamsConfig config = StreamsConfig.from(settings);
        work = Duration.ofMillis(settings.number("PROXY_WORK", 150, 0, 3_600_000));
        server = RequestServer.start(config, settings.integer("PROXY_TERMINALS", 5, 1, 10_000), this::handle);
        http = new ServiceHttp(ServiceHttp.healthPort(settings))
                .health(() -> server.health().trouble())
                .ready(() -> server.health().available())
                .metrics(() -> StreamMetrics.of(server.health(), server::queue))
                .start();
    }

    /** Runs until the process is told to end. */
    public static void main(String[] args) {
        ServiceVariables.warn();
        Proxy proxy = start(Settings.environment());
        Runtime.getRuntime().addShutdownHook(new Thread(proxy::close));
        System.out.println("proxy, health on port " + proxy.healthPort());
    }

    static Proxy start(Settings settings) {
        return new Proxy(settings);
    }

    int healthPort() {
        return http.healthPort();
    }

    private byte[] handle(Request request) throws InterruptedException {
        Thread.sleep(work.toMillis());
        // As bytes: strings of a large request would be in the heap several times.
        byte[] payload = request.payload();
        byte[] answer = Arrays.copyOf(DONE, DONE.length + payload.length);
        System.arraycopy(payload, 0, answer, DONE.length, payload.length);
        return answer;
    }

    /** Finishes what it has, within its grace; is to be seen in the meantime. */
    @Override
    public void close() {
        http.leave();
        server.close();
        http.close();
    }
}
