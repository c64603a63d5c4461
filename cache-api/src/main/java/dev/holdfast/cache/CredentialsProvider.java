package dev.holdfast.cache;

/**
 * The source of what a store logs in with, for credentials that rotate: tokens of a cloud's identity service, passwords of a vault. It
 * is asked for each connection that is opened, and when what it gave expires; open connections are then logged in anew between calls.
 * If a server refuses what it gave, it is asked once more before that counts.
 *
 * <pre>{@code
 * SingleConfig.of("cache.example.com", 6379)
 *         .withTls()
 *         .withUsername("app")
 *         .withCredentials(() -> Credentials.of(Secret.of(tokens.next())).expiringAt(tokens.expiry()));
 * }</pre>
 *
 * <p>Called from several threads at the same time, never on an application's thread. It may block, at the cost of the connect timeout:
 * whatever is expensive to get it keeps until shortly before it expires.
 */
@FunctionalInterface
public interface CredentialsProvider {

    /**
     * Returns the credentials that a server takes now.
     *
     * @return the credentials
     * @throws Exception if there are none; the connection is not opened, and the exception's message, which must hold no secret, says why
     */
    Credentials get() throws Exception;

    /**
     * Hears that a server refused credentials, before {@link #get} is called once more: what is kept of them is of no use.
     *
     * @param credentials what was refused
     */
    default void refused(Credentials credentials) {}

    /**
     * Has a listener told of each change, after which {@link #get} returns the new credentials. Providers that know only when their
     * credentials expire need not tell.
     *
     * @param listener returns at once, throws nothing
     * @return what ends that
     */
    default Registration onChange(Runnable listener) {
        return () -> {};
    }

    /** A listener's registration. */
    @FunctionalInterface
    interface Registration extends AutoCloseable {
        /** Ends it; idempotent. */
        @Override
        void close();
    }
}
