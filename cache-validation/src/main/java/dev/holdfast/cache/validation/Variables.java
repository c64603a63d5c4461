package dev.holdfast.cache.validation;

/**
 * The variables that say how a tier's server is reached, for remedies.
 *
 * @param place where it is
 * @param credentials who logs in
 * @param tls whether the connection is encrypted
 */
record Variables(String place, String credentials, String tls) {
    static final Variables URL = new Variables("REDIS_URL", "REDIS_URL", "REDIS_URL");
    static final Variables PARTS =
            new Variables("REDIS_HOST and REDIS_PORT", "REDIS_USERNAME and REDIS_PASSWORD", "REDIS_URL=rediss://…");
    static final Variables CLUSTER = new Variables(
            "REDIS_CLUSTER_NODES", "REDIS_CLUSTER_USERNAME and REDIS_CLUSTER_PASSWORD", "REDIS_CLUSTER_TLS");
    static final Variables UPSTASH =
            new Variables("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN", "UPSTASH_REDIS_REST_URL");
    static final Variables KV = new Variables("KV_REST_API_URL", "KV_REST_API_TOKEN", "KV_REST_API_URL");
}
