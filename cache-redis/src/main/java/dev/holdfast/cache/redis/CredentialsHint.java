package dev.holdfast.cache.redis;

import dev.holdfast.cache.Secret;

/** What to do about a log-in that a server refused. */
public final class CredentialsHint {
    private CredentialsHint() {}

    /**
     * Returns the hint.
     *
     * @param access what was logged in with, which knows how its settings were given
     * @param passwordInCode the method that gives a password
     * @param bothInCode the methods that give a user and a password
     * @param elsewhere where else the settings may be; empty for nowhere
     * @return the end of a sentence
     */
    public static String of(RemoteAccess access, String passwordInCode, String bothInCode, String elsewhere) {
        if (access.credentials() == null) {
            return "it wants a password (" + access.named(AccessVariables::password, passwordInCode) + elsewhere + ')';
        }
        Secret password = access.password();
        if (password == null) {
            return access.named(
                    all -> "check the user (" + all.username() + ") and the file that " + all.passwordFile() + " names",
                    "check the user (withUsername) and what withCredentials was given");
        }
        String hint = "check the user and the password ("
                + access.named(all -> all.username() + " and " + all.password(), bothInCode) + elsewhere + ')';
        return password.reveal().equals(password.reveal().strip())
                ? hint
                : hint + "; the password begins or ends with white space, as one from a file may";
    }
}
