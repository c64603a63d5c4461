package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.redis.Address;
import io.netty.channel.Channel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Opens the connections to one node. After one could not be opened, or broke under its first call, the next attempt waits, and there is one at a
 * time, until one answers a call. Thread-safe.
 */
final class Dials {
    /** A caller waits for a pause that is no longer; behind a longer one the node counts as unreachable for now. */
    private static final Duration PATIENCE = Duration.ofMillis(100);

    private static final Duration FIRST_PAUSE = Duration.ofMillis(50);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);

    /** After failures so long passes between a connection that was opened and the next, while none has answered a call; whoever calls waits for that. */
    private static final Duration UNPROVEN_PAUSE = Duration.ofMillis(80);

    private final Address address;
    private final ClusterConfig config;
    private final Wiring wiring;
    private final Backoff backoff = new Backoff(FIRST_PAUSE, LONGEST_PAUSE);
    private final AtomicLong failedDials = new AtomicLong();
    private final Set<Channel> channels = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;
    private volatile boolean breakUnderCalls;
    private volatile @Nullable Throwable lastFailure;

    Dials(Address address, ClusterConfig config, Wiring wiring) {
        this.address = address;
        this.config = config;
        this.wiring = wiring;
    }

    /** Whether the next attempt has to wait. */
    boolean isResting() {
        return backoff.failures() > 0 && !backoff.remaining(System.nanoTime()).isZero();
    }

    /** How many attempts have failed, or were of no use. */
    long failed() {
        return failedDials.get();
    }

    /** How many attempts in a row were of no use. */
    int failures() {
        return backoff.failures();
    }

    /** Whether connections can be opened, but the last broke under its first call. */
    boolean breakUnderCalls() {
        return breakUnderCalls;
    }

    /** The node has answered a probe: a long pause is cut short. */
    void answersProbes() {
        backoff.ready();
    }

    /** A connection has answered a call: there is no pause any more. */
    void useful() {
        breakUnderCalls = false;
        backoff.succeeded();
    }

    /**
     * A connection was opened, and broke under its first call.
     *
     * @param failuresBefore how many attempts in a row were of no use when it was begun; several that fail together are one failure
     */
    synchronized void useless(int failuresBefore, Throwable why) {
        lastFailure = why;
        breakUnderCalls = true;
        failedDials.incrementAndGet();
        if (backoff.failures() <= failuresBefore) {
            backoff.failed(System.nanoTime());
        }
    }

    boolean isClosed() {
        return closed;
    }

    /**
     * Opens a connection for a call, now or when its turn comes. It fails with the reason of the last attempt where that turn is far,
     * and with that of the next if somebody else's comes first: nobody waits for the second failure of a node that is gone.
     */
    CompletableFuture<Wire> dial() {
        Throwable last = lastFailure;
        if (last != null && backoff.remaining(System.nanoTime()).compareTo(PATIENCE) > 0) {
            return CompletableFuture.failedFuture(last);
        }
        CompletableFuture<Wire> dialled = new CompletableFuture<>();
        if (backoff.failures() == 0 || backoff.tryBegin(System.nanoTime())) {
            dialNow(dialled, true);
        } else {
            dialLater(dialled, failedDials.get());
        }
        return dialled;
    }

    /** Opens a connection for a probe or a question now: whoever asks has a pause of his own, and his answer is waited for by all. */
    CompletableFuture<Wire> dialAtOnce() {
        CompletableFuture<Wire> dialled = new CompletableFuture<>();
        dialNow(dialled, false);
        return dialled;
    }

    /** Does something later, on an event loop; not once the store is closed. */
    void later(Runnable task, long nanos) {
        try {
            Object unused = wiring.loop().schedule(task, nanos, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException e) {
            // Nothing is wanted any more.
        }
    }

    private void dialNow(CompletableFuture<Wire> dialled, boolean forCall) {
        if (closed) {
            backoff.abandoned();
            dialled.completeExceptionally(new IllegalStateException("the node is no longer used"));
            return;
        }
        try {
            CompletableFuture<?> unused = Dial.begin(address, config, wiring, this::keep)
                    .whenComplete((wire, why) -> ended(dialled, forCall, wire, why));
        } catch (Throwable e) {
            // Whatever it was: it is this attempt's end, and the next may begin.
            ended(dialled, forCall, null, e);
        }
    }

    private void ended(
            CompletableFuture<Wire> dialled, boolean forCall, @Nullable Wire wire, @Nullable Throwable failure) {
        // Whatever is thrown here, whoever waits is told.
        if (wire != null) {
            try {
                if (forCall) {
                    backoff.unproven(System.nanoTime(), UNPROVEN_PAUSE);
                } else {
                    backoff.ready();
                }
            } finally {
                dialled.complete(wire);
            }
            return;
        }
        Throwable why = failure == null ? new IllegalStateException("no cause known") : failure;
        lastFailure = why;
        breakUnderCalls = false;
        try {
            backoff.failed(System.nanoTime());
        } finally {
            failedDials.incrementAndGet();
            dialled.completeExceptionally(why);
        }
    }

    /** Waits for its turn. */
    private void dialLater(CompletableFuture<Wire> dialled, long mostFailures) {
        long pause = Math.max(
                TimeUnit.MILLISECONDS.toNanos(10),
                backoff.remaining(System.nanoTime()).toNanos());
        try {
            Object unused =
                    wiring.loop().schedule(() -> dialInTurn(dialled, mostFailures), pause, TimeUnit.NANOSECONDS);
        } catch (RejectedExecutionException | Error e) {
            dialled.completeExceptionally(e);
        }
    }

    private void dialInTurn(CompletableFuture<Wire> dialled, long mostFailures) {
        Throwable last = lastFailure;
        if (last != null && failedDials.get() > mostFailures) {
            dialled.completeExceptionally(last);
        } else if (closed || backoff.failures() == 0 || backoff.tryBegin(System.nanoTime())) {
            dialNow(dialled, true);
        } else {
            dialLater(dialled, mostFailures);
        }
    }

    /** Notes a channel before it connects. Whoever closes sees it here, or it sees that all is closed. */
    private void keep(Channel channel) {
        channels.add(channel);
        Loops.whenClosed(channel, () -> channels.remove(channel));
        if (closed) {
            throw new IllegalStateException("the node is no longer used");
        }
    }

    /** Closes all that are open, and opens none any more; done when that is done. */
    CompletableFuture<Void> close(CloseReason why) {
        closed = true;
        List<CompletableFuture<?>> closing = new ArrayList<>();
        for (Channel channel : channels) {
            if (!channel.isOpen()) {
                continue;
            }
            CompletableFuture<Void> done = new CompletableFuture<>();
            channel.closeFuture().addListener(end -> done.complete(null));
            closing.add(done);
            Wire wire = channel.pipeline().get(Wire.class);
            if (wire != null) {
                wire.reset(why.cause() == null ? new IllegalStateException("it was given up") : why.cause());
            } else {
                Object unused = channel.close();
            }
        }
        return CompletableFuture.allOf(closing.toArray(CompletableFuture[]::new));
    }
}
