package dev.holdfast.cache.redis;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The names of one tier's settings. Where there are two, the first that is set stands: the tier's own, then the shared one.
 *
 * @param username the ACL user; {@code null} where there are none
 * @param password the password or token; with {@code _FILE} behind it, the file that holds it
 * @param connectTimeout the time to connect, in ms
 * @param commandTimeout the time for a command, in ms
 * @param poolSize the most connections to a server
 * @param tls those of TLS
 */
public record AccessVariables(
        @Nullable String username,
        String password,
        List<String> connectTimeout,
        List<String> commandTimeout,
        List<String> poolSize,
        TlsVariables tls) {

    /** Those of the tier {@code single}, which are the shared ones. */
    public static final AccessVariables SINGLE = new AccessVariables(
            "REDIS_USERNAME",
            "REDIS_PASSWORD",
            List.of("REDIS_CONNECT_TIMEOUT"),
            List.of("REDIS_COMMAND_TIMEOUT"),
            List.of("REDIS_CONNECTION_POOL_SIZE"),
            new TlsVariables(
                    "REDIS_TLS",
                    "REDIS_TLS=false, redis://",
                    List.of("REDIS_TLS_CA_FILE"),
                    List.of("REDIS_TLS_CERT_FILE"),
                    List.of("REDIS_TLS_KEY_FILE"),
                    List.of("REDIS_TLS_KEY_PASSWORD"),
                    List.of("REDIS_TLS_VERIFY")));

    /** Those of the tier {@code cluster}. */
    public static final AccessVariables CLUSTER = new AccessVariables(
            "REDIS_CLUSTER_USERNAME",
            "REDIS_CLUSTER_PASSWORD",
            List.of("REDIS_CLUSTER_CONNECT_TIMEOUT", "REDIS_CONNECT_TIMEOUT"),
            List.of("REDIS_CLUSTER_COMMAND_TIMEOUT", "REDIS_COMMAND_TIMEOUT"),
            List.of("REDIS_CLUSTER_CONNECTION_POOL_SIZE", "REDIS_CONNECTION_POOL_SIZE"),
            new TlsVariables(
                    "REDIS_CLUSTER_TLS",
                    "REDIS_CLUSTER_TLS=false",
                    List.of("REDIS_CLUSTER_TLS_CA_FILE", "REDIS_TLS_CA_FILE"),
                    List.of("REDIS_CLUSTER_TLS_CERT_FILE", "REDIS_TLS_CERT_FILE"),
                    List.of("REDIS_CLUSTER_TLS_KEY_FILE", "REDIS_TLS_KEY_FILE"),
                    List.of("REDIS_CLUSTER_TLS_KEY_PASSWORD", "REDIS_TLS_KEY_PASSWORD"),
                    List.of("REDIS_CLUSTER_TLS_VERIFY", "REDIS_TLS_VERIFY")));

    /**
     * Those of the tier {@code upstash}. Its files for TLS are its own alone: whoever runs a Redis with an authority of his own must not
     * cut off a service that the JVM trusts.
     */
    public static final AccessVariables UPSTASH = upstash("UPSTASH_REDIS_REST_TOKEN");

    /** Those of the tier {@code upstash} as Vercel names them. */
    public static final AccessVariables VERCEL = upstash("KV_REST_API_TOKEN");

    private static AccessVariables upstash(String token) {
        return new AccessVariables(
                null,
                token,
                List.of("UPSTASH_CONNECT_TIMEOUT", "REDIS_CONNECT_TIMEOUT"),
                List.of("UPSTASH_COMMAND_TIMEOUT", "REDIS_COMMAND_TIMEOUT"),
                List.of("UPSTASH_CONNECTION_POOL_SIZE", "REDIS_CONNECTION_POOL_SIZE"),
                new TlsVariables(
                        null,
                        "http://",
                        List.of("UPSTASH_TLS_CA_FILE"),
                        List.of("UPSTASH_TLS_CERT_FILE"),
                        List.of("UPSTASH_TLS_KEY_FILE"),
                        List.of("UPSTASH_TLS_KEY_PASSWORD"),
                        List.of("UPSTASH_TLS_VERIFY")));
    }

    /** Those of Sentinel, beside those of the server that it leads to. */
    public static final AccessVariables SENTINEL = new AccessVariables(
            "REDIS_SENTINEL_USERNAME",
            "REDIS_SENTINEL_PASSWORD",
            SINGLE.connectTimeout(),
            SINGLE.commandTimeout(),
            SINGLE.poolSize(),
            new TlsVariables(
                    "REDIS_SENTINEL_TLS",
                    "REDIS_SENTINEL_TLS=false",
                    SINGLE.tls().authorities(),
                    SINGLE.tls().certificate(),
                    SINGLE.tls().key(),
                    SINGLE.tls().keyPassword(),
                    SINGLE.tls().verify()));

    /** The setting that names the file of the password. */
    public String passwordFile() {
        return password + "_FILE";
    }
}
