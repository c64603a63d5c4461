package dev.holdfast.cache.cluster;

import dev.holdfast.cache.cluster.FailureKind.Redirection;
import org.jspecify.annotations.Nullable;

/** Decides what a redirection does. Thread-safe. */
final class Redirections {
    private static final int MOST = 32;
    private static final int MOST_WITHOUT_PAUSE = 4;

    private final Topology topology;
    private final LettuceErrors errors;

    Redirections(Topology topology, LettuceErrors errors) {
        this.topology = topology;
        this.errors = errors;
    }

    /** Decides where a request goes next that a node has sent elsewhere. */
    void follow(Outcomes.Attempt<?> attempt, Throwable failure) {
        RoutedRequest<?> routed = attempt.routed();
        Node node = attempt.node();
        Redirection redirection = FailureKind.redirection(failure, node);
        if (redirection == null || redirection.slot() != routed.slot()) {
            // Either the node is confused, or this is the answer to another's command.
            attempt.link().verify();
            if (routed.isHarmless()) {
                nonsense(attempt, failure);
            } else {
                routed.mayHaveRun();
                routed.failed(errors.malformed(node, failure));
            }
        } else if (redirection.to() == null) {
            // It does not know where: the others are asked.
            routed.askAround(node, errors.malformed(node, failure));
        } else {
            follow(attempt, failure, topology.named(redirection.to()));
        }
        limitRedirections(routed);
    }

    private void follow(Outcomes.Attempt<?> attempt, Throwable failure, @Nullable Node to) {
        RoutedRequest<?> routed = attempt.routed();
        if (to == null || to == attempt.node()) {
            // It names itself, or one of too many that nobody else knows.
            nonsense(attempt, failure);
        } else if (!topology.isMember(to)) {
            askStranger(attempt, failure, to);
        } else if (FailureKind.of(failure) == FailureKind.ASK) {
            routed.askAt(to);
        } else {
            topology.moved(routed.slot(), to);
            routed.again();
        }
    }

    /**
     * One answer alone names the node: others go there once the cluster says so. Nobody waits for a connection to it, which may
     * never be made; until there is one, whoever has the slot is asked again. ASKING does no harm at a master that has it already.
     */
    private void askStranger(Outcomes.Attempt<?> attempt, Throwable failure, Node to) {
        if (to.pool().link(false).isOpen()) {
            topology.refreshSoon();
            attempt.routed().askAt(to);
        } else {
            nonsense(attempt, failure);
        }
    }

    /**
     * A redirection that leads nowhere says nothing of the node's health: the topology is asked for when it is time, and the call
     * is repeated.
     */
    private void nonsense(Outcomes.Attempt<?> attempt, Throwable failure) {
        topology.refreshSoon();
        attempt.routed().pause(errors.malformed(attempt.node(), failure));
    }

    private void limitRedirections(RoutedRequest<?> routed) {
        int redirections = routed.redirected();
        if (redirections > MOST) {
            routed.failed(errors.redirectedTooOften(routed.slot()));
        } else if (redirections > MOST_WITHOUT_PAUSE
                && routed.next() == RoutedRequest.Next.SEND
                && routed.askNext() == null) {
            routed.pause(errors.redirectedTooOften(routed.slot()));
        }
    }
}
