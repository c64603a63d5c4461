package dev.holdfast.cache.redis;

import dev.holdfast.cache.ForeignText;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The provider of credentials gave none, so no connection can be opened. */
public final class CredentialsException extends IOException {
    private static final long serialVersionUID = 1L;

    CredentialsException(@Nullable Throwable cause) {
        super(
                "there are no credentials to log in with: "
                        + (cause == null ? "the provider returned null" : ForeignText.shown(cause.getMessage())),
                cause);
    }
}
