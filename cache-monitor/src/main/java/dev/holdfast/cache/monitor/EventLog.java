package dev.holdfast.cache.monitor;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What streams tell: the newest figures, and the last alerts, in order. An event's id is the number of the last alert before it, behind a mark of this
 * log, so that a reader that comes back is told the alerts that it missed, none twice. For any number of threads.
 */
final class EventLog {
    private static final int MOST_ALERTS = 256;
    private static final long KEEP_ALIVE = TimeUnit.SECONDS.toNanos(15);

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Deque<Told> alerts = new ArrayDeque<>();
    private final String mark;
    private long lastAlert;
    private @Nullable Snapshot newest;
    private boolean closed;

    /** An alert's event, with its number. */
    private record Told(long number, String json) {}

    /** The figures of one look as JSON, written for the first who reads them: mostly nobody does. */
    private static final class Snapshot {
        private final Supplier<String> health;
        private final Supplier<String> metrics;
        private @Nullable String healthJson;
        private @Nullable String metricsJson;

        Snapshot(Supplier<String> health, Supplier<String> metrics) {
            this.health = health;
            this.metrics = metrics;
        }

        synchronized String health() {
            healthJson = healthJson == null ? health.get() : healthJson;
            return healthJson;
        }

        synchronized String metrics() {
            metricsJson = metricsJson == null ? metrics.get() : metricsJson;
            return metricsJson;
        }
    }

    /** {@code mark} tells this log from another of the same process or of one before. */
    EventLog(String mark) {
        this.mark = mark;
    }

    /** Takes what writes the figures as they are now. */
    void snapshot(Supplier<String> health, Supplier<String> metrics) {
        change(() -> newest = new Snapshot(health, metrics));
    }

    void alert(String json) {
        change(() -> {
            alerts.addLast(new Told(++lastAlert, json));
            if (alerts.size() > MOST_ALERTS) {
                alerts.removeFirst();
            }
        });
    }

    void close() {
        change(() -> closed = true);
    }

    private void change(Runnable change) {
        lock.lock();
        try {
            change.run();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Begins to read behind an event: without one, with what comes from now on; behind one of another log, with all that is there. */
    Reader reader(@Nullable String lastEventId) {
        lock.lock();
        try {
            return new Reader(lastEventId == null ? lastAlert : numberOf(lastEventId));
        } finally {
            lock.unlock();
        }
    }

    private long numberOf(String id) {
        try {
            return id.startsWith(mark + '-') ? Long.parseLong(id.substring(mark.length() + 1)) : 0;
        } catch (NumberFormatException e) {
            return 0;
        }
    }

    /** Of one thread. */
    final class Reader {
        private long alert;
        private @Nullable Snapshot read;

        private Reader(long alert) {
            this.alert = alert;
        }

        /** Waits for what is new and returns it as it is sent, a comment if nothing is new for a while; {@code null} if the log is closed. */
        @Nullable
        String next() throws InterruptedException {
            List<Told> missed = new ArrayList<>();
            Snapshot fresh;
            lock.lock();
            try {
                long left = KEEP_ALIVE;
                while (!closed && alert >= lastAlert && read == newest) {
                    if (left <= 0) {
                        return ": keep-alive\n\n";
                    }
                    left = changed.awaitNanos(left);
                }
                if (closed) {
                    return null;
                }
                missed.addAll(alerts);
                missed.removeIf(told -> told.number() <= alert);
                alert = lastAlert;
                fresh = read == newest ? null : newest;
                read = newest;
            } finally {
                lock.unlock();
            }
            return text(missed, fresh);
        }

        private String text(List<Told> missed, @Nullable Snapshot fresh) {
            StringBuilder text = new StringBuilder();
            missed.forEach(told -> event(text, told.number(), "alert", told.json()));
            if (fresh != null) {
                event(text, alert, "health", fresh.health());
                event(text, alert, "metrics", fresh.metrics());
            }
            return text.toString();
        }

        private void event(StringBuilder text, long number, String name, String json) {
            text.append("id: ").append(mark).append('-').append(number);
            text.append("\nevent: ")
                    .append(name)
                    .append("\ndata: ")
                    .append(json)
                    .append("\n\n");
        }
    }
}
