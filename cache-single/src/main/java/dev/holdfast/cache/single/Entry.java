package dev.holdfast.cache.single;

import dev.holdfast.cache.redis.Authentication;
import dev.holdfast.cache.redis.CredentialsException;
import dev.holdfast.cache.redis.Login;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol;
import redis.clients.jedis.Protocol.Command;

/**
 * What every connection begins with: log-in, database, name, and who answers. What is not needed may be refused: not every proxy knows
 * these commands, and not every user may use them. Thread-safe.
 */
final class Entry {
    private final SingleConfig config;
    private final Login login;
    private final Restarts restarts;
    private final boolean masterOnly;

    /**
     * Creates one.
     *
     * @param masterOnly whether a server that says that it is a replica is none to talk to
     */
    Entry(SingleConfig config, Login login, Restarts restarts, boolean masterOnly) {
        this.config = config;
        this.login = login;
        this.restarts = restarts;
        this.masterOnly = masterOnly;
    }

    /**
     * How it went.
     *
     * @param words what the connection is logged in with; {@code null} for nothing
     * @param process the process that it leads to, by the name that {@link Restarts} gives it; {@code null} if that is not known
     */
    record Made(@Nullable Authentication words, @Nullable String process) {}

    /**
     * Whether the words that a log-in was begun with were replaced since, so that it is worth another try if the server broke it off. Blocks.
     *
     * @param begun {@code null} if none was begun
     */
    boolean isOutdated(@Nullable Authentication begun) {
        try {
            return begun != null && login.otherThan(begun) != null;
        } catch (CredentialsException e) {
            return false;
        }
    }

    /**
     * Takes a connection through it; throws the refusal of what is needed. Blocks.
     *
     * @param begun told what the log-in is begun with
     */
    Made make(Link link, Restarts.Seen before, Consumer<@Nullable Authentication> begun) throws IOException {
        Authentication words = login.isNeeded() ? login.ask() : null;
        begun.accept(words);
        boolean named = restarts.mayAskForNames();
        List<@Nullable Object> replies = link.streams().callAll(commands(words, named));
        if (words != null && replies.get(0) instanceof Refusal refusal && JedisErrors.isOfLogin(refusal)) {
            Authentication other = login.askAgain(words);
            if (other != null) {
                words = other;
                replies = link.streams().callAll(commands(words, named));
            }
        }
        int needed = (words == null ? 0 : 1) + (config.database() == 0 ? 0 : 1);
        for (int i = 0; i < replies.size(); i++) {
            if (replies.get(i) instanceof Refusal refusal && (i < needed || JedisErrors.refusesClient(refusal))) {
                throw refusal;
            }
        }
        if (masterOnly) {
            requireMaster(replies.get(replies.size() - 1));
        }
        return new Made(words, restarts.met(replies.get(needed + 1), named ? replies.get(needed + 2) : null, before));
    }

    private List<Request> commands(@Nullable Authentication words, boolean named) {
        List<Request> commands = new ArrayList<>();
        if (words != null) {
            commands.add(auth(words));
        }
        if (config.database() != 0) {
            commands.add(Request.once(Command.SELECT).with(config.database()));
        }
        commands.add(Request.once(Command.CLIENT).with(Protocol.Keyword.SETNAME).with(config.clientName()));
        commands.add(Request.once(Command.CLIENT).with(Protocol.Keyword.ID));
        if (named) {
            commands.add(Request.reading(Command.INFO).with("server"));
        }
        if (masterOnly) {
            commands.add(Request.reading(Command.ROLE));
        }
        return commands;
    }

    /** Logs a connection in, the first time or anew: nothing is lost if nobody reads the reply. */
    static Request auth(Authentication words) {
        Request auth = Request.reading(Command.AUTH);
        if (words.username() != null) {
            auth.with(words.username());
        }
        return auth.with(words.password());
    }

    private static void requireMaster(@Nullable Object role) throws IOException {
        if (role instanceof List<?> parts
                && !parts.isEmpty()
                && parts.get(0) instanceof byte[] word
                && !new String(word, StandardCharsets.US_ASCII).equals("master")) {
            throw new IOException("it is a replica, though the sentinels name it as the master: a switch is under way");
        }
    }
}
