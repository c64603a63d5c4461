package dev.holdfast.cache;

import java.util.Objects;

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
