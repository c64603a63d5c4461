package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.SparedKeys;
import dev.holdfast.cache.spi.KeyPrefix;
import io.lettuce.core.protocol.AsyncCommand;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Decides whether a request is to blame for the connections that its node closed under it, or the node: it is the request if the node
 * closed no others meanwhile, and another request of the same kind gets through on a connection of its own. Thread-safe.
 */
final class Blame {
    /** So often a request is sent by itself: chance hits the same small request hardly as often. */
    private static final int ALONE = 3;

    /** And something large, which breaks a connection by its size, and takes its time. */
    private static final int LARGE_ALONE = 1;

    private static final long WITNESS_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final KeyPrefix keyPrefix;
    private final LettuceErrors errors;

    Blame(ClusterConfig config, LettuceErrors errors) {
        this.keyPrefix = config.keyPrefix();
        this.errors = errors;
    }

    /** Whether it was sent by itself often enough for a verdict. */
    static boolean isRipe(RoutedRequest<?> routed) {
        return routed.closedAlone() >= (routed.isLarge() ? LARGE_ALONE : ALONE);
    }

    /** Whether it is the request and not the node. Waits for the node to answer another. */
    boolean isOf(RoutedRequest<?> routed, Node node, long until) {
        return !isOfOthers(routed, node) && getsThrough(routed, node, until);
    }

    /** Whether the node closed connections under others, too. */
    static boolean isOfOthers(RoutedRequest<?> routed, Node node) {
        return node.pool().closedByPeer() - routed.closedBefore() > routed.closed();
    }

    /** Whether another request of the same kind is answered, whatever the answer is. */
    private boolean getsThrough(RoutedRequest<?> routed, Node node, long until) {
        byte[] nobody = keyPrefix.encodeKey(SparedKeys.CANARY + "nobody:{" + Slots.tagOf(routed.slot()) + '}');
        AsyncCommand<byte[], byte[], ?> witness = Requests.witness(routed.type(), nobody);
        if (witness == null) {
            return false;
        }
        long wait = Math.max(WITNESS_NANOS, 4 * node.prober().medianNanos());
        Link link = node.pool().alone();
        try {
            link.send(witness);
            witness.get(Math.max(0, Math.min(wait, until - System.nanoTime())), TimeUnit.NANOSECONDS);
            node.pool().answered(link);
            return true;
        } catch (InterruptedException e) {
            throw errors.interrupted(e);
        } catch (ExecutionException e) {
            boolean answered = FailureKind.isAnswer(e.getCause());
            if (answered) {
                node.pool().answered(link);
            }
            return answered;
        } catch (TimeoutException | CancellationException e) {
            return false;
        } finally {
            node.pool().drop(link, new CloseReason(CloseReason.Kind.DISCARDED, null));
        }
    }
}
