package dev.holdfast.cache.monitor;

import dev.holdfast.cache.client.JsonWriter;
import dev.holdfast.cache.internal.IsolatedThreads;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Has alerts sent, on a thread of its own, which lives while there is something to send. What fails is repeated five times, ever later; then the receiver
 * is left alone for a minute, or until there is something new, and what it has not been told is tried again, so that it learns what fires when it
 * is back. Of an alert that waits only the newest state is kept; one message a second at most. That an alert is over is sent only if it was sent that
 * it fires. Nobody waits for any of this but {@link #close}, for two seconds.
 */
final class Delivery implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Delivery.class);
    private static final int MOST_WAITING = 100;
    private static final int MOST_IN_A_MESSAGE = 10;
    private static final int TRIES = 6;
    private static final Duration GRACE = Duration.ofSeconds(2);

    private final Sender sender;
    private final Pace pace;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Map<String, Transition> waiting = new LinkedHashMap<>();
    private final Set<String> told = new HashSet<>();
    private final String name;
    private @Nullable Thread thread;
    private boolean closed;
    /** Whether something was added since a message was last taken. */
    private boolean added;
    /** Whether the receiver was given up and has taken nothing since. */
    private boolean givenUp;

    private int sending;
    private long delivered;
    private long failed;
    private long dropped;
    private @Nullable String lastError;

    /**
     * How long things take.
     *
     * @param gather how long a message waits for others to go along
     * @param between the shortest time between two messages
     * @param first the wait before the first repetition; doubled for each further one
     * @param rest how long a receiver is left alone that did not take the last repetition either
     */
    record Pace(Duration gather, Duration between, Duration first, Duration rest) {
        static final Pace USUAL =
                new Pace(Duration.ofSeconds(5), Duration.ofSeconds(1), Duration.ofSeconds(1), Duration.ofMinutes(1));
    }

    Delivery(String name, Sender sender, Pace pace) {
        this.name = name;
        this.sender = sender;
        this.pace = pace;
    }

    /** Takes what became of an alert, without waiting. */
    void add(Transition transition) {
        lock.lock();
        try {
            if (closed) {
                return;
            }
            String id = transition.alert().id();
            Transition before = waiting.remove(id);
            boolean unknownYet = !told.contains(id) && transition.kind() == Transition.Kind.RESOLVED;
            if (unknownYet && sending == 0) {
                dropped += before == null ? 0 : 1;
                return;
            }
            if (waiting.size() + sending >= MOST_WAITING) {
                dropped++;
                return;
            }
            waiting.put(id, transition);
            added = true;
            changed.signalAll();
            if (thread == null) {
                Thread fresh = IsolatedThreads.thread(this::work, name + "-delivery");
                fresh.start();
                // Only now: a thread that could not be had is tried for again with the next alert.
                thread = fresh;
            }
        } finally {
            lock.unlock();
        }
    }

    private void work() {
        try {
            boolean unused = pause(pace.gather(), false);
            for (List<Transition> message = take(); !message.isEmpty(); message = take()) {
                if (deliver(message)) {
                    Thread.sleep(pace.between().toMillis());
                } else if (!pause(pace.rest(), true)) {
                    return;
                }
            }
        } catch (InterruptedException e) {
            LOG.debug("the delivery of alerts ends", e);
        } catch (RuntimeException | Error e) {
            LOG.warn("the delivery of alerts failed", e);
        } finally {
            ended();
        }
    }

    /** Waits, unless all of this ends, or something is added that is to be waited for no longer; returns whether to go on. */
    private boolean pause(Duration most, boolean untilAdded) throws InterruptedException {
        lock.lock();
        try {
            long left = most.toNanos();
            while (!closed && !(untilAdded && added) && left > 0) {
                left = changed.awaitNanos(left);
            }
            return !closed;
        } finally {
            lock.unlock();
        }
    }

    private void ended() {
        lock.lock();
        try {
            sending = 0;
            if (thread == Thread.currentThread()) {
                thread = null;
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Takes the next message; if there is none, this thread ends, decided under the lock that adding holds. */
    private List<Transition> take() {
        lock.lock();
        try {
            List<Transition> message = new ArrayList<>();
            int most = sender.takesSeveral() ? MOST_IN_A_MESSAGE : 1;
            for (var each = waiting.values().iterator(); each.hasNext() && message.size() < most; ) {
                Transition transition = each.next();
                each.remove();
                boolean over = transition.kind() == Transition.Kind.RESOLVED;
                if (!over || told.contains(transition.alert().id())) {
                    message.add(transition);
                }
            }
            sending = message.size();
            added = false;
            if (message.isEmpty() && waiting.isEmpty()) {
                thread = null;
            }
            return message;
        } finally {
            lock.unlock();
        }
    }

    /** Returns whether the receiver has answered, be it that it won't take the message. */
    private boolean deliver(List<Transition> message) throws InterruptedException {
        Sender.Outcome outcome = sent(message);
        Duration pause = pace.first();
        for (int tries = 1; !outcome.taken() && outcome.mayRepeat() && tries < TRIES; tries++) {
            note(outcome.error());
            Duration wait = outcome.retryAfter().compareTo(pause) > 0 ? outcome.retryAfter() : spread(pause);
            Thread.sleep(wait.toMillis());
            pause = pause.multipliedBy(2);
            outcome = sent(message);
        }
        finish(message, outcome);
        return outcome.taken() || !outcome.mayRepeat();
    }

    private Sender.Outcome sent(List<Transition> message) {
        try {
            return sender.send(message);
        } catch (RuntimeException | Error e) {
            // Of a library that is asked for this alone: the next alert may fare better.
            LOG.debug("a message could not be sent", e);
            return new Sender.Outcome(false, false, Duration.ZERO, e.getClass().getSimpleName());
        }
    }

    private static Duration spread(Duration pause) {
        return Duration.ofNanos(
                (long) (pause.toNanos() * (0.8 + ThreadLocalRandom.current().nextDouble(0.4))));
    }

    private void note(String error) {
        lock.lock();
        try {
            lastError = error;
        } finally {
            lock.unlock();
        }
    }

    private void finish(List<Transition> message, Sender.Outcome outcome) {
        lock.lock();
        try {
            sending = 0;
            if (!outcome.taken()) {
                notTaken(message, outcome);
                return;
            }
            delivered += message.size();
            givenUp = false;
            for (Transition each : message) {
                if (each.kind() == Transition.Kind.RESOLVED) {
                    told.remove(each.alert().id());
                } else {
                    told.add(each.alert().id());
                }
            }
        } finally {
            lock.unlock();
        }
    }

    private void notTaken(List<Transition> message, Sender.Outcome outcome) {
        failed += message.size();
        lastError = outcome.error();
        if (!givenUp) {
            LOG.warn("{} alerts could not be sent to {}: {}", message.size(), sender.channel(), outcome.error());
        }
        if (outcome.mayRepeat()) {
            givenUp = true;
            // Whatever came meanwhile is newer.
            message.forEach(each -> waiting.putIfAbsent(each.alert().id(), each));
        }
    }

    /** Writes how it gets on. */
    void write(JsonWriter json) {
        lock.lock();
        try {
            json.field("channel", sender.channel())
                    .field("delivered", delivered)
                    .field("failed", failed)
                    .field("pending", waiting.size() + sending)
                    .field("dropped", dropped)
                    .field("lastError", lastError);
        } finally {
            lock.unlock();
        }
    }

    /** Waits for what is under way, no longer than two seconds. */
    @Override
    public void close() {
        close(List.of(this));
    }

    /** Closes several, which share the two seconds. */
    static void close(List<Delivery> all) {
        long end = System.nanoTime() + GRACE.toNanos();
        all.forEach(Delivery::takeNoMore);
        all.forEach(each -> each.end(end));
    }

    private void takeNoMore() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void end(long nanoTime) {
        lock.lock();
        try {
            for (long left = nanoTime - System.nanoTime(); thread != null && left > 0; ) {
                left = changed.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            Thread late = thread;
            lock.unlock();
            if (late != null) {
                late.interrupt();
                sender.cancel();
            }
        }
    }
}
