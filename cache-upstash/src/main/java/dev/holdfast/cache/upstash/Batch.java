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
        final boolean isRepetition;
        /** How many commands its request may have, itself included. */
        final int most;
        /** Whether it, or one like it, is known to have broken a connection that it had for itself. */
        final boolean broke;

        final long since = System.nanoTime();

        final AtomicBoolean taken = new AtomicBoolean();
        final CompletableFuture<Reply> reply = new CompletableFuture<>();
        /** How many commands its request had, itself included. */
        volatile int company = 1;

        private Waiting(Command command, boolean isRepetition, int most, boolean broke) {
            this.command = command;
            this.isRepetition = isRepetition;
            this.most = most;
            this.broke = broke;
        }

        static Waiting first(Command command) {
            return new Waiting(command, false, command.mayShare() ? Integer.MAX_VALUE : 1, false);
        }

        /** Of a command that is to share its request with no other. */
        static Waiting byItself(Command command) {
            return new Waiting(command, false, 1, true);
        }

        /** Of a command that was sent before. */
        static Waiting again(Command command, int most) {
            return new Waiting(command, true, command.mayShare() ? most : 1, false);
        }

        /** Of a command that was sent before and broke the connection that it had for itself. */
        static Waiting afterItBroke(Command command) {
            return new Waiting(command, true, 1, true);
        }
    }

    private final List<Waiting> callers = new ArrayList<>();
    private long bytes;
    private int most = Integer.MAX_VALUE;

    void add(Waiting caller) {
        callers.add(caller);
        most = Math.min(most, caller.most);
        bytes += caller.command.json().length;
    }

    int size() {
        return callers.size();
    }

    /**
     * Whether another does not go together with those that it has: they are as many as go with it at most, or were sent before, as it was, and are of another
     * kind. What breaks connections is often of one kind, and then costs others no more than the first.
     */
    boolean isFullFor(Waiting next) {
        return callers.size() >= Math.min(most, next.most) || (isRepetition() && !isLike(next));
    }

    private boolean isLike(Waiting next) {
        return callers.get(0).command.name().equals(next.command.name());
    }

    /** Whether its commands were sent before; either all were, or none. */
    boolean isRepetition() {
        return !callers.isEmpty() && callers.get(0).isRepetition;
    }

    long bytes() {
        return bytes;
    }

    List<Command> commands() {
        List<Command> commands = new ArrayList<>(callers.size());
        for (Waiting caller : callers) {
            caller.company = callers.size();
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
