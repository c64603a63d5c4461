package dev.holdfast.cache.redis;

import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a server answers to a command that it refuses.
 *
 * @param code the first word, in capitals. Before Redis 7 a script's error has it in the middle: {@code ERR Error running script …: -OOM …}
 * @param text all of it
 */
public record ErrorReply(String code, String text) {
    private static final Set<String> PASSING = Set.of("TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "LOADING", "READONLY");
    private static final Set<String> WRITES_ONLY = Set.of("OOM", "NOREPLICAS", "MISCONF");
    private static final Set<String> CREDENTIALS = Set.of("NOAUTH", "WRONGPASS", "DENIED");

    /** Reads one; {@code null} is none of a known code. */
    public static ErrorReply of(@Nullable String text) {
        String all = String.valueOf(text);
        int inner = all.startsWith("ERR Error running script") ? all.lastIndexOf(": -") : -1;
        String own = inner < 0 ? all : all.substring(inner + 3);
        int space = own.indexOf(' ');
        return new ErrorReply((space < 0 ? own : own.substring(0, space)).toUpperCase(Locale.ROOT), all);
    }

    /** Says whether its code is this one. */
    public boolean is(String other) {
        return code.equals(other);
    }

    /** Says whether it is a state of the server that passes by itself. */
    public boolean isPassing() {
        return PASSING.contains(code);
    }

    /** Says whether it is a state of the server in which that answers reads, and refuses writes. */
    public boolean isOfWritesOnly() {
        return WRITES_ONLY.contains(code);
    }

    /** Says whether the server has too many clients. */
    public boolean isOfClients() {
        return text.contains("max number of clients");
    }

    /** Says whether it is a state of the server, whoever asks for whatever. */
    public boolean isOfState() {
        return isPassing() || isOfWritesOnly() || isOfClients() || is("BUSY");
    }

    /** Says whether the server does not know this client, or refuses what it logs in with. */
    public boolean isOfCredentials() {
        return CREDENTIALS.contains(code);
    }

    /** Says whether the server will have nothing to do with this client, whatever it asks for. */
    public boolean isOfClient() {
        return isOfCredentials() || isOfClients();
    }
}
