package dev.holdfast.cache.failover;

import dev.holdfast.cache.TierHealth;
import dev.holdfast.cache.internal.ForeignText;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/**
 * Tells the log and the listeners what happened, in order. The log does not wait for the listeners, nor one listener for
 * another.
 */
final class Notifications {
    private final Logger log;
    private final List<String> names;
    private final Mailbox<Effect.Notice> lines;
    private final List<Mailbox<Consumer<FailoverListener>>> listeners = new ArrayList<>();

    Notifications(Logger log, List<String> names, List<FailoverListener> listeners) {
        this.log = log;
        this.names = names;
        this.lines = new Mailbox<>(this::write, e -> {});
        for (FailoverListener listener : listeners) {
            this.listeners.add(
                    new Mailbox<>(event -> event.accept(listener), e -> log.warn("a failover listener failed", e)));
        }
    }

    void add(Effect.Notice notice) {
        lines.add(notice);
        Consumer<FailoverListener> event = event(notice);
        if (event != null) {
            listeners.forEach(each -> each.add(event));
        }
    }

    /** Has everything told that waits. */
    void deliverOn(Consumer<? super Runnable> executor) {
        lines.deliverOn(executor);
        listeners.forEach(each -> each.deliverOn(executor));
    }

    /** How many events listeners missed, since they did not keep up. */
    long dropped() {
        return listeners.stream().mapToLong(Mailbox::dropped).sum();
    }

    private void write(Effect.Notice notice) {
        if (notice instanceof Effect.Opened opened) {
            String cause = opened.cause() == null
                    ? ""
                    : ": " + ForeignText.shown(opened.cause().getMessage());
            String next = opened.next() == FailoverState.NONE ? "no tier" : "tier " + names.get(opened.next());
            log.warn(
                    "tier {} is lost ({}{}); {} answers now, and it is probed until it is back",
                    names.get(opened.tier()),
                    opened.reason(),
                    cause,
                    next);
        } else if (notice instanceof Effect.Closed closed) {
            log.info(
                    "tier {} is back after {} ms; changes made up for there: {}",
                    names.get(closed.tier()),
                    closed.outageNanos() / 1_000_000,
                    closed.reconciled());
        } else if (notice instanceof Effect.ReconciliationFailed failed) {
            log.warn(
                    "tier {} could not be reconciled, it stays out and is tried again",
                    names.get(failed.tier()),
                    failed.cause());
        } else if (notice instanceof Effect.Remark remark) {
            log.warn("tier {}: {}", names.get(remark.tier()), remark.note());
        }
    }

    private @Nullable Consumer<FailoverListener> event(Effect.Notice notice) {
        if (notice instanceof Effect.Opened opened) {
            return listener -> listener.tierOpened(names.get(opened.tier()), opened.reason(), opened.cause());
        }
        if (notice instanceof Effect.Closed closed) {
            return listener -> listener.tierClosed(names.get(closed.tier()));
        }
        if (notice instanceof Effect.Switched switched) {
            return switched(switched);
        }
        return notice instanceof Effect.ReconciliationFailed failed
                ? listener -> listener.reconciliationFailed(names.get(failed.tier()), failed.cause())
                : null;
    }

    private @Nullable Consumer<FailoverListener> switched(Effect.Switched switched) {
        String from = switched.from() == FailoverState.NONE ? null : names.get(switched.from());
        String to = switched.to() == FailoverState.NONE ? null : names.get(switched.to());
        TierHealth.Reason reason = switched.reason();
        if (reason != null && from != null) {
            return listener -> listener.failover(from, to, reason);
        }
        Duration outage = Duration.ofNanos(switched.outageNanos());
        return to == null ? null : listener -> listener.failback(from, to, outage, switched.reconciled());
    }
}
