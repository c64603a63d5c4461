package dev.holdfast.streams;

import dev.holdfast.cache.internal.ForeignText;
import java.net.SocketTimeoutException;
import java.util.NoSuchElementException;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.exceptions.JedisDataException;

/** What Redis, Jedis and the network say when something goes wrong, and what it means. The only place that knows the words. */
final class Trouble {
    private static final Set<String> STATES = Set.of(
            "READONLY",
            "OOM",
            "LOADING",
            "MASTERDOWN",
            "NOREPLICAS",
            "MISCONF",
            "BUSY",
            "TRYAGAIN",
            "CLUSTERDOWN",
            "NOAUTH",
            "WRONGPASS",
            "NOPERM",
            "MOVED",
            "ASK");

    /** How Redis says {@code NOPERM} of what a script does. */
    private static final String FORBIDDEN_SCRIPT = "The user executing the script can't";

    private static final int DEEPEST_CAUSE = 50;

    private Trouble() {}

    /** Whether the stream or its group is not there: after a flush, or a failover that lost it. */
    static boolean isGroupGone(RuntimeException e) {
        String code = code(e);
        return e instanceof JedisDataException && (code.equals("NOGROUP") || code.equals("UNBLOCKED"));
    }

    /** Whether there is no group, or no stream for one, as commands say that wait for nothing. */
    static boolean isNoGroup(RuntimeException e) {
        return e instanceof JedisDataException && (code(e).equals("NOGROUP") || text(e).contains("no such key"));
    }

    /** Whether the server does not know a script by its digest. */
    static boolean isUnknownScript(@Nullable Object reply) {
        return reply instanceof JedisDataException e && code(e).equals("NOSCRIPT");
    }

    /** Whether it may be otherwise after a while: the server is away, or in a state that passes. */
    static boolean mayPass(RuntimeException e) {
        return !(e instanceof JedisDataException) || STATES.contains(code(e)) || isForbidden(e) || isTooManyClients(e);
    }

    /** Whether the server has no connection left to give. */
    static boolean isTooManyClients(RuntimeException e) {
        return e instanceof JedisDataException && text(e).contains("max number of clients");
    }

    /** Whether the server closes the connection behind this refusal. */
    static boolean isLastWord(JedisDataException e) {
        return isTooManyClients(e) || text(e).contains("Protocol error");
    }

    /** Whether this user may not use {@code ECHO}. */
    static boolean isNoEcho(JedisDataException e) {
        return isForbidden(e) && text(e).contains("'echo'");
    }

    /** Whether two refusals tell the same state of the server. */
    static boolean isSameState(JedisDataException one, JedisDataException other) {
        return code(one).equals(code(other));
    }

    /** Whether no connection became free in time, which says nothing about those that there are. */
    static boolean isNoneFree(RuntimeException e) {
        return e.getCause() instanceof NoSuchElementException;
    }

    /** Whether the server has answered, if only to refuse. */
    static boolean isRefusal(RuntimeException e) {
        return e instanceof JedisDataException;
    }

    /** Whether a connection was given up since nothing came over it in time; it was neither closed nor refused. */
    static boolean isSilence(RuntimeException e) {
        return e.getCause() instanceof SocketTimeoutException;
    }

    /** Whether this user may not do this. */
    static boolean isForbidden(RuntimeException e) {
        return e instanceof JedisDataException && (code(e).equals("NOPERM") || text(e).contains(FORBIDDEN_SCRIPT));
    }

    /** Whether this user may not touch the key of a command; it may be another command that it is not allowed yet. */
    static boolean isForbiddenKey(RuntimeException e) {
        return isForbidden(e) && text(e).contains(" key");
    }

    /** Whether the connections are of no use any more: lost, or to a server that has become a replica. */
    static boolean wantsNewConnections(RuntimeException e) {
        return e instanceof JedisDataException ? code(e).equals("READONLY") : !isNoneFree(e);
    }

    /**
     * For people: the innermost message, cut and cleaned. Causes may be a circle, so they are followed so far and no farther; what a foreign one throws when it
     * is asked is passed over.
     */
    static String shown(Throwable e) {
        Throwable root = root(e);
        String message;
        try {
            message = root.getMessage();
        } catch (Throwable mute) {
            message = root.getClass().getName() + ", which has no message to be shown";
        }
        return ForeignText.shown(message == null ? root.getClass().getSimpleName() : message);
    }

    private static Throwable root(Throwable e) {
        Throwable root = e;
        try {
            for (int depth = 0; depth < DEEPEST_CAUSE; depth++) {
                Throwable cause = root.getCause();
                if (cause == null) {
                    break;
                }
                root = cause;
            }
        } catch (Throwable mute) {
            // The last that could be asked.
        }
        return root;
    }

    private static String text(RuntimeException e) {
        return String.valueOf(e.getMessage());
    }

    /** The first word. Before Redis 7 a script's error has it in the middle: {@code ERR Error running script …: -OOM …}. */
    private static String code(RuntimeException e) {
        String text = text(e);
        if (text.startsWith("ERR Error running script")) {
            int inner = text.lastIndexOf(": -");
            text = inner < 0 ? text : text.substring(inner + 3);
        }
        int space = text.indexOf(' ');
        return space < 0 ? text : text.substring(0, space);
    }
}
