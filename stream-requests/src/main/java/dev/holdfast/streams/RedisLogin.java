package dev.holdfast.streams;

import dev.holdfast.cache.Secret;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.RedisProtocol;

/** How a connection is opened. */
final class RedisLogin {
    private RedisLogin() {}

    // Jedis 8 wants SslOptions instead, which take files of keys but no context.
    @SuppressWarnings("deprecation")
    static DefaultJedisClientConfig of(StreamsConfig config, Duration longestBlock) {
        int patience = (int) config.commandTimeout().plus(longestBlock).toMillis();
        DefaultJedisClientConfig.Builder login = DefaultJedisClientConfig.builder()
                .protocol(RedisProtocol.RESP2)
                .connectionTimeoutMillis((int) config.connectTimeout().toMillis())
                .socketTimeoutMillis(patience)
                .blockingSocketTimeoutMillis(patience)
                .database(config.database())
                .user(config.username());
        Secret password = config.password();
        if (password != null) {
            login.password(password.reveal());
        }
        SSLContext tls = config.tls();
        if (tls != null) {
            SSLParameters parameters = new SSLParameters();
            parameters.setEndpointIdentificationAlgorithm("HTTPS");
            login.ssl(true).sslSocketFactory(tls.getSocketFactory()).sslParameters(parameters);
        }
        return login.build();
    }
}
