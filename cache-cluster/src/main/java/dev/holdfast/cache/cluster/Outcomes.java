package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.cluster.LettuceErrors.Redirection;
import io.lettuce.core.protocol.AsyncCommand;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Waits for the answers to attempts. What becomes of a failed one is decided here and nowhere else. Thread-safe. */
final class Outcomes {
    private static final int MOST_REDIRECTIONS = 32;
    private static final int REDIRECTIONS_WITHOUT_PAUSE = 4;

    /** So often a read that is waited for looks whether its node holds writes back. */
    private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /** So long a read waits for a connection to be opened while another node could answer it. */
    private static final long ELSEWHERE_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final Topology topology;
    private final Targets targets;
    private final Watch watch;
    private final LettuceErrors errors;
    private final Blame blame;
    private final long commandNanos;

    Outcomes(ClusterConfig config, Topology topology, Targets targets, Watch watch, LettuceErrors errors) {
        this.topology = topology;
        this.targets = targets;
        this.watch = watch;
        this.errors = errors;
        this.blame = new Blame(config, errors);
        this.commandNanos = config.commandTimeout().toNanos();
    }

    /** An attempt: what went where, on what. */
    record Attempt<T>(Errand<T> errand, Node node, Link link) {}

    /** Waits for the answer to an attempt and decides what comes next; returns whether there was one. */
    <T> boolean settle(Attempt<T> attempt, long until) {
        AsyncCommand<byte[], byte[], T> command = attempt.errand().command();
        while (true) {
            long began = System.nanoTime();
            boolean open = attempt.link().isOpen();
            long wait = waitOf(attempt, open, until - began);
            try {
                T reply = await(attempt, command, began + Math.max(0, wait));
                attempt.errand().done(reply, attempt.link().openedAt());
                attempt.node().pool().answered(attempt.link());
                return true;
            } catch (BehindWriteException e) {
                command.cancel();
                attempt.errand().sendAlone();
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
        boolean mayMove = attempt.errand().isRead() && !attempt.errand().isAlone();
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
        return targets.hasOther(attempt.errand(), attempt.node()) ? Math.min(left, ELSEWHERE_NANOS) : left;
    }

    private void timedOut(
            Attempt<?> attempt, AsyncCommand<?, ?, ?> command, long wait, TimeoutException e, long until) {
        command.cancel();
        Errand<?> errand = attempt.errand();
        Node node = attempt.node();
        Link link = attempt.link();
        boolean sent = link.isOpen();
        RuntimeException why = errors.timeout(node, wait, e, sent);
        node.doubt();
        if (link.isStuckFor(commandNanos)) {
            node.pool().drop(link, new Doom(Doom.Kind.HUNG, e));
        }
        watch.suspect(node);
        if (targets.hasOther(errand, node) && until - System.nanoTime() > 0) {
            node.ill(why);
            errand.avoid(node, why);
        } else {
            errand.failed(why);
            topology.refreshSoon();
        }
    }

    private void decide(Attempt<?> attempt, Throwable failure, long until) {
        Errand<?> errand = attempt.errand();
        Node node = attempt.node();
        LettuceErrors.Kind kind = LettuceErrors.kindOf(failure);
        if (kind != LettuceErrors.Kind.LOST) {
            node.pool().answered(attempt.link());
        }
        switch (kind) {
            case MOVED, ASK -> redirected(attempt, failure);
            case PASSING -> passing(attempt, failure);
            case NO_SCRIPT -> errand.failed(translated(attempt, failure));
            case TOO_LARGE -> errand.failed(errors.tooLarge(node, failure));
            case ANSWERED -> {
                node.doubt();
                RuntimeException why = translated(attempt, failure);
                if (why instanceof CacheUnavailableException && node.isFit()) {
                    // Whether it refuses this call or all decides what the cluster is good for.
                    watch.suspect(node);
                }
                errand.failed(why);
            }
            case LOST -> lost(attempt, failure, until);
        }
    }

    private RuntimeException translated(Attempt<?> attempt, Throwable failure) {
        return errors.failed(failure, attempt.node(), attempt.link(), () -> targets.servesMostWithout(attempt.node()));
    }

    private void redirected(Attempt<?> attempt, Throwable failure) {
        Errand<?> errand = attempt.errand();
        Node node = attempt.node();
        Redirection redirection = LettuceErrors.redirection(failure, node);
        if (redirection == null || redirection.slot() != errand.slot()) {
            // Either the node is confused, or this is the answer to another's command.
            attempt.link().verify();
            if (errand.isHarmless()) {
                nonsense(attempt, failure);
            } else {
                errand.mayHaveRun();
                errand.failed(errors.malformed(node, failure));
            }
        } else if (redirection.to() == null) {
            // It does not know where: the others are asked.
            errand.askAround(node, errors.malformed(node, failure));
        } else {
            follow(attempt, failure, topology.named(redirection.to()));
        }
        limitRedirections(errand);
    }

    private void follow(Attempt<?> attempt, Throwable failure, @Nullable Node to) {
        Errand<?> errand = attempt.errand();
        if (to == null || to == attempt.node()) {
            // It names itself, or one of too many that nobody else knows.
            nonsense(attempt, failure);
        } else if (!topology.isMember(to)) {
            askStranger(attempt, failure, to);
        } else if (LettuceErrors.kindOf(failure) == LettuceErrors.Kind.ASK) {
            errand.askAt(to);
        } else {
            topology.moved(errand.slot(), to);
            errand.again();
        }
    }

    /**
     * One answer alone names the node: others go there once the cluster says so. Nobody waits for a connection to it, which may
     * never be made; until there is one, whoever has the slot is asked again. ASKING does no harm at a master that has it already.
     */
    private void askStranger(Attempt<?> attempt, Throwable failure, Node to) {
        if (to.pool().link(false).isOpen()) {
            topology.refreshSoon();
            attempt.errand().askAt(to);
        } else {
            nonsense(attempt, failure);
        }
    }

    /**
     * A redirection that leads nowhere says nothing of the node's health: the topology is asked for when it is time, and the call
     * is repeated.
     */
    private void nonsense(Attempt<?> attempt, Throwable failure) {
        topology.refreshSoon();
        attempt.errand().pause(errors.malformed(attempt.node(), failure));
    }

    private void limitRedirections(Errand<?> errand) {
        int redirections = errand.redirected();
        if (redirections > MOST_REDIRECTIONS) {
            errand.failed(errors.redirectedTooOften(errand.slot()));
        } else if (redirections > REDIRECTIONS_WITHOUT_PAUSE
                && errand.next() == Errand.Next.SEND
                && errand.askNext() == null) {
            errand.pause(errors.redirectedTooOften(errand.slot()));
        }
    }

    private void passing(Attempt<?> attempt, Throwable failure) {
        RuntimeException why = translated(attempt, failure);
        Node node = attempt.node();
        node.doubt();
        if (targets.hasOther(attempt.errand(), node)) {
            node.ill(failure);
            watch.wake();
            attempt.errand().avoid(node, why);
        } else {
            topology.refreshSoon();
            attempt.errand().pause(why);
        }
    }

    private void lost(Attempt<?> attempt, Throwable failure, long until) {
        Errand<?> errand = attempt.errand();
        Node node = attempt.node();
        Link link = attempt.link();
        Doom doom = link.doom();
        boolean sent = !(failure instanceof UnsentException);
        if (isUnreachedStranger(attempt, sent)) {
            topology.refreshSoon();
            errand.pause(translated(attempt, failure));
            return;
        }
        boolean ofConnection = doom == null ? link.wasOpen() : doom.kind() == Doom.Kind.HUNG;
        node.doubt();
        if (doom == null) {
            watch.suspect(node);
        }
        if (sent && !errand.isRead()) {
            errand.mayHaveRun();
        }
        if (sent && doom == null) {
            noteBroken(attempt, failure);
        }
        if (ofConnection && (!sent || errand.isHarmless())) {
            afterBrokenConnection(attempt, failure, until);
            return;
        }
        if (doom == null) {
            topology.refreshSoon();
        }
        RuntimeException why = translated(attempt, failure);
        boolean mayAskAround = (!sent || errand.isRead()) && (doom == null || doom.kind() != Doom.Kind.DISCONNECTED);
        if (mayAskAround && targets.hasOther(errand, node)) {
            errand.avoid(node, why);
        } else if (mayAskAround && errand.pinned() == null) {
            // The node may have left the cluster, and its slots to others.
            errand.askAround(node, why);
        } else {
            errand.failed(why);
        }
    }

    /** Whether only a redirection named the node, and no connection to it was made: whoever has the slot may say something better. */
    private boolean isUnreachedStranger(Attempt<?> attempt, boolean sent) {
        return !sent
                && !attempt.link().wasOpen()
                && attempt.link().doom() == null
                && attempt.errand().pinned() == null
                && !topology.isMember(attempt.node());
    }

    /** It says nothing of the server: the call is repeated, by itself if it may be what broke it. */
    private void afterBrokenConnection(Attempt<?> attempt, Throwable failure, long until) {
        Errand<?> errand = attempt.errand();
        Link link = attempt.link();
        boolean sent = !(failure instanceof UnsentException);
        boolean closed = sent && LettuceErrors.isClosedByPeer(failure);
        boolean suspicious = closed && (link.isLaden() || link.waiting() <= 1);
        // Where many wish for that it is the node.
        boolean mayGoAlone = closed && attempt.node().pool().mayHaveAnotherAlone();
        if (closed && errand.isAlone()) {
            closedAlone(attempt, failure, until);
        } else if (suspicious && mayGoAlone) {
            errand.sendAlone();
        } else if (errand.redial()) {
            errand.again();
        } else if (mayGoAlone) {
            // The second time among others: now by itself.
            errand.sendAlone();
        } else {
            errand.askAround(attempt.node(), translated(attempt, failure));
        }
    }

    /** Whoever asks for what the node can't bear has no other caller wait for a connection: while that may be so, nothing is counted. */
    private void noteBroken(Attempt<?> attempt, Throwable failure) {
        Errand<?> errand = attempt.errand();
        Node node = attempt.node();
        Link link = attempt.link();
        boolean closed = LettuceErrors.isClosedByPeer(failure);
        if (closed) {
            errand.closedBy(node, node.pool().closedByPeer(link));
        }
        if (!closed || !errand.isAlone() || errand.isAcquitted() || Blame.isOfOthers(errand, node)) {
            node.pool().broke(link, failure);
        }
    }

    private void closedAlone(Attempt<?> attempt, Throwable failure, long until) {
        Errand<?> errand = attempt.errand();
        Node node = attempt.node();
        if (!errand.isAcquitted() && !Blame.isRipe(errand)) {
            errand.again();
        } else if (!errand.isAcquitted() && blame.isOf(errand, node, until)) {
            errand.failed(errors.poisonous(node, failure, errand.bytes(), errand.closed()));
        } else {
            errand.acquit();
            node.pool().broke(attempt.link(), failure);
            errand.askAround(node, translated(attempt, failure));
        }
    }
}
