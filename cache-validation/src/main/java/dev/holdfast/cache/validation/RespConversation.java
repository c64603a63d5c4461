package dev.holdfast.cache.validation;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.ClientSetInfoConfig;
import redis.clients.jedis.Connection;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.commands.ProtocolCommand;
import redis.clients.jedis.exceptions.JedisConnectionException;
import redis.clients.jedis.exceptions.JedisDataException;
import redis.clients.jedis.exceptions.JedisException;

/** In Redis' own protocol, by Jedis. */
final class RespConversation implements Conversation {
    private final Target target;
    private final Connection connection;

    RespConversation(Target target) {
        this.target = target;
        DefaultJedisClientConfig config = DefaultJedisClientConfig.builder()
                .resp2()
                .autoNegotiateProtocol(false)
                .clientSetInfoConfig(ClientSetInfoConfig.DISABLED)
                .connectionTimeoutMillis((int) target.connect().toMillis())
                .socketTimeoutMillis((int) target.command().toMillis())
                .user(target.user())
                .password(target.password() == null ? null : target.password().reveal())
                .database(target.database())
                .build();
        try {
            connection = new Connection(() -> socket(target), config);
        } catch (JedisDataException e) {
            throw new RefusedException(String.valueOf(e.getMessage()));
        } catch (JedisException e) {
            throw silent(e);
        }
    }

    private static Socket socket(Target target) {
        try {
            Socket socket = Reach.open(target);
            socket.setSoTimeout((int) target.command().toMillis());
            return socket;
        } catch (IOException e) {
            throw new JedisConnectionException(e);
        }
    }

    @Override
    public @Nullable Object ask(String... words) {
        ProtocolCommand command = () -> words[0].getBytes(StandardCharsets.UTF_8);
        try {
            connection.sendCommand(command, Arrays.copyOfRange(words, 1, words.length));
            return plain(connection.getOne());
        } catch (JedisDataException e) {
            throw new RefusedException(String.valueOf(e.getMessage()));
        } catch (JedisException e) {
            throw silent(e);
        }
    }

    private UncheckedIOException silent(JedisException e) {
        return new UncheckedIOException(new IOException(target.address() + " gave no answer: " + Reach.why(e), e));
    }

    private static @Nullable Object plain(@Nullable Object reply) {
        if (reply instanceof byte[] bytes) {
            return new String(bytes, StandardCharsets.UTF_8);
        }
        return reply instanceof List<?> list
                ? list.stream().map(RespConversation::plain).toList()
                : reply;
    }

    @Override
    public void close() {
        connection.close();
    }
}
