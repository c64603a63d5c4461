package dev.holdfast.cache;

import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A user and a password or token, and until when a server takes them. Prints without the password. Immutable. */
public final class Credentials {
    private final @Nullable String username;
    private final Secret password;
    private final @Nullable Instant expiresAt;

    private Credentials(@Nullable String username, Secret password, @Nullable Instant expiresAt) {
        this.username = username;
        this.password = Objects.requireNonNull(password, "password");
        this.expiresAt = expiresAt;
    }

    /**
     * Credentials of the user that the configuration names, or of the default user.
     *
     * @param password the password or token
     * @return the credentials, which do not expire
     */
    public static Credentials of(Secret password) {
        return new Credentials(null, password, null);
    }

    /**
     * Credentials of a user.
     *
     * @param username the ACL user, not empty, without control characters
     * @param password the password or token
     * @return the credentials, which do not expire
     * @throws IllegalArgumentException if the user is malformed
     */
    public static Credentials of(String username, Secret password) {
        return new Credentials(checkedUsername(username), password, null);
    }

    /**
     * Checks the name of an ACL user.
     *
     * @param username the name
     * @return the same
     * @throws IllegalArgumentException if it is empty or holds control characters
     */
    public static String checkedUsername(String username) {
        if (username.isEmpty()) {
            throw new IllegalArgumentException("username must not be empty; leave it out instead");
        }
        if (username.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException(
                    "username must not hold control characters, such as a newline at its end");
        }
        return username;
    }

    /**
     * The same credentials with an end: connections are logged in anew, with what the provider gives then, when four fifths of the
     * time until then are over.
     *
     * @param instant when the server stops taking them, by the wall clock
     * @return the derived credentials
     */
    public Credentials expiringAt(Instant instant) {
        return new Credentials(username, password, Objects.requireNonNull(instant, "expiresAt"));
    }

    /** Returns the ACL user; {@code null} for the one that the configuration names, or else the default user. */
    public @Nullable String username() {
        return username;
    }

    /** Returns the password or token. */
    public Secret password() {
        return password;
    }

    /** Returns when the server stops taking them; {@code null} if that is not known. */
    public @Nullable Instant expiresAt() {
        return expiresAt;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Credentials that
                && Objects.equals(username, that.username)
                && password.equals(that.password)
                && Objects.equals(expiresAt, that.expiresAt);
    }

    @Override
    public int hashCode() {
        return Objects.hash(username, password, expiresAt);
    }

    /** User and expiry, no password. */
    @Override
    public String toString() {
        return "Credentials[" + (username == null ? "" : username) + ":***"
                + (expiresAt == null ? "" : ", until " + expiresAt) + ']';
    }
}
