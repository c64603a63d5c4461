package dev.holdfast.cache.redis;

import dev.holdfast.cache.internal.ForeignText;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The provider of credentials gave none, so no connection can be opened. */
public final class CredentialsException extends IOException {
    private static final long serialVersionUID = 1L;
    private static final String START = "there are no credentials to log in with: ";

    CredentialsException(@Nullable Throwable cause) {
        super(START + (cause == null ? "the provider returned null" : ForeignText.shown(text(cause))), cause);
    }

    private CredentialsException(String message) {
        super(START + message);
    }

    /** Creates one for a provider that answers none of so many questions. */
    static CredentialsException unanswered(int questions) {
        return new CredentialsException(
                "the provider has not answered any of " + questions + " questions that are under way");
    }

    /** An Error's message, or none, says little without its type. */
    private static String text(Throwable cause) {
        String message = cause.getMessage();
        return message == null || cause instanceof Error ? cause.toString() : message;
    }
}
