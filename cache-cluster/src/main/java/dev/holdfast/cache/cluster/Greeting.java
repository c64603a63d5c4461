package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Authentication;
import io.lettuce.core.protocol.AsyncCommand;
import io.lettuce.core.protocol.CommandType;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/** The first commands on a connection, and what the node says to them. */
final class Greeting {
    private final List<AsyncCommand<byte[], byte[], ?>> commands = new ArrayList<>();

    /**
     * Makes one.
     *
     * @param words what it logs in with, first; {@code null} for nothing
     */
    Greeting(ClusterConfig config, @Nullable Authentication words) {
        if (words != null) {
            commands.add(Requests.auth(words).command());
        }
        commands.add(Requests.name(config.clientName()).command());
        if (config.readFrom() != ReadFrom.MASTER) {
            // Whoever is a replica, or becomes one, shall answer reads.
            commands.add(Requests.READONLY.command());
        }
        if (config.readFrom() == ReadFrom.ZONE) {
            commands.add(Requests.INFO_SERVER.command());
        }
        commands.add(Requests.PING.command());
    }

    List<AsyncCommand<byte[], byte[], ?>> commands() {
        return commands;
    }

    /** Done when all are answered, or will not be. */
    CompletableFuture<Void> answered() {
        return CompletableFuture.allOf(commands.toArray(CompletableFuture[]::new));
    }

    /** The zone that the node says it is in; {@code null} if it was not asked or does not say. */
    @Nullable
    String zone() {
        for (AsyncCommand<byte[], byte[], ?> command : commands) {
            if (command.getType() == CommandType.INFO
                    && failureOf(command) == null
                    && command.join() instanceof byte[] info) {
                return Zones.in(info);
            }
        }
        return null;
    }

    /** Whether the node refused the words. */
    boolean isLoginRefused() {
        return FailureKind.isOfLogin(failureOf(commands.get(0)));
    }

    /**
     * Returns why the node won't have this client. One that is loading, or has lost its master, has answered; what it thinks of
     * calls is theirs to hear.
     */
    @Nullable
    Throwable refusal() {
        for (AsyncCommand<byte[], byte[], ?> command : commands) {
            Throwable why = failureOf(command);
            if (why != null && (command.getType() == CommandType.AUTH || !FailureKind.isAnswer(why))) {
                return why;
            }
        }
        return null;
    }

    private static @Nullable Throwable failureOf(AsyncCommand<byte[], byte[], ?> done) {
        try {
            done.join();
            return null;
        } catch (CompletionException e) {
            return e.getCause() == null ? e : e.getCause();
        } catch (CancellationException e) {
            return e;
        }
    }
}
