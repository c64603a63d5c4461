package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.Causes;
import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.redis.CredentialsException;
import dev.holdfast.cache.redis.CredentialsHint;
import dev.holdfast.cache.redis.ErrorReply;
import dev.holdfast.cache.redis.Failures;
import dev.holdfast.cache.redis.TlsHints;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CompletionException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.util.SafeEncoder;

/** What Jedis, the server and the network have to say, in the cache's terms. */
final class JedisErrors {
    private static final Set<String> REDIRECTIONS = Set.of("MOVED", "ASK", "CROSSSLOT");

    private final String server;
    private final SingleConfig config;

    JedisErrors(SingleConfig config) {
        this.config = config;
        this.server = (config.isSentinel() ? "the sentinel at " : "Redis at ") + config.address();
    }

    /** Whether the server refused to write because it has become a replica. */
    boolean isReadOnly(@Nullable Object failure) {
        return failure instanceof Refusal e && reply(e).is("READONLY");
    }

    /** Whether the server refused because this client's user may not do it. */
    boolean isNoPermission(@Nullable Object failure) {
        return failure instanceof Refusal e && reply(e).is("NOPERM");
    }

    /** Whether the server does not know a command, or this client's user may never use it. */
    boolean isNotAllowed(@Nullable Object failure) {
        return isNoPermission(failure)
                || (failure instanceof Refusal e
                        && message(e).toLowerCase(Locale.ROOT).contains("unknown command"));
    }

    /** Whether the server does not know the script of an EVALSHA and has done nothing: it must be sent in full. */
    static boolean isUnknownScript(CacheRejectedException e) {
        return e.getCause() instanceof Refusal refusal && reply(refusal).is("NOSCRIPT");
    }

    /** Whether the server will have nothing to do with this client, whatever it asks for. */
    static boolean refusesClient(Refusal refusal) {
        return reply(refusal).isOfClient() || reply(refusal).is("LOADING");
    }

    /** Whether a refused log-in may be one of its words: not a state of the server. */
    static boolean isOfLogin(Refusal refusal) {
        return !reply(refusal).isOfState();
    }

    /** Translates a refusal. */
    RuntimeException refusal(RuntimeException e) {
        ErrorReply reply = reply(e);
        String message = server + " answered: " + e.getMessage();
        if (reply.isOfState()) {
            return new CacheUnavailableException(message, e, Reason.SERVER_STATE, false);
        }
        if (reply.isOfCredentials()) {
            return refused(e, credentialsHint());
        }
        if (REDIRECTIONS.contains(reply.code())) {
            return refused(
                    e,
                    "it is a node of a cluster: use the cluster tier ("
                            + config.named("REDIS_CLUSTER_ENABLED=true, REDIS_CLUSTER_NODES", "ClusterConfig")
                            + ") instead of the single one");
        }
        return new CacheRejectedException(message, e);
    }

    private CacheUnavailableException refused(Throwable e, String hint) {
        return new CacheUnavailableException(
                server + " refused this client: " + message(e) + "; " + hint, e, Reason.REFUSED, false);
    }

    private String credentialsHint() {
        return config.isSentinel()
                ? CredentialsHint.of(config.access(), "withSentinelCredentials", "withSentinelCredentials", "")
                : CredentialsHint.of(
                        config.access(),
                        "withPassword",
                        "withUsername and withPassword",
                        ", or in " + config.named("REDIS_URL", "the URL"));
    }

    /**
     * Translates what broke a call on a connection, or kept it from beginning; it is not used again.
     *
     * @param e what was thrown, if anything was
     * @param closeReason why we closed the connection, if we did
     * @param sent whether the server may have got the command
     * @return what to throw
     */
    CacheException lost(@Nullable Throwable e, @Nullable CloseReason closeReason, boolean sent) {
        if (Thread.currentThread().isInterrupted()) {
            return interrupted(e);
        }
        if (closeReason != null && closeReason.overdue()) {
            String limit = config.named("REDIS_COMMAND_TIMEOUT", "withCommandTimeout");
            return new CacheTimeoutException(
                    "no answer from " + server
                            + (closeReason.ofCaller()
                                    ? " in what the caller had left, which was less than " + limit + " ("
                                    : " in time (" + limit + ", ")
                            + config.commandTimeout().toMillis() + " ms)",
                    e,
                    sent);
        }
        if (closeReason != null && !closeReason.discarded() && !closeReason.silent()) {
            return disconnected(closeReason.cause(), sent);
        }
        return new CacheUnavailableException(
                "the connection to " + server + " was lost: " + message(e), e, Reason.CONNECTION, sent);
    }

    /** Translates what kept a connection from being opened. */
    CacheUnavailableException notOpened(Throwable e, Link link) {
        CloseReason closeReason = link.closeReason();
        if (closeReason != null && !closeReason.overdue()) {
            return disconnected(closeReason.cause(), false);
        }
        if (closeReason != null || Causes.root(e) instanceof SocketTimeoutException) {
            return new CacheTimeoutException(
                    "could not connect to " + server + " within "
                            + config.connectTimeout().toMillis() + " ms ("
                            + config.named("REDIS_CONNECT_TIMEOUT", "withConnectTimeout") + ')'
                            + (config.tls() == null
                                    ? ""
                                    : "; if it does not speak TLS: "
                                            + config.access()
                                                    .named(all -> all.tls().toSwitchOff(), "leave TLS out")),
                    e,
                    false);
        }
        if (e instanceof Refusal refusal) {
            return refusedAtStart(refusal);
        }
        SSLException tls = Causes.find(e, SSLException.class);
        if (tls != null) {
            String host =
                    config.place() instanceof Place.Port port ? port.address().host() : "that the sentinels name";
            String hint = TlsHints.hint(tls, host, config.access());
            // Who only closes the connection may have been stopped meanwhile, or be a proxy whose server was.
            return TlsHints.isBrokenOff(tls)
                    ? new CacheUnavailableException(
                            "could not connect to " + server + ": " + message(tls) + "; " + hint,
                            tls,
                            Reason.CONNECTION,
                            false)
                    : refused(tls, hint);
        }
        MasterUnknownException unknown = Causes.find(e, MasterUnknownException.class);
        if (unknown != null) {
            return new CacheUnavailableException(
                    "could not connect to " + server + ": " + unknown.getMessage(), unknown, unknown.reason(), false);
        }
        CredentialsException none = Causes.find(e, CredentialsException.class);
        if (none != null) {
            return new CacheUnavailableException(
                    "could not connect to " + server + ": " + none.getMessage(), none, Reason.REFUSED, false);
        }
        return new CacheUnavailableException(
                "could not connect to " + server + ": " + whyNotConnected(e), e, Reason.CONNECTION, false);
    }

    /** The address leads to one server and to another in turn. */
    String severalServers() {
        return server
                + " is the address of several servers in turn, so a restart of one of them is not noticed while nobody calls;"
                + " give each client the address of one server";
    }

    /** A call to a server that was started anew, before those who asked for outages have heard of it. */
    CacheUnavailableException restarted(boolean uncompared) {
        return new CacheUnavailableException(
                server + " was started anew, and "
                        + (uncompared ? "whether it lacks anything" : "what it may have forgotten")
                        + " is still to be " + (uncompared ? "seen" : "made up for"),
                null,
                uncompared ? Reason.SERVER_STATE : Reason.PARTIAL,
                false);
    }

    /** What a connection was lost by before it had answered anything. */
    CacheUnavailableException useless(Throwable e) {
        return new CacheUnavailableException(
                "connected to " + server + ", but it breaks connections at the first call: " + message(e),
                e,
                Reason.CONNECTION,
                false);
    }

    private CacheUnavailableException refusedAtStart(Refusal e) {
        if (refusal(e) instanceof CacheUnavailableException known) {
            return known;
        }
        String text = message(e).toLowerCase(Locale.ROOT);
        if (text.contains("db index") || text.contains("select is not allowed")) {
            return refused(
                    e,
                    "it has no database " + config.database() + " ("
                            + config.named("REDIS_DB, or the path of REDIS_URL", "withDatabase, or the path of the URL")
                            + ')');
        }
        if (text.contains("auth") || text.contains("password")) {
            return refused(e, credentialsHint());
        }
        return refused(e, "it does not take the log-in of this client (AUTH and SELECT of RESP2)");
    }

    private String whyNotConnected(Throwable e) {
        Throwable root = Causes.root(e);
        if (root instanceof UnknownHostException) {
            return "the name " + ForeignText.shown(root.getMessage()) + " can't be resolved";
        }
        if (root instanceof ConnectException) {
            return message(root) + "; is it running, and is the port right?";
        }
        boolean mayBeTls = config.tls() == null && config.place() instanceof Place.Port;
        return message(e) + (mayBeTls ? "; if it speaks TLS, use " + withTls() : "");
    }

    private String withTls() {
        return config.isSentinel()
                ? config.named("REDIS_SENTINEL_TLS=true", "withSentinelTls")
                : "rediss:// or " + config.named("REDIS_TLS=true", "withTls");
    }

    CacheInterruptedException interrupted(@Nullable Throwable e) {
        return interrupted(e, true);
    }

    CacheInterruptedException interrupted(@Nullable Throwable e, boolean sent) {
        Thread.currentThread().interrupt();
        return new CacheInterruptedException("interrupted while calling " + server, e, sent);
    }

    CacheUnavailableException disconnected(@Nullable Throwable cause, boolean sent) {
        return new CacheUnavailableException(
                "disconnected from " + server + (cause == null ? "" : ": " + message(cause)),
                cause,
                Reason.DISCONNECTED,
                sent);
    }

    CacheUnavailableException exhausted(long waitedNanos, int open, int size, int waiting) {
        String waited = "no connection to " + server + " was free within " + waitedNanos / 1_000_000 + " ms: ";
        if (open == 0) {
            return new CacheTimeoutException(waited + "connecting to it takes longer than that", null, false);
        }
        return new CacheUnavailableException(
                waited + open + " of at most " + size + " are open ("
                        + config.named("REDIS_CONNECTION_POOL_SIZE", "withPoolSize") + "), all in use, " + waiting
                        + " callers wait",
                null,
                Reason.SATURATED,
                false);
    }

    /** The reply is none that the command can have: requests and replies no longer belong together. */
    RuntimeException outOfStep(Request command, RuntimeException why) {
        return new IllegalStateException(
                "a reply to " + SafeEncoder.encode(command.getCommand().getRaw()) + " that can't be one", why);
    }

    /** The value is there, but larger than this client takes. */
    CacheRejectedException tooLarge(TooLargeReplyException e) {
        return new CacheRejectedException(
                server + " has " + e.getMessage() + " (" + config.named("CACHE_MAX_VALUE_BYTES", "withMaxValueBytes")
                        + ')',
                e);
    }

    /** Every connection broke under the same call and no other, while the server answers. */
    CacheRejectedException unbearable(CacheUnavailableException e, long bytes, int connections) {
        return new CacheRejectedException(
                server + " answers, but closed " + connections
                        + " connections, one after the other, during this call, whose request has about " + bytes
                        + " bytes: a limit of the server (proto-max-bulk-len, client-output-buffer-limit) or of a proxy"
                        + " in between is likely",
                e.getCause());
    }

    IllegalStateException closed() {
        return new IllegalStateException("the store on " + server + " is closed");
    }

    /** What {@link Link#opened()} failed with. */
    CacheUnavailableException failureOf(Throwable e) {
        Throwable cause = e instanceof CompletionException && e.getCause() != null ? e.getCause() : e;
        return cause instanceof CacheUnavailableException known
                ? known
                : new CacheUnavailableException(
                        "could not connect to " + server + ": " + message(cause), cause, Reason.CONNECTION, false);
    }

    /** An instance of its own for each caller that failed for the same reason. */
    CacheUnavailableException again(CacheUnavailableException e, boolean outcomeUnknown) {
        return Failures.copy(e, String.valueOf(e.getMessage()), e.getCause(), outcomeUnknown);
    }

    private static ErrorReply reply(Throwable refusal) {
        return ErrorReply.of(refusal.getMessage());
    }

    private static String message(@Nullable Throwable e) {
        if (e == null) {
            return "no cause known";
        }
        String message = Causes.root(e).getMessage();
        return message == null ? Causes.root(e).getClass().getSimpleName() : message;
    }
}
