package dev.holdfast.cache.failover;

import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.slf4j.Logger;

/** Tells the log and the listeners what happened: in order, one at a time, on whichever thread claims the task. */
final class Notices {
    private final Logger log;
    private final List<String> names;
    private final List<FailoverListener> listeners;
    private final Queue<Effect.Notice> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicBoolean claimed = new AtomicBoolean();

    Notices(Logger log, List<String> names, List<FailoverListener> listeners) {
        this.log = log;
        this.names = names;
        this.listeners = new CopyOnWriteArrayList<>(listeners);
    }

    void add(Effect.Notice notice) {
        waiting.add(notice);
    }

    /** Whether the caller has to see to it that {@link #deliver} runs. */
    boolean claim() {
        return claimed.compareAndSet(false, true);
    }

    void deliver() {
        do {
            try {
                for (Effect.Notice next = waiting.poll(); next != null; next = waiting.poll()) {
                    tell(next);
                }
            } finally {
                claimed.set(false);
            }
        } while (!waiting.isEmpty() && claim());
    }

    private void tell(Effect.Notice notice) {
        if (notice instanceof Effect.Opened opened) {
            String cause = opened.cause() == null ? "" : ": " + opened.cause().getMessage();
            String next = opened.next() == FailoverState.NONE ? "no tier" : "tier " + names.get(opened.next());
            log.warn(
                    "tier {} is lost ({}{}); {} answers now, and it is probed until it is back",
                    names.get(opened.tier()),
                    opened.reason(),
                    cause,
                    next);
            each(listener -> listener.tierOpened(names.get(opened.tier()), opened.reason(), opened.cause()));
        } else if (notice instanceof Effect.Closed closed) {
            log.info(
                    "tier {} is back after {} ms, {} changes entered",
                    names.get(closed.tier()),
                    closed.outageNanos() / 1_000_000,
                    closed.reconciled());
            each(listener -> listener.tierClosed(names.get(closed.tier())));
        } else if (notice instanceof Effect.Switched switched) {
            switched(switched);
        } else if (notice instanceof Effect.ReconciliationFailed failed) {
            log.warn(
                    "tier {} could not be reconciled, it stays out and is tried again",
                    names.get(failed.tier()),
                    failed.cause());
            each(listener -> listener.reconciliationFailed(names.get(failed.tier()), failed.cause()));
        } else if (notice instanceof Effect.Remark remark) {
            log.warn("tier {}: {}", names.get(remark.tier()), remark.note());
        }
    }

    private void switched(Effect.Switched switched) {
        String from = switched.from() == FailoverState.NONE ? null : names.get(switched.from());
        String to = switched.to() == FailoverState.NONE ? null : names.get(switched.to());
        FailoverReason reason = switched.reason();
        if (reason != null && from != null) {
            each(listener -> listener.failover(from, to, reason));
        } else if (to != null) {
            Duration outage = Duration.ofNanos(switched.outageNanos());
            each(listener -> listener.failback(from, to, outage, switched.reconciled()));
        }
    }

    private void each(Consumer<FailoverListener> event) {
        for (FailoverListener listener : listeners) {
            try {
                event.accept(listener);
            } catch (RuntimeException | Error e) {
                log.warn("a failover listener failed", e);
            }
        }
    }
}
