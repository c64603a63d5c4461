package dev.holdfast.cache;

import java.util.Objects;
import java.util.Optional;

/** A password or token. Prints as {@code ***}, so it cannot end up in a log by accident. Immutable. */
public final class Secret {
    private final String value;

    private Secret(String value) {
        this.value = value;
    }

    /**
     * Wraps a secret.
     *
     * @param value the secret, not empty
     * @return it, wrapped
     */
    public static Secret of(String value) {
        Objects.requireNonNull(value, "value");
        if (value.isEmpty()) {
            throw new IllegalArgumentException("a secret must not be empty; leave it out instead");
        }
        return new Secret(value);
    }

    /**
     * Wraps the text of a variable or a file: as it stands, without the one line break that an editor or a shell leaves at its end.
     *
     * @param text the text
     * @return the secret; empty if nothing else is in the text
     */
    public static Optional<Secret> ofText(String text) {
        int end = text.length();
        if (end > 0 && text.charAt(end - 1) == '\n') {
            end--;
            if (end > 0 && text.charAt(end - 1) == '\r') {
                end--;
            }
        }
        return end == 0 ? Optional.empty() : Optional.of(new Secret(text.substring(0, end)));
    }

    /**
     * Gives the secret away, to the client library that needs it and to nothing else.
     *
     * @return the secret in the clear
     */
    public String reveal() {
        return value;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Secret that && value.equals(that.value);
    }

    @Override
    public int hashCode() {
        return value.hashCode();
    }

    @Override
    public String toString() {
        return "***";
    }
}
