package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.CallObservers;
import dev.holdfast.cache.spi.CallObserver;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Takes requests to the nodes that have their slots, follows redirections, and repeats what failed for a reason that passes by
 * itself, until all are answered or the caller's time is up. Thread-safe.
 */
final class Router {
    private static final long SHORTEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

    /** So long a new master is waited for before it is probed again. */
    private static final long HOLD_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** So long somebody waits to hear who has a slot now; where nobody answers at all, one round of asking takes longer. */
    private static final long QUESTION_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long LEAST_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final Topology topology;
    private final Watch watch;
    private final LettuceErrors errors;
    private final Targets targets;
    private final Outcomes outcomes;
    private final CallObservers observers;
    private final long retryNanos;

    Router(ClusterConfig config, Topology topology, Watch watch, LettuceErrors errors, CallObservers observers) {
        this.observers = observers;
        this.topology = topology;
        this.watch = watch;
        this.errors = errors;
        this.targets = new Targets(config, topology, watch, errors);
        this.outcomes = new Outcomes(config, topology, targets, watch, errors);
        this.retryNanos = config.clusterDownRetry().toNanos();
    }

    /**
     * Runs a request to its end.
     *
     * @param start when the call began
     * @param until when it must have ended
     * @return the reply
     * @throws dev.holdfast.cache.CacheException if there is none
     */
    <T> @Nullable T run(RoutedRequest<T> routed, long start, long until) {
        requireNotInterrupted();
        Cut cut = topology.cut();
        topology.known(until);
        long pause = SHORTEST_PAUSE_NANOS;
        while (true) {
            attempt(routed, cut, until);
            switch (routed.next()) {
                case DONE -> {
                    return routed.reply();
                }
                case FAILED -> throw routed.failure();
                case PAUSE -> {
                    if (!pause(pause, start, until)) {
                        throw routed.failure();
                    }
                    pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
                }
                case HOLD -> {
                    awaitComparison(routed, until);
                    if (!isWorthwhile(until)) {
                        throw routed.failure();
                    }
                }
                case ASK_AROUND -> {
                    topology.awaitFresh(earlier(System.nanoTime() + QUESTION_NANOS, lastAttempt(start, until)));
                    if (!isWorthwhile(until)) {
                        throw routed.failure();
                    }
                }
                case SEND -> {
                    if (System.nanoTime() - until >= 0) {
                        routed.failed(errors.noTimeLeft());
                        throw routed.failure();
                    }
                }
            }
        }
    }

    private <T> void attempt(RoutedRequest<T> routed, Cut cut, long until) {
        if (isCut(routed, cut)) {
            return;
        }
        Node node = targets.of(routed);
        if (node == null) {
            return;
        }
        routed.sentTo(node);
        int tick = watch.enter(node);
        RuntimeException before = routed.problem();
        CallObserver.Ended observed = observers.isObserved()
                ? observers.began(routed.type().toString(), node.toString())
                : CallObserver.UNOBSERVED;
        Throwable failure = null;
        try {
            attempt(routed, node, cut, until);
            // A redirection is an answer; a failure may be that of an earlier attempt.
            failure = routed.problem() == before ? null : routed.problem();
        } catch (Throwable e) {
            failure = e;
            throw e;
        } finally {
            node.inFlight().exit(tick);
            observed.ended(failure);
        }
    }

    private <T> void attempt(RoutedRequest<T> routed, Node node, Cut cut, long until) {
        boolean alone = routed.isAlone();
        Link link = alone ? node.pool().alone() : linkFor(routed, node);
        boolean answered = false;
        noteWrite(routed, node);
        link.enter(1, routed.bytes());
        try {
            if (isCut(routed, cut)) {
                return;
            }
            send(routed, link);
            answered = outcomes.settle(new Outcomes.Attempt<>(routed, node, link), until);
            noteWrite(routed, node);
        } finally {
            link.exit(1, routed.bytes(), answered);
            if (alone) {
                node.pool().drop(link, new CloseReason(CloseReason.Kind.DISCARDED, null));
            }
        }
    }

    /** Before it is sent, and after: a canary may have overtaken what was waiting to be sent, and another has to follow it. */
    private static void noteWrite(RoutedRequest<?> routed, Node node) {
        if (!routed.isRead()) {
            node.wrote();
        }
    }

    /** While a node holds writes back, they have one connection to themselves: what is sent after them waits with them. */
    private static Link linkFor(RoutedRequest<?> routed, Node node) {
        boolean held = node.holdsWrites() && !routed.isRead();
        return held ? node.pool().last() : node.pool().link(routed.isLarge());
    }

    /**
     * Whether everything was disconnected since the call began; it ends with that. To be asked between the choice of a connection and
     * sending: whoever chooses one later sees the cut, and what was chosen earlier is closed by it.
     */
    private boolean isCut(RoutedRequest<?> routed, Cut before) {
        Cut cut = topology.cut();
        if (cut != before && cut.why() != null) {
            routed.failed(errors.disconnected(cut.why(), false));
        }
        return cut != before;
    }

    private static <T> void send(RoutedRequest<T> routed, Link link) {
        if (routed.askNext() == null) {
            link.send(routed.newCommand());
        } else {
            link.send(List.of(Requests.ASKING.command(), routed.newCommand()));
        }
    }

    /**
     * Runs requests to their ends, those of one node together as far as is good for others, nodes in parallel. How each ended is in it.
     *
     * @param start when the call began
     * @param until when it must have ended
     */
    <T> void runAll(List<RoutedRequest<T>> allRouted, long start, long until) {
        requireNotInterrupted();
        Cut cut = topology.cut();
        topology.known(until);
        List<RoutedRequest<T>> pending = allRouted;
        long pause = SHORTEST_PAUSE_NANOS;
        while (!pending.isEmpty()) {
            attemptAll(pending, cut, until);
            pending = pending.stream()
                    .filter(routed ->
                            routed.next() != RoutedRequest.Next.DONE && routed.next() != RoutedRequest.Next.FAILED)
                    .toList();
            if (pending.stream().anyMatch(routed -> routed.next() == RoutedRequest.Next.ASK_AROUND)) {
                topology.awaitFresh(earlier(System.nanoTime() + QUESTION_NANOS, lastAttempt(start, until)));
            }
            for (RoutedRequest<?> routed : pending) {
                if (routed.next() == RoutedRequest.Next.HOLD) {
                    awaitComparison(routed, until);
                    break; // those for other new masters have been probed meanwhile, too
                }
            }
            boolean inTime = System.nanoTime() - until < 0;
            if (!pending.isEmpty() && pending.stream().allMatch(routed -> routed.next() == RoutedRequest.Next.PAUSE)) {
                inTime = pause(pause, start, until);
                pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
            }
            if (!inTime) {
                pending.forEach(this::giveUp);
                return;
            }
        }
    }

    private void awaitComparison(RoutedRequest<?> routed, long until) {
        try {
            routed.held().awaitComparison(Math.min(HOLD_NANOS, Math.max(0, until - System.nanoTime())));
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        }
    }

    private void giveUp(RoutedRequest<?> routed) {
        if (routed.next() == RoutedRequest.Next.SEND) {
            routed.failed(errors.noTimeLeft());
        } else {
            routed.giveUp();
        }
    }

    private <T> void attemptAll(List<RoutedRequest<T>> allRouted, Cut cut, long until) {
        Map<Node, Group<T>> groups = new HashMap<>();
        for (RoutedRequest<T> routed : allRouted) {
            if (routed.isAlone()) {
                attempt(routed, cut, until);
                continue;
            }
            if (isCut(routed, cut)) {
                continue;
            }
            Node node = targets.of(routed);
            if (node != null) {
                Group<T> group = groups.computeIfAbsent(node, Group::new);
                if (!group.isFull()) {
                    routed.sentTo(node);
                    group.add(routed);
                }
            }
        }
        List<Group<T>> open = List.copyOf(groups.values());
        try {
            for (Group<T> group : open) {
                group.begin(watch);
                if (group.allRouted().stream().noneMatch(routed -> isCut(routed, cut))) {
                    group.send(observers);
                }
            }
            open.forEach(group -> settle(group, until));
        } finally {
            open.forEach(Group::end);
        }
    }

    private <T> void settle(Group<T> group, long until) {
        if (!group.isSent()) {
            return;
        }
        boolean answered = true;
        for (RoutedRequest<T> routed : group.allRouted()) {
            answered &= outcomes.settle(new Outcomes.Attempt<>(routed, group.node(), group.link()), until);
            noteWrite(routed, group.node());
        }
        group.settled(answered);
    }

    /** Waits; returns false at once if there is no time for that and another attempt. */
    private boolean pause(long nanos, long start, long until) {
        long jittered = nanos / 2 + ThreadLocalRandom.current().nextLong(nanos / 2 + 1);
        if (lastAttempt(start, until) - System.nanoTime() <= jittered) {
            return false;
        }
        LockSupport.parkNanos(this, jittered);
        requireNotInterrupted();
        return isWorthwhile(until);
    }

    /** Whether there is time for an answer: what is known is better than one more attempt of which nobody learns what came. */
    private static boolean isWorthwhile(long until) {
        return until - System.nanoTime() > LEAST_NANOS;
    }

    private static long earlier(long one, long other) {
        return one - other < 0 ? one : other;
    }

    /** When nothing is repeated any more. */
    private long lastAttempt(long start, long until) {
        return until - start < retryNanos ? until : start + retryNanos;
    }

    private void requireNotInterrupted() {
        if (Thread.currentThread().isInterrupted()) {
            throw errors.interrupted(null);
        }
    }
}
