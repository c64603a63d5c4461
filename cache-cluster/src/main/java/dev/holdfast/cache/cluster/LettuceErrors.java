package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.Causes;
import dev.holdfast.cache.ForeignText;
import dev.holdfast.cache.redis.AccessVariables;
import dev.holdfast.cache.redis.Address;
import dev.holdfast.cache.redis.CredentialsException;
import dev.holdfast.cache.redis.TlsHints;
import io.lettuce.core.RedisCommandExecutionException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** What Lettuce, the nodes and the network have to say, in the cache's terms. */
final class LettuceErrors {
    private static final Set<String> PASSING = Set.of("TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "LOADING", "READONLY");
    private static final Set<String> WRITES_ONLY = Set.of("OOM", "NOREPLICAS", "MISCONF");
    private static final Set<String> STATES = Set.of("OOM", "NOREPLICAS", "MISCONF", "BUSY");
    private static final Set<String> CREDENTIALS = Set.of("NOAUTH", "WRONGPASS", "DENIED");

    private final ClusterConfig config;

    LettuceErrors(ClusterConfig config) {
        this.config = config;
    }

    /** What kind of failure it is, as far as it decides what is done next. */
    enum Kind {
        /** Another node has the slot. */
        MOVED,
        /** Another node may have the key, for this once. */
        ASK,
        /** A state of the node or the cluster that passes by itself. */
        PASSING,
        /** A script must be sent in full. */
        NO_SCRIPT,
        /** The answer is larger than it may be. */
        TOO_LARGE,
        /** The node answered, and that is that. */
        ANSWERED,
        /** The connection was lost or could not be opened. */
        LOST
    }

    static Kind kindOf(Throwable failure) {
        RedisCommandExecutionException answer = answer(failure);
        if (answer == null) {
            return failure instanceof ReplyTooLargeException ? Kind.TOO_LARGE : Kind.LOST;
        }
        String code = codeOf(answer);
        return switch (code) {
            case "MOVED" -> Kind.MOVED;
            case "ASK" -> Kind.ASK;
            case "NOSCRIPT" -> Kind.NO_SCRIPT;
            default -> PASSING.contains(code) ? Kind.PASSING : Kind.ANSWERED;
        };
    }

    /** Whether a node said so, which a dead one can't. */
    static boolean isAnswer(Throwable failure) {
        return answer(failure) != null && !isRefusal(failure);
    }

    /** Whether a node will not talk to this client. */
    private static boolean isRefusal(Throwable failure) {
        RedisCommandExecutionException answer = answer(failure);
        return answer != null && (CREDENTIALS.contains(codeOf(answer)) || isAboutClients(answer));
    }

    /** Whether a node refused a log-in for its words. */
    static boolean isOfLogin(@Nullable Throwable failure) {
        RedisCommandExecutionException answer = failure == null ? null : answer(failure);
        return answer != null && !isAboutClients(answer) && !PASSING.contains(codeOf(answer));
    }

    /** Whether a node does not know a command, or this client's user may never use it. */
    static boolean isCommandRefused(Throwable failure) {
        RedisCommandExecutionException answer = answer(failure);
        return answer != null
                && !isRefusal(answer)
                && (codeOf(answer).equals("NOPERM") || codeOf(answer).equals("ERR"))
                && !textOf(answer).contains("cluster support disabled");
    }

    static boolean isNoPermission(Throwable failure) {
        RedisCommandExecutionException answer = answer(failure);
        return answer != null && codeOf(answer).equals("NOPERM");
    }

    static boolean isRedirection(Throwable failure) {
        Kind kind = kindOf(failure);
        return kind == Kind.MOVED || kind == Kind.ASK;
    }

    private static @Nullable RedisCommandExecutionException answer(Throwable failure) {
        return Causes.find(failure, RedisCommandExecutionException.class);
    }

    private static boolean isAboutClients(Throwable answer) {
        return textOf(answer).contains("max number of clients");
    }

    /** Whether the node, or something between, ended the connection. */
    static boolean isClosedByPeer(Throwable failure) {
        return Causes.find(failure, ClosedByPeerException.class) != null
                || Causes.find(failure, IOException.class) != null;
    }

    /**
     * Where MOVED or ASK points to.
     *
     * @param from the node that said it, whose host stands for one that is left out
     * @return {@code null} if it is malformed
     */
    static @Nullable Redirection redirection(Throwable failure, Node from) {
        String[] words = textOf(answer(failure)).split(" ", -1);
        int slot = words.length < 3 ? -1 : Slots.parse(words[1]);
        if (slot < 0) {
            return null;
        }
        if (words[2].startsWith("?:")) {
            // A node whose name is not known yet: others may know its address.
            return new Redirection(slot, null);
        }
        try {
            return new Redirection(
                    slot,
                    Address.parse(words[2].startsWith(":") ? from.address().host() + words[2] : words[2]));
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /**
     * A slot, and who has it.
     *
     * @param to {@code null} if the node that said so does not know where that is
     */
    record Redirection(int slot, @Nullable Address to) {}

    /** Whether a node refuses writes for a state of its own in which it answers reads. */
    static boolean isOfWritesOnly(Throwable failure) {
        RedisCommandExecutionException answer = answer(failure);
        return answer != null && WRITES_ONLY.contains(codeOf(answer));
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
        return new CacheRejectedException(at(node) + ": " + messageOf(failure) + " (" + limitOfValues() + ')', failure);
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

    /** The same failure, of which nobody knows what came of the call. */
    static RuntimeException outcomeUnknown(RuntimeException why) {
        if (!(why instanceof CacheUnavailableException known) || known.outcomeUnknown()) {
            return why;
        }
        return known instanceof CacheTimeoutException
                ? new CacheTimeoutException(messageOf(known), known, true)
                : new CacheUnavailableException(messageOf(known), known, known.reason(), true);
    }

    /**
     * Translates what ended a call.
     *
     * @param link the connection; {@code null} if there was none
     * @param shardOnly says whether the cluster serves most slots without this node
     */
    CacheException failed(Throwable failure, Node node, @Nullable Link link, BooleanSupplier shardOnly) {
        RedisCommandExecutionException answer = answer(failure);
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
        String code = codeOf(e);
        String message = at(node) + " answered: " + messageOf(e);
        if (code.equals("CLUSTERDOWN") && message.contains("slot not served")) {
            return new CacheUnavailableException(
                    message, e, shardOnly.getAsBoolean() ? Reason.PARTIAL : Reason.SERVER_STATE, false);
        }
        if (PASSING.contains(code) || STATES.contains(code) || isAboutClients(e)) {
            return new CacheUnavailableException(message, e, Reason.SERVER_STATE, false);
        }
        if (CREDENTIALS.contains(code)) {
            return refused(e, node, credentialsHint(), shardOnly);
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

    private String credentialsHint() {
        if (config.access().credentials() == null) {
            return "it wants a password (" + named("REDIS_CLUSTER_PASSWORD", "withPassword") + ')';
        }
        return config.password() == null
                ? named(
                        "check the user (REDIS_CLUSTER_USERNAME) and the file that REDIS_CLUSTER_PASSWORD_FILE names",
                        "check the user (withUsername) and what withCredentials was given")
                : "check the user and the password ("
                        + named("REDIS_CLUSTER_USERNAME, REDIS_CLUSTER_PASSWORD", "withUsername, withPassword") + ')';
    }

    /** Names a setting as it was given. */
    private String named(String variable, String inCode) {
        return config.access().named(variable, inCode);
    }

    /** How the user has set how large values may be. */
    String limitOfValues() {
        return named("CACHE_MAX_VALUE_BYTES", "withMaxValueBytes");
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
        CacheUnavailableException copy = e instanceof CacheTimeoutException
                ? new CacheTimeoutException(messageOf(e), e.getCause(), e.outcomeUnknown())
                : new CacheUnavailableException(messageOf(e), e.getCause(), e.reason(), e.outcomeUnknown());
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

    /** The first word. Before Redis 7 a script's error has it in the middle: {@code ERR Error running script …: -OOM …}. */
    private static String codeOf(Throwable e) {
        String message = textOf(e);
        if (message.startsWith("ERR Error running script")) {
            int inner = message.lastIndexOf(": -");
            message = inner < 0 ? message : message.substring(inner + 3);
        }
        int space = message.indexOf(' ');
        return space < 0 ? message : message.substring(0, space);
    }

    private static String textOf(@Nullable Throwable e) {
        return e == null ? "" : String.valueOf(e.getMessage());
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
