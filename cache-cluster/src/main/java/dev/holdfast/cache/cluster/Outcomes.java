package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import io.lettuce.core.protocol.AsyncCommand;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Waits for the answers to attempts. What becomes of a failed one is decided here and nowhere else. Thread-safe. */
final class Outcomes {
    /** So often a read that is waited for looks whether its node holds writes back. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** So long a read waits for a connection to be opened while another node could answer it. */
    private static final long ELSEWHERE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final Topology topology;
    private final Targets targets;
    private final Watch watch;
    private final LettuceErrors errors;
    private final Blame blame;
    private final Redirections redirections;
    private final long commandNanos;

    Outcomes(ClusterConfig config, Topology topology, Targets targets, Watch watch, LettuceErrors errors) {
        this.topology = topology;
        this.targets = targets;
        this.watch = watch;
        this.errors = errors;
        this.blame = new Blame(config, errors);
        this.redirections = new Redirections(topology, errors);
        this.commandNanos = config.commandTimeout().toNanos();
    }

    /** An attempt: what went where, on what. */
    record Attempt<T>(RoutedRequest<T> routed, Node node, Link link) {}

    /** Waits for the answer to an attempt and decides what comes next; returns whether there was one. */
    <T> boolean settle(Attempt<T> attempt, long until) {
        AsyncCommand<byte[], byte[], T> command = attempt.routed().command();
        while (true) {
            long began = System.nanoTime();
            boolean open = attempt.link().isOpen();
            long wait = waitOf(attempt, open, until - began);
            try {
                T reply = await(attempt, command, began + Math.max(0, wait));
                attempt.routed().done(reply, attempt.link().openedAt());
                attempt.node().pool().answered(attempt.link());
                return true;
            } catch (BehindWriteException e) {
                command.cancel();
                attempt.routed().sendAlone();
                return false;
            } catch (ExecutionException e) {
                decide(attempt, e.getCause() == null ? e : e.getCause(), until);
                return true;
            } catch (CancellationException e) {
                decide(attempt, e, until);
                return true;
            } catch (TimeoutException e) {
                boolean progress = open
                        ? attempt.link().readAt() - began > 0
                        : attempt.link().isOpen();
                if (!progress || until - System.nanoTime() <= 0) {
                    timedOut(attempt, command, wait, e, until);
                    return false;
                }
            } catch (InterruptedException e) {
                command.cancel();
                throw errors.interrupted(e);
            }
        }
    }

    /**
     * Waits for an answer.
     *
     * @throws BehindWriteException if it is a read, and what was sent before it is held back by the node
     */
    private static <T> @Nullable T await(Attempt<T> attempt, AsyncCommand<byte[], byte[], T> command, long end)
            throws InterruptedException, ExecutionException, TimeoutException, BehindWriteException {
        boolean mayMove = attempt.routed().isRead() && !attempt.routed().isAlone();
        while (true) {
            long left = Math.max(0, end - System.nanoTime());
            try {
                return command.get(mayMove ? Math.min(left, LOOK_NANOS) : left, TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                if (mayMove
                        && attempt.node().holdsWrites()
                        && attempt.node().pool().mayHaveAnotherAlone()) {
                    throw new BehindWriteException();
                }
                if (!mayMove || left <= LOOK_NANOS) {
                    throw e;
                }
            }
        }
    }

    /** A read waits behind a write that the node holds back. */
    private static final class BehindWriteException extends Exception {
        private static final long serialVersionUID = 1L;

        BehindWriteException() {
            super(null, null, false, false);
        }
    }

    /** A reply has the time of a command to begin, and then for as long as something comes; one that is not sent has what is left. */
    private long waitOf(Attempt<?> attempt, boolean open, long left) {
        if (open) {
            return Math.min(left, commandNanos);
        }
        return targets.hasOther(attempt.routed(), attempt.node()) ? Math.min(left, ELSEWHERE_NANOS) : left;
    }

    private void timedOut(
            Attempt<?> attempt, AsyncCommand<?, ?, ?> command, long wait, TimeoutException e, long until) {
        command.cancel();
        RoutedRequest<?> routed = attempt.routed();
        Node node = attempt.node();
        Link link = attempt.link();
        boolean sent = link.isOpen();
        RuntimeException why = errors.timeout(node, wait, e, sent);
        node.doubt();
        if (link.isStuckFor(commandNanos)) {
            node.pool().drop(link, new CloseReason(CloseReason.Kind.HUNG, e));
        }
        watch.suspect(node);
        if (targets.hasOther(routed, node) && until - System.nanoTime() > 0) {
            node.ill(why);
            routed.avoid(node, why);
        } else {
            routed.failed(why);
            topology.refreshSoon();
        }
    }

    private void decide(Attempt<?> attempt, Throwable failure, long until) {
        RoutedRequest<?> routed = attempt.routed();
        Node node = attempt.node();
        FailureKind kind = FailureKind.of(failure);
        if (kind != FailureKind.LOST) {
            node.pool().answered(attempt.link());
        }
        switch (kind) {
            case MOVED, ASK -> redirections.follow(attempt, failure);
            case PASSING -> passing(attempt, failure);
            case NO_SCRIPT -> routed.failed(translated(attempt, failure));
            case TOO_LARGE -> routed.failed(errors.tooLarge(node, failure));
            case ANSWERED -> {
                node.doubt();
                RuntimeException why = translated(attempt, failure);
                if (why instanceof CacheUnavailableException && node.isFit()) {
                    // Whether it refuses this call or all decides what the cluster is good for.
                    watch.suspect(node);
                }
                routed.failed(why);
            }
            case LOST -> lost(attempt, failure, until);
        }
    }

    private RuntimeException translated(Attempt<?> attempt, Throwable failure) {
        return errors.failed(failure, attempt.node(), attempt.link(), () -> targets.servesMostWithout(attempt.node()));
    }

    private void passing(Attempt<?> attempt, Throwable failure) {
        RuntimeException why = translated(attempt, failure);
        Node node = attempt.node();
        node.doubt();
        if (targets.hasOther(attempt.routed(), node)) {
            node.ill(failure);
            watch.wake();
            attempt.routed().avoid(node, why);
        } else {
            topology.refreshSoon();
            attempt.routed().pause(why);
        }
    }

    private void lost(Attempt<?> attempt, Throwable failure, long until) {
        RoutedRequest<?> routed = attempt.routed();
        Node node = attempt.node();
        Link link = attempt.link();
        CloseReason closeReason = link.closeReason();
        boolean sent = !(failure instanceof UnsentException);
        if (isUnreachedStranger(attempt, sent)) {
            topology.refreshSoon();
            routed.pause(translated(attempt, failure));
            return;
        }
        boolean ofConnection = closeReason == null ? link.wasOpen() : closeReason.kind() == CloseReason.Kind.HUNG;
        node.doubt();
        if (closeReason == null) {
            watch.suspect(node);
        }
        if (sent && !routed.isRead()) {
            routed.mayHaveRun();
        }
        if (sent && closeReason == null) {
            noteBroken(attempt, failure);
        }
        if (ofConnection && (!sent || routed.isHarmless())) {
            afterBrokenConnection(attempt, failure, until);
            return;
        }
        if (closeReason == null) {
            topology.refreshSoon();
        }
        RuntimeException why = translated(attempt, failure);
        boolean mayAskAround = (!sent || routed.isRead())
                && (closeReason == null || closeReason.kind() != CloseReason.Kind.DISCONNECTED);
        if (mayAskAround && targets.hasOther(routed, node)) {
            routed.avoid(node, why);
        } else if (mayAskAround && routed.pinned() == null) {
            // The node may have left the cluster, and its slots to others.
            routed.askAround(node, why);
        } else {
            routed.failed(why);
        }
    }

    /** Whether only a redirection named the node, and no connection to it was made: whoever has the slot may say something better. */
    private boolean isUnreachedStranger(Attempt<?> attempt, boolean sent) {
        return !sent
                && !attempt.link().wasOpen()
                && attempt.link().closeReason() == null
                && attempt.routed().pinned() == null
                && !topology.isMember(attempt.node());
    }

    /** It says nothing of the server: the call is repeated, by itself if it may be what broke it. */
    private void afterBrokenConnection(Attempt<?> attempt, Throwable failure, long until) {
        RoutedRequest<?> routed = attempt.routed();
        Link link = attempt.link();
        boolean sent = !(failure instanceof UnsentException);
        boolean closed = sent && FailureKind.isClosedByPeer(failure);
        boolean suspicious = closed && (link.isLaden() || link.waiting() <= 1);
        // Where many wish for that it is the node.
        boolean mayGoAlone = closed && attempt.node().pool().mayHaveAnotherAlone();
        if (closed && routed.isAlone()) {
            closedAlone(attempt, failure, until);
        } else if (suspicious && mayGoAlone) {
            routed.sendAlone();
        } else if (routed.redial()) {
            routed.again();
        } else if (mayGoAlone) {
            // The second time among others: now by itself.
            routed.sendAlone();
        } else {
            routed.askAround(attempt.node(), translated(attempt, failure));
        }
    }

    /** Whoever asks for what the node can't bear has no other caller wait for a connection: while that may be so, nothing is counted. */
    private void noteBroken(Attempt<?> attempt, Throwable failure) {
        RoutedRequest<?> routed = attempt.routed();
        Node node = attempt.node();
        Link link = attempt.link();
        boolean closed = FailureKind.isClosedByPeer(failure);
        if (closed) {
            routed.closedBy(node, node.pool().closedByPeer(link));
        }
        if (!closed || !routed.isAlone() || routed.isAcquitted() || Blame.isOfOthers(routed, node)) {
            node.pool().broke(link, failure);
        }
    }

    private void closedAlone(Attempt<?> attempt, Throwable failure, long until) {
        RoutedRequest<?> routed = attempt.routed();
        Node node = attempt.node();
        if (!routed.isAcquitted() && !Blame.isRipe(routed)) {
            routed.again();
        } else if (!routed.isAcquitted() && blame.isOf(routed, node, until)) {
            routed.failed(errors.poisonous(node, failure, routed.bytes(), routed.closed()));
        } else {
            routed.acquit();
            node.pool().broke(attempt.link(), failure);
            routed.askAround(node, translated(attempt, failure));
        }
    }
}
