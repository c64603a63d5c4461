package dev.holdfast.cache.cluster;

import dev.holdfast.cache.redis.Authentication;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * What a connection that is about to be opened needs of what may change.
 *
 * @param words what it logs in with; {@code null} for nothing
 * @param tls what it is encrypted by; {@code null} for nothing
 */
record ConnectionSecurity(
        @Nullable Authentication words, @Nullable SSLContext tls) {}
