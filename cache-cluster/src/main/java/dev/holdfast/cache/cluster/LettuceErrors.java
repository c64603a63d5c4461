package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.Causes;
import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.redis.AccessVariables;
import dev.holdfast.cache.redis.CredentialsException;
import dev.holdfast.cache.redis.CredentialsHint;
import dev.holdfast.cache.redis.ErrorReply;
import dev.holdfast.cache.redis.Failures;
import dev.holdfast.cache.redis.TlsHints;
import io.lettuce.core.RedisCommandExecutionException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** What Lettuce, the nodes and the network have to say, in the cache's terms. */
final class LettuceErrors {
    private final ClusterConfig config;

    LettuceErrors(ClusterConfig config) {
        this.config = config;
    }

    /** What a node said makes no sense. */
    CacheUnavailableException malformed(Node node, Throwable failure) {
        return new CacheUnavailableException(
                at(node) + " answered what can't be followed: " + messageOf(failure),
                failure,
                Reason.CONNECTION,
                false);
    }

    /** A reply of another kind than the command has. */
    CacheUnavailableException malformed(String what) {
        return new CacheUnavailableException(cluster() + " answered " + what, null, Reason.CONNECTION, true);
    }

    CacheRejectedException tooLarge(Node node, Throwable failure) {
        return new CacheRejectedException(
                at(node) + ": " + messageOf(failure) + " (" + named("CACHE_MAX_VALUE_BYTES", "withMaxValueBytes") + ')',
                failure);
    }

    /** A request under which the node closed every connection while it answered others of the same kind. */
    CacheRejectedException poisonous(Node node, Throwable failure, long bytes, int connections) {
        return new CacheRejectedException(
                at(node) + " closed " + connections + " connections on this request"
                        + (bytes > 0 ? " of " + bytes + " bytes" : "")
                        + " while it answered others: a limit of the server or of a proxy, as a rule"
                        + " (proto-max-bulk-len, client-output-buffer-limit, the largest value that a proxy lets pass)",
                failure);
    }

    /**
     * Translates what ended a call.
     *
     * @param link the connection; {@code null} if there was none
     * @param shardOnly says whether the cluster serves most slots without this node
     */
    CacheException failed(Throwable failure, Node node, @Nullable Link link, BooleanSupplier shardOnly) {
        RedisCommandExecutionException answer = Causes.find(failure, RedisCommandExecutionException.class);
        boolean sent = !(failure instanceof UnsentException);
        if (answer != null) {
            return answered(answer, node, shardOnly);
        }
        CloseReason closeReason = link == null ? null : link.closeReason();
        if (closeReason != null && closeReason.kind() == CloseReason.Kind.DISCONNECTED) {
            return disconnected(closeReason.cause(), sent);
        }
        Throwable cause = closeReason == null || closeReason.cause() == null ? failure : closeReason.cause();
        SSLException tls = Causes.find(cause, SSLException.class);
        // Before the handshake is done Netty knows only that the channel is closed.
        boolean inHandshake =
                tls != null || (config.tls() != null && !sent && Causes.root(cause) instanceof ClosedChannelException);
        String hint = inHandshake ? TlsHints.hint(cause, node.address().host(), config.access()) : "";
        // Who only closes the connection may have been stopped meanwhile, or be a proxy whose server was.
        if (tls != null && !TlsHints.isBrokenOff(tls)) {
            return refused(cause, node, hint, shardOnly);
        }
        CredentialsException none = Causes.find(cause, CredentialsException.class);
        if (none != null) {
            return refused(
                    none,
                    node,
                    config.access().named(AccessVariables::passwordFile, "what withCredentials was given")
                            + " must give some",
                    () -> false);
        }
        return new CacheUnavailableException(
                at(node)
                        + (sent ? ": the connection was lost: " : ": no connection: ")
                        + messageOf(cause)
                        + (hint.isEmpty() ? "" : "; " + hint)
                        + (sent ? "" : addressHint(node)),
                cause,
                shardOnly.getAsBoolean() ? Reason.PARTIAL : Reason.CONNECTION,
                sent);
    }

    /** The cluster may announce addresses of a network that this process is not in. */
    private String addressHint(Node node) {
        return node.pool().wasReached() || config.seeds().contains(node.address())
                ? ""
                : "; it was never reached where the cluster announces it: if it has another address for this process, say so by "
                        + named("REDIS_CLUSTER_ADDRESSES (seed, or from=to)", "withAddressMapper");
    }

    private CacheException answered(RedisCommandExecutionException e, Node node, BooleanSupplier shardOnly) {
        ErrorReply reply = ErrorReply.of(e.getMessage());
        String message = at(node) + " answered: " + messageOf(e);
        if (reply.is("CLUSTERDOWN") && message.contains("slot not served")) {
            return new CacheUnavailableException(
                    message, e, shardOnly.getAsBoolean() ? Reason.PARTIAL : Reason.SERVER_STATE, false);
        }
        if (reply.isOfState()) {
            return new CacheUnavailableException(message, e, Reason.SERVER_STATE, false);
        }
        if (reply.isOfCredentials()) {
            return refused(
                    e,
                    node,
                    CredentialsHint.of(config.access(), "withPassword", "withUsername and withPassword", ""),
                    shardOnly);
        }
        if (message.contains("cluster support disabled")) {
            return refused(
                    e,
                    node,
                    named("REDIS_CLUSTER_NODES", "ClusterConfig")
                            + " names a server that is not in cluster mode: use the single tier ("
                            + named("REDIS_HOST or REDIS_URL", "SingleConfig") + ") for it",
                    () -> false);
        }
        return new CacheRejectedException(message, e);
    }

    private CacheUnavailableException refused(Throwable e, Node node, String hint, BooleanSupplier shardOnly) {
        return new CacheUnavailableException(
                at(node) + " refused this client: " + messageOf(e) + "; " + hint,
                e,
                shardOnly.getAsBoolean() ? Reason.PARTIAL : Reason.REFUSED,
                false);
    }

    /** Names a setting as it was given. */
    private String named(String variable, String inCode) {
        return config.access().named(variable, inCode);
    }

    /** A call for a node that is out of service. */
    CacheUnavailableException out(Node node, Throwable outage, BooleanSupplier shardOnly) {
        CacheException why =
                failed(outage instanceof UnsentException ? outage : new UnsentException(outage), node, null, shardOnly);
        return why instanceof CacheUnavailableException known
                ? known
                : new CacheUnavailableException(messageOf(why), outage, Reason.SERVER_STATE, false);
    }

    /** A call for a slot that nobody serves. */
    CacheUnavailableException unserved(int slot, BooleanSupplier shardOnly) {
        return new CacheUnavailableException(
                cluster() + ": nobody serves slot " + slot,
                null,
                shardOnly.getAsBoolean() ? Reason.PARTIAL : Reason.SERVER_STATE,
                false);
    }

    /** A call for a slot whose master was out, before those who asked for outages have heard of it. */
    CacheUnavailableException unsettled(int slot) {
        return new CacheUnavailableException(
                cluster() + ": the master of slot " + slot
                        + " was out, and may have forgotten what it had acknowledged",
                null,
                Reason.PARTIAL,
                false);
    }

    /** A call to a new master, before it has shown that it has what the one before it had acknowledged. */
    CacheUnavailableException uncompared(Node node) {
        return new CacheUnavailableException(
                at(node) + " is a new master, and has not shown yet that it lacks nothing of the one before it",
                null,
                Reason.PARTIAL,
                false);
    }

    CacheUnavailableException unservedMostly(int served) {
        return new CacheUnavailableException(
                cluster() + ": only " + served + " slots are served", null, Reason.SERVER_STATE, false);
    }

    CacheUnavailableException redirectedTooOften(int slot) {
        return new CacheUnavailableException(
                cluster() + ": its nodes can't agree on who has slot " + slot, null, Reason.SERVER_STATE, false);
    }

    CacheTimeoutException timeout(Node node, long nanos, @Nullable Throwable cause, boolean sent) {
        return new CacheTimeoutException(
                "no answer from " + at(node) + " within " + Math.max(0, nanos) / 1_000_000 + " ms"
                        + (sent ? "" : ", connecting included" + addressHint(node)),
                cause,
                sent);
    }

    CacheTimeoutException noTimeLeft() {
        return new CacheTimeoutException(cluster() + ": no time left", null, false);
    }

    CacheInterruptedException interrupted(@Nullable Throwable e) {
        Thread.currentThread().interrupt();
        return new CacheInterruptedException("interrupted while calling " + cluster(), e);
    }

    CacheUnavailableException disconnected(@Nullable Throwable cause, boolean sent) {
        return new CacheUnavailableException(
                "disconnected from " + cluster() + (cause == null ? "" : ": " + messageOf(cause)),
                cause,
                Reason.DISCONNECTED,
                sent);
    }

    /** The topology was not known in time. */
    CacheTimeoutException noTopology(Throwable cause) {
        return new CacheTimeoutException(cluster() + " did not say in time which node has which slot", cause, false);
    }

    /** A probe whose time was over before the first node could be asked anything. */
    CacheUnavailableException firstContact(CacheTimeoutException why) {
        return new CacheUnavailableException(
                cluster() + ": its first connections are still being made", why, Reason.SATURATED, false);
    }

    /** A node did not say what it sees. */
    CacheUnavailableException noView(Node node, @Nullable Link link, Throwable why) {
        Throwable failure = why instanceof CompletionException && why.getCause() != null ? why.getCause() : why;
        if (failure instanceof CacheUnavailableException known) {
            return known;
        }
        if (failure instanceof TimeoutException) {
            return new CacheTimeoutException("no answer from " + at(node), failure, false);
        }
        CacheException known = failed(new UnsentException(failure), node, link, () -> false);
        return known instanceof CacheUnavailableException unavailable
                ? unavailable
                : new CacheUnavailableException(messageOf(known), failure, Reason.REFUSED, false);
    }

    /** What became of a request that failed; throws it, if it does not say that the cluster is unavailable. */
    CacheUnavailableException unavailable(RuntimeException failure) {
        if (failure instanceof CacheException known && !(failure instanceof CacheUnavailableException)) {
            throw known;
        }
        return failure instanceof CacheUnavailableException known ? known : broken(failure);
    }

    /** Something that has nothing to do with any node. */
    CacheUnavailableException broken(Throwable e) {
        return new CacheUnavailableException(cluster() + ": " + e, e, Reason.CONNECTION, false);
    }

    /** No node said what it sees; each failure is suppressed. */
    CacheUnavailableException nobodyAnswers(List<CacheUnavailableException> failures) {
        CacheUnavailableException first = failures.stream()
                .filter(failure -> failure.reason() == Reason.REFUSED)
                .findFirst()
                .orElse(failures.isEmpty() ? null : failures.get(0));
        CacheUnavailableException all = new CacheUnavailableException(
                "no node of " + cluster() + named(" (REDIS_CLUSTER_NODES)", "") + " can be used"
                        + (first == null ? "" : ": " + first.getMessage()),
                first,
                first == null ? Reason.CONNECTION : first.reason(),
                false);
        failures.stream().filter(failure -> failure != first).forEach(all::addSuppressed);
        return all;
    }

    /** An instance of its own for each caller that failed for the same reason. */
    CacheUnavailableException again(CacheUnavailableException e) {
        CacheUnavailableException copy = Failures.copy(e, messageOf(e), e.getCause(), e.outcomeUnknown());
        for (Throwable suppressed : e.getSuppressed()) {
            copy.addSuppressed(suppressed);
        }
        return copy;
    }

    IllegalStateException closed() {
        return new IllegalStateException("the store on " + cluster() + " is closed");
    }

    private static String at(Node node) {
        return "Redis cluster node " + node;
    }

    private String cluster() {
        return "Redis cluster " + config.nodes();
    }

    /** What went wrong, in the words of whoever saw it first, made fit to be shown. */
    static String messageOf(@Nullable Throwable e) {
        if (e == null) {
            return "no cause known";
        }
        if (e instanceof CacheException) {
            return String.valueOf(e.getMessage());
        }
        if (e instanceof RedisCommandExecutionException) {
            return ForeignText.shown(e.getMessage());
        }
        Throwable root = Causes.root(e);
        if (root instanceof UnknownHostException) {
            return "the name can't be resolved: " + ForeignText.shown(root.getMessage());
        }
        if (root instanceof ConnectException) {
            return root.getMessage() + "; is it running, and is the port right?";
        }
        if (root instanceof ClosedChannelException) {
            return "the connection was closed";
        }
        String message = root.getMessage();
        return message == null ? root.getClass().getSimpleName().toLowerCase(Locale.ROOT) : ForeignText.shown(message);
    }
}
