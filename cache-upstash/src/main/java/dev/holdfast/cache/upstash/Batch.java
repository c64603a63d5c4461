package dev.holdfast.cache.upstash;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** The commands of several callers on their way in one request. */
final class Batch {
    /** A caller's command on its way into a shared request. */
    static final class Waiting {
        final Command command;
        final AtomicBoolean taken = new AtomicBoolean();
        final CompletableFuture<Reply> reply = new CompletableFuture<>();
        volatile boolean isShared;

        Waiting(Command command) {
            this.command = command;
        }
    }

    private final List<Waiting> callers = new ArrayList<>();
    private long bytes;

    void add(Waiting caller) {
        callers.add(caller);
        bytes += caller.command.json().length;
    }

    int size() {
        return callers.size();
    }

    long bytes() {
        return bytes;
    }

    List<Command> commands() {
        List<Command> commands = new ArrayList<>(callers.size());
        boolean shared = callers.size() > 1;
        for (Waiting caller : callers) {
            caller.isShared = shared;
            commands.add(caller.command);
        }
        return commands;
    }

    /** Gives each caller what came of the request: its own reply, or the failure of all. */
    void end(@Nullable List<Reply> replies, @Nullable Throwable failure) {
        for (int i = 0; i < callers.size(); i++) {
            if (replies != null && i < replies.size()) {
                callers.get(i).reply.complete(replies.get(i));
            } else {
                callers.get(i)
                        .reply
                        .completeExceptionally(
                                failure == null ? new IllegalStateException("it ended without an outcome") : failure);
            }
        }
    }
}
