package dev.holdfast.cache.validation;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Commands to one server, one after another. Whatever finds no answer is an {@link java.io.UncheckedIOException}, in words for people. For one
 * thread.
 */
interface Conversation extends AutoCloseable {

    /**
     * Sends a command.
     *
     * @param words the command and its arguments
     * @return a text, a {@link Long}, a {@link List} of such, or {@code null}
     * @throws RefusedException if the server answers with an error
     */
    @Nullable
    Object ask(String... words);

    @Override
    void close();

    /** Begins one, logged in. */
    static Conversation with(Target target) {
        return target.rest() == null ? new RespConversation(target) : new RestConversation(target);
    }

    /** What a server said instead of doing what it was asked. */
    final class RefusedException extends RuntimeException {
        private static final long serialVersionUID = 1;

        RefusedException(String message) {
            super(message);
        }

        /** The first word: {@code NOPERM}, {@code OOM}, {@code READONLY}, … */
        String code() {
            return text().split(" ", 2)[0];
        }

        String text() {
            return String.valueOf(getMessage());
        }

        /** Whether the user may not do this, or the server does not know it. */
        boolean isForRights() {
            return code().equals("NOPERM")
                    || text().matches("(?is)ERR.*(unknown command|unknown subcommand|not allowed|not available).*");
        }
    }
}
