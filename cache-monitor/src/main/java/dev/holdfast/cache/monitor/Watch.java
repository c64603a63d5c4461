package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheEvent;
import dev.holdfast.cache.CacheEvent.FailedBack;
import dev.holdfast.cache.CacheEvent.FailedOver;
import dev.holdfast.cache.CacheEvent.TierBack;
import dev.holdfast.cache.CacheEvent.TierLost;
import dev.holdfast.cache.Settings;
import dev.holdfast.cache.client.CacheClient;
import dev.holdfast.cache.client.JsonWriter;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at a client every five seconds, when a tier comes or goes, and when an alert is due; keeps the figures, judges the alerts and tells the streams.
 * All of that on the scheduler's thread.
 */
final class Watch implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Watch.class);
    private static final long PERIOD = TimeUnit.SECONDS.toNanos(5);
    /** Of a stream, whose readers get all of it every five seconds. */
    private static final int MOST_CACHES = 100;

    private final CacheClient client;
    private final ScheduledExecutorService scheduler;
    private final Figures figures;
    private final Alerts alerts;
    private final List<Delivery> deliveries;
    private final EventLog events;
    private final Timeline timeline = new Timeline();
    private final long warmup;
    private volatile long warmSince = System.nanoTime();
    private Runnable unlisten = () -> {};
    /** The next look out of turn, or the last. */
    private Future<?> next = CompletableFuture.completedFuture(null);

    private boolean planned;
    private long nextAt;

    Watch(CacheClient client, Settings settings, Duration warmup, ScheduledExecutorService scheduler) {
        this.client = client;
        this.scheduler = scheduler;
        this.warmup = warmup.toNanos();
        this.events = new EventLog(Long.toString(Instant.now().toEpochMilli(), Character.MAX_RADIX));
        this.figures = new Figures(new Ledger(client::health, client::stats, System::nanoTime, Clock.systemUTC()));
        Payloads payloads = new Payloads(client.name(), Payloads.thisHost());
        this.deliveries = Stream.<Sender>concat(
                        Webhook.of(settings).map(webhook -> new HttpSender(webhook, payloads)).stream(),
                        MailServer.of(settings).map(server -> new MailSender(server, payloads, scheduler)).stream())
                .map(sender -> new Delivery("holdfast-" + client.name() + "-monitor", sender, Delivery.Pace.USUAL))
                .toList();
        this.alerts =
                new Alerts(new Rules(settings, this::isWarmingUp).all(), Instant::now, this::say, this::writeMore);
    }

    private void writeMore(JsonWriter json) {
        json.object("delivery", first -> {
            if (deliveries.isEmpty()) {
                first.field("channel", (String) null);
            } else {
                deliveries.get(0).write(first);
            }
        });
        if (deliveries.size() > 1) {
            json.array("deliveries", deliveries, (each, delivery) -> delivery.write(each));
        }
        timeline.write(json);
        json.field("client", client.name());
    }

    private boolean isWarmingUp() {
        return System.nanoTime() - warmSince < warmup;
    }

    Figures figures() {
        return figures;
    }

    Alerts alerts() {
        return alerts;
    }

    EventLog events() {
        return events;
    }

    Timeline timeline() {
        return timeline;
    }

    void start() {
        unlisten = client.on(CacheEvent.class, this::happened);
        Future<?> unused = scheduler.scheduleWithFixedDelay(this::sample, 0, PERIOD, TimeUnit.NANOSECONDS);
    }

    private void happened(CacheEvent event) {
        if (event instanceof FailedOver failover) {
            timeline.failover(failover.from(), failover.to(), failover.reason());
            changed();
        } else if (event instanceof FailedBack failback) {
            timeline.failback(failback.from(), failback.to(), failback.outage(), failback.dirtyKeys());
            changed();
        } else if (event instanceof TierLost || event instanceof TierBack) {
            soon();
        }
    }

    private void changed() {
        warmSince = System.nanoTime();
        soon();
    }

    /** Looks out of turn. */
    private void soon() {
        later(0);
    }

    /** A look that comes earlier than one that was planned takes its place, and none that comes later does. */
    private synchronized void later(long nanos) {
        long at = System.nanoTime() + nanos;
        if (planned && nextAt - at <= 0) {
            return;
        }
        try {
            next.cancel(false);
            next = scheduler.schedule(this::look, nanos, TimeUnit.NANOSECONDS);
            planned = true;
            nextAt = at;
        } catch (RejectedExecutionException e) {
            LOG.debug("the monitor ends", e);
        }
    }

    private void sample() {
        quietly(() -> judge(figures.remember()));
    }

    private void look() {
        synchronized (this) {
            planned = false;
        }
        quietly(() -> judge(figures.look()));
    }

    private void judge(Figures.Now now) {
        long due = alerts.judge(now);
        if (due < PERIOD) {
            later(due);
        }
        long criticals = alerts.active(Severity.CRITICAL);
        long warnings = alerts.active(Severity.WARNING);
        events.snapshot(
                () -> Reports.health(now, criticals, warnings),
                () -> Reports.performance(now, Figures.WINDOW, 0, MOST_CACHES));
    }

    /** A fault here must not end the watching. */
    private void quietly(Runnable work) {
        try {
            if (client.isAlive()) {
                work.run();
            }
        } catch (Throwable e) {
            LOG.warn("the monitor of the cache client {} could not look", client.name(), e);
        }
    }

    private void say(Transition transition) {
        events.alert(JsonWriter.object(json -> {
            json.field("status", transition.kind().status());
            transition.alert().write(json);
        }));
        deliveries.forEach(delivery -> delivery.add(transition));
    }

    @Override
    public void close() {
        unlisten.run();
        Delivery.close(deliveries);
    }
}
