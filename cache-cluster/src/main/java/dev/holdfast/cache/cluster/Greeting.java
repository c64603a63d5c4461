package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Authentication;
import io.lettuce.core.protocol.AsyncCommand;
import io.lettuce.core.protocol.CommandType;
import io.netty.channel.ConnectTimeoutException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The first commands on a connection that was just opened, and what the node says to them: it logs in, and has the node show that it
 * answers. One that is full, or asks for a password, says so now. Used by the connection's event loop only.
 */
final class Greeting {
    private final Wire wire;
    private final ClusterConfig config;
    private final Wiring wiring;
    private final CompletableFuture<Wire> answered = new CompletableFuture<>();

    Greeting(Wire wire, ClusterConfig config, Wiring wiring) {
        this.wire = wire;
        this.config = config;
        this.wiring = wiring;
    }

    /**
     * Sends it.
     *
     * @param words what the connection logs in with; {@code null} for nothing
     * @param millis how long the node may take
     * @return the connection, when the node answers commands on it; else failed, and then the connection has ended
     */
    CompletableFuture<Wire> begin(@Nullable Authentication words, long millis) {
        String late = "no greeting from " + wire.channel().remoteAddress() + " within " + millis + " ms";
        Future<?> limit = wire.channel()
                .eventLoop()
                .schedule(() -> wire.end(new ConnectTimeoutException(late)), millis, TimeUnit.MILLISECONDS);
        send(words, true);
        return answered.whenComplete((same, why) -> limit.cancel(false));
    }

    private void send(@Nullable Authentication words, boolean mayAskAgain) {
        List<AsyncCommand<byte[], byte[], ?>> commands = commands(words);
        CompletableFuture<?> unused = CompletableFuture.allOf(commands.toArray(CompletableFuture[]::new))
                .whenComplete((all, failure) -> {
                    Throwable why = refusal(commands);
                    if (why == null) {
                        wire.entered(words, zone(commands));
                        answered.complete(wire);
                    } else if (mayAskAgain && words != null && FailureKind.isOfLogin(failureOf(commands.get(0)))) {
                        askAgain(words, why);
                    } else {
                        fail(why);
                    }
                });
        wire.write(List.of(commands));
    }

    /** Whoever gives the words may have others by now. */
    private void askAgain(Authentication refused, Throwable refusal) {
        CompletableFuture<?> unused = wiring.otherWords(refused)
                .whenComplete((words, failure) -> wire.onLoop(() -> {
                    if (words != null && words.isPresent() && wire.isOpen()) {
                        send(words.get(), false);
                    } else {
                        fail(failure == null ? refusal : failure);
                    }
                }));
    }

    private void fail(Throwable why) {
        answered.completeExceptionally(why);
        wire.end(why);
    }

    private List<AsyncCommand<byte[], byte[], ?>> commands(@Nullable Authentication words) {
        List<AsyncCommand<byte[], byte[], ?>> commands = new ArrayList<>();
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
        return commands;
    }

    /** The zone that the node says it is in; {@code null} if it was not asked or does not say. */
    private static @Nullable String zone(List<AsyncCommand<byte[], byte[], ?>> commands) {
        for (AsyncCommand<byte[], byte[], ?> command : commands) {
            if (command.getType() == CommandType.INFO
                    && failureOf(command) == null
                    && command.join() instanceof byte[] info) {
                return Zones.in(info);
            }
        }
        return null;
    }

    /**
     * Returns why the node won't have this client. One that is loading, or has lost its master, has answered; what it thinks of
     * calls is theirs to hear.
     */
    private static @Nullable Throwable refusal(List<AsyncCommand<byte[], byte[], ?>> commands) {
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
