package dev.holdfast.cache.testkit;

import org.jspecify.annotations.Nullable;

/** How a gateway presents itself; see {@link UpstashGateway.Builder}, which has the same words. Only the token may change. Thread-safe. */
final class GatewaySettings {
    volatile String token;
    final @Nullable String readOnlyToken;
    final String unauthorized;
    final long maxRequestBytes;
    final boolean literalOk;
    final boolean syncTokens;

    GatewaySettings(UpstashGateway.Builder builder) {
        this.token = builder.token;
        this.readOnlyToken = builder.readOnlyToken;
        this.unauthorized = builder.unauthorized;
        this.maxRequestBytes = builder.maxRequestBytes;
        this.literalOk = builder.literalOk;
        this.syncTokens = builder.syncTokens;
    }
}
