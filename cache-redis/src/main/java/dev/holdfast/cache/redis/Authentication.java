package dev.holdfast.cache.redis;

import org.jspecify.annotations.Nullable;

/**
 * The words that log a connection in.
 *
 * @param username the ACL user; {@code null} for the default user
 * @param password the password; empty for a user who needs none
 */
public record Authentication(@Nullable String username, String password) {

    /** The user, no password. */
    @Override
    public String toString() {
        return (username == null ? "" : username) + ":***";
    }
}
