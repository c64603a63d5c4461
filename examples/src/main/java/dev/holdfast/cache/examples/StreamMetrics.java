package dev.holdfast.cache.examples;

import dev.holdfast.streams.ClientHealth;
import dev.holdfast.streams.QueueHealth;
import dev.holdfast.streams.RequestRejectedException;
import dev.holdfast.streams.ServerHealth;
import java.util.Locale;
import java.util.function.Supplier;

/** What the two services show Prometheus. A queue that Redis does not tell about is left out: never 0, by which somebody would scale. */
final class StreamMetrics {
    private final StringBuilder text = new StringBuilder();

    static String of(ServerHealth health, Supplier<QueueHealth> queue) {
        return new StreamMetrics().server(health).queue(queue).text.toString();
    }

    static String of(ClientHealth health, BodyMemory bodies, Supplier<QueueHealth> queue) {
        return new StreamMetrics()
                .client(health)
                .bodies(bodies)
                .queue(queue)
                .text
                .toString();
    }

    private StreamMetrics server(ServerHealth health) {
        gauge("streams_up", "whether Redis answers", health.available() ? 1 : 0);
        gauge("streams_terminals", "requests that are worked on at a time, at most", health.terminals());
        gauge("streams_terminals_busy", "requests that are worked on", health.busy());
        gauge("streams_terminals_overdue", "requests worked on whose callers have given up", health.overdue());
        counter("streams_answered_total", "requests answered", health.answered());
        counter("streams_replayed_total", "answers taken from an earlier run of the id", health.replayed());
        counter("streams_attempts_failed_total", "attempts of the handler that failed", health.attemptsFailed());
        counter("streams_expired_total", "requests skipped, their callers having given up", health.expired());
        counter("streams_dead_total", "requests that became dead letters", health.dead());
        counter("streams_orphans_total", "answers whose ingress was gone", health.orphans());
        return counter("streams_redelivered_total", "requests taken over from silent workers", health.redelivered());
    }

    private StreamMetrics client(ClientHealth health) {
        gauge("streams_up", "whether Redis takes requests", health.available() ? 1 : 0);
        gauge("streams_in_flight", "calls that wait for their answer", health.inFlight());
        gauge("streams_in_flight_max", "calls that may wait at a time", health.maxInFlight());
        counter("streams_calls_accepted_total", "calls accepted", health.accepted());
        counter("streams_calls_answered_total", "calls answered", health.answered());
        counter("streams_calls_failed_total", "calls answered with a failure", health.failed());
        counter("streams_calls_timed_out_total", "calls without an answer in time", health.timedOut());
        counter("streams_calls_rejected_total", "calls rejected", health.rejected());
        return counter("streams_answers_unclaimed_total", "answers nobody waited for any more", health.unclaimed());
    }

    private StreamMetrics bodies(BodyMemory bodies) {
        gauge("streams_body_bytes", "bytes of bodies in hand", bodies.held());
        gauge("streams_body_bytes_max", "bytes of bodies that may be in hand", bodies.most());
        return counter("streams_bodies_refused_total", "requests and answers there was no room for", bodies.refused());
    }

    private StreamMetrics queue(Supplier<QueueHealth> asked) {
        QueueHealth queue;
        try {
            queue = asked.get();
        } catch (RequestRejectedException e) {
            return this;
        }
        gauge("streams_queue_length", "requests that wait or are worked on", queue.length());
        gauge("streams_lag", "requests no worker has taken", queue.lag());
        gauge("streams_pending", "requests with workers", queue.pending());
        line(
                "streams_oldest_pending_seconds",
                "age of the oldest of those",
                "gauge",
                String.format(Locale.ROOT, "%.3f", queue.oldestPending().toMillis() / 1e3));
        gauge("streams_consumers", "workers known to Redis", queue.consumers());
        return gauge("streams_dead_letters", "dead letters kept", queue.deadLetters());
    }

    private StreamMetrics gauge(String name, String help, long value) {
        return line(name, help, "gauge", Long.toString(value));
    }

    private StreamMetrics counter(String name, String help, long value) {
        return line(name, help, "counter", Long.toString(value));
    }

    private StreamMetrics line(String name, String help, String type, String value) {
        text.append("# HELP ").append(name).append(' ').append(help).append('\n');
        text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
        text.append(name).append(' ').append(value).append('\n');
        return this;
    }
}
