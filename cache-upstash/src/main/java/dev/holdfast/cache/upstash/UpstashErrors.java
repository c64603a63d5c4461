package dev.holdfast.cache.upstash;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.redis.AccessVariables;
import dev.holdfast.cache.redis.ErrorReply;
import dev.holdfast.cache.redis.RemoteAccess;
import dev.holdfast.cache.redis.TlsHints;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLPeerUnverifiedException;

/** What a failed request, an HTTP status or an error text means to a caller. The only place that knows. */
final class UpstashErrors {
    /** Texts, in lower case, of a database that will not serve, whoever asks. */
    private static final List<String> OUT_OF_SERVICE = List.of(
            "err max daily request limit exceeded",
            "err max requests limit exceeded",
            "err max concurrent connections exceeded",
            "err this database has been suspended",
            "err db capacity quota exceeded",
            "server is stopping");

    private final String address;
    private final RemoteAccess access;

    UpstashErrors(String address, RemoteAccess access) {
        this.address = address;
        this.access = access;
    }

    /** Names a setting as it was given. */
    String named(String variable, String inCode) {
        return access.named(variable, inCode);
    }

    CacheException interrupted(String command, Throwable cause) {
        Thread.currentThread().interrupt();
        return new CacheInterruptedException(command + " at " + address + ": interrupted", cause);
    }

    /** No answer came. */
    CacheException failed(RestCall call, IOException e) {
        boolean unknown = call.started();
        String what = call.name() + " at " + address + ": ";
        if (Thread.currentThread().isInterrupted()) {
            return interrupted(call.name(), e);
        }
        if (call.listening().isBroken()) {
            IOException silent = new SilentConnectionException(e);
            return new CacheUnavailableException(what + silent.getMessage(), silent, Reason.CONNECTION, unknown);
        }
        if (call.overdue() || e instanceof InterruptedIOException) {
            return new CacheTimeoutException(what + "no complete answer in time", e, unknown);
        }
        if (e instanceof SSLHandshakeException || e instanceof SSLPeerUnverifiedException) {
            return new CacheUnavailableException(
                    what + "its certificate was not accepted: " + quoted(String.valueOf(e.getMessage())) + "; "
                            + TlsHints.hint(e, address, access),
                    e,
                    Reason.REFUSED,
                    false);
        }
        return new CacheUnavailableException(
                what + quoted(String.valueOf(e.getMessage())), e, Reason.CONNECTION, unknown);
    }

    /** Something failed that nobody expected, want of memory for an answer perhaps. */
    CacheException unexpected(RestCall call, Throwable failure) {
        return unexpected(call.name(), failure, call.started());
    }

    CacheException unexpected(String what, Throwable failure, boolean unknown) {
        return failure instanceof CacheException e
                ? e
                : new CacheUnavailableException(
                        what + " at " + address + ": " + quoted(failure.toString()),
                        failure,
                        Reason.CONNECTION,
                        unknown);
    }

    /** An answer came, but not one of the protocol. */
    CacheException malformed(RestCall call, MalformedReplyException e) {
        return new CacheUnavailableException(
                call.name() + " at " + address + ": " + quoted(String.valueOf(e.getMessage())),
                e,
                Reason.CONNECTION,
                true);
    }

    /** A status other than 2xx, with or without an error text. */
    CacheException status(RestCall call, int status, String text) {
        String message = call.name() + " at " + address + ": HTTP " + status + ", " + quoted(text);
        if (status == 401 || status == 403) {
            return new CacheUnavailableException(
                    message + " (does " + access.named(AccessVariables::password, "the token")
                            + " belong to this database?)",
                    null,
                    Reason.REFUSED,
                    false);
        }
        if (status == 408 || status == 429 || status >= 500) {
            return new CacheUnavailableException(message, null, Reason.SERVER_STATE, status != 429);
        }
        if (status == 413) {
            return new CacheRejectedException(message + " (it was sent " + call.contentLength() + " bytes)");
        }
        if (status == 400) {
            return text(call.name(), text);
        }
        return new CacheUnavailableException(
                message + " (does " + access.named(UpstashErrors::url, "the url") + " lead to a database?)",
                null,
                Reason.REFUSED,
                false);
    }

    /** An error text, from a status 400, a 200 or a place in a pipeline: the command was not executed. */
    CacheException text(String command, String text) {
        String lower = text.substring(0, Math.min(text.length(), 64)).toLowerCase(Locale.ROOT);
        String message = command + " at " + address + ": " + quoted(text);
        ErrorReply reply = ErrorReply.of(text);
        if (reply.isOfState() || OUT_OF_SERVICE.stream().anyMatch(lower::startsWith)) {
            return new CacheUnavailableException(message, null, Reason.SERVER_STATE, false);
        }
        if (reply.isOfCredentials() || lower.startsWith("unauthorized")) {
            return new CacheUnavailableException(message, null, Reason.REFUSED, false);
        }
        return new CacheRejectedException(message);
    }

    private static String url(AccessVariables variables) {
        return variables.equals(AccessVariables.VERCEL) ? "KV_REST_API_URL" : "UPSTASH_REDIS_REST_URL";
    }

    String address() {
        return address;
    }

    /** The beginning of a body that holds no error text. */
    static String beginning(byte[] body) {
        return new String(body, 0, Math.min(body.length, 4_096), StandardCharsets.UTF_8);
    }

    /** A peer's text as it may be shown; what follows «with args beginning with» would be values. */
    static String quoted(String text) {
        int args = text.indexOf(", with args beginning with");
        String shown = (args < 0 ? text : text.substring(0, args)).strip();
        return shown.isEmpty() ? "an empty body" : ForeignText.shown(shown);
    }
}
