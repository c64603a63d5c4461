package dev.holdfast.cache.cluster;

import io.lettuce.core.ClientOptions;
import io.lettuce.core.MaintNotificationsConfig;
import io.lettuce.core.RedisAsyncCommandsImpl;
import io.lettuce.core.RedisChannelHandler;
import io.lettuce.core.RedisChannelWriter;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisReactiveCommandsImpl;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.StatefulRedisConnectionImpl;
import io.lettuce.core.StaticCredentialsProvider;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.api.sync.RedisCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.protocol.DefaultEndpoint;
import io.lettuce.core.protocol.ProtocolVersion;
import io.lettuce.core.protocol.PushHandler;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.NettyCustomizer;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.util.concurrent.Future;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Lettuce's client for one node. Its connections are never reopened by Lettuce, so nothing waits in them while there is no
 * connection and nothing is sent twice; who needs another opens another.
 */
final class NodeClient {
    private final Address node;
    private final ClusterConfig config;
    private final Wiring wiring;
    private final Set<Channel> channels = ConcurrentHashMap.newKeySet();
    private final ClientResources resources;
    private final Client client;

    NodeClient(Address node, ClusterConfig config, Wiring wiring) {
        this.node = node;
        this.config = config;
        this.wiring = wiring;
        this.resources = wiring.resources().nettyCustomizer(new Customizer()).build();
        this.client = new Client(resources);
        client.setOptions(ClientOptions.builder()
                .autoReconnect(false)
                .disconnectedBehavior(ClientOptions.DisconnectedBehavior.REJECT_COMMANDS)
                .replayFilter(command -> true)
                .timeoutOptions(TimeoutOptions.builder().timeoutCommands(false).build())
                .protocolVersion(ProtocolVersion.RESP2)
                .maintNotificationsConfig(MaintNotificationsConfig.disabled())
                .socketOptions(SocketOptions.builder()
                        .connectTimeout(config.connectTimeout())
                        .keepAlive(true)
                        .tcpNoDelay(true)
                        .build())
                .build());
    }

    /** Connects and logs in; tries a host's addresses in turn. */
    CompletableFuture<Wire> connect() {
        CompletableFuture<Wire> wire = new CompletableFuture<>();
        CompletableFuture<?> unused = wiring.resolve(node).whenComplete((addresses, failure) -> {
            if (addresses == null) {
                wire.completeExceptionally(failure);
            } else {
                connect(addresses, 0, wire);
            }
        });
        return wire;
    }

    private void connect(InetAddress[] addresses, int index, CompletableFuture<Wire> wire) {
        CompletableFuture<?> unused = client.connectAsync(ByteArrayCodec.INSTANCE, uri(addresses[index]))
                .toCompletableFuture()
                .thenApply(NodeClient::wire)
                .whenComplete((opened, failure) -> {
                    if (opened != null) {
                        wire.complete(opened);
                    } else if (index + 1 < addresses.length) {
                        connect(addresses, index + 1, wire);
                    } else {
                        wire.completeExceptionally(failure);
                    }
                });
    }

    private RedisURI uri(InetAddress address) {
        RedisURI uri = RedisURI.Builder.redis(address.getHostAddress(), node.port())
                .withTimeout(config.connectTimeout())
                .build();
        String username = config.username();
        if (config.password() != null || username != null) {
            // A user with "nopass" takes any password.
            char[] password = config.password() == null
                    ? new char[0]
                    : config.password().reveal().toCharArray();
            // Of the kind that is known at once: for others Lettuce goes through the common pool.
            uri.setCredentialsProvider(new StaticCredentialsProvider(username, password));
        }
        return uri;
    }

    private static Wire wire(StatefulRedisConnection<byte[], byte[]> connection) {
        Endpoint endpoint = (Endpoint) ((RedisChannelHandler<?, ?>) connection).getChannelWriter();
        Channel channel = endpoint.channel();
        if (channel == null) {
            CompletableFuture<Void> unused = connection.closeAsync();
            throw new UnsentException(null);
        }
        return new Wire(connection, channel);
    }

    /** Closes every connection at once, those that are being opened included, so that what the node has not read is dropped. */
    void reset() {
        channels.forEach(NodeClient::reset);
    }

    /** Closes a connection at once. */
    static void reset(Channel channel) {
        try {
            channel.eventLoop().execute(() -> {
                if (!channel.isOpen()) {
                    return;
                }
                // Past the pipeline: TLS would wait for its farewell to be read.
                channel.config().setOption(ChannelOption.SO_LINGER, 0);
                channel.unsafe().close(channel.voidPromise());
            });
        } catch (RejectedExecutionException e) {
            // The event loop has ended, and with it its channels.
        }
    }

    /**
     * Closes every connection for good; done when that is done. Lettuce's own shutdown is left out: it would close connections that
     * are closed, and complain, and has nothing else that is not shared.
     */
    CompletableFuture<Void> close() {
        CompletableFuture<?>[] closing =
                channels.stream().map(NodeClient::closed).toArray(CompletableFuture[]::new);
        reset();
        Future<Boolean> unused = resources.shutdown();
        return CompletableFuture.allOf(closing);
    }

    private static CompletableFuture<Void> closed(Channel channel) {
        CompletableFuture<Void> closed = new CompletableFuture<>();
        channel.closeFuture().addListener(done -> closed.complete(null));
        return closed;
    }

    /** A connection that is open, and the channel beneath it. */
    record Wire(StatefulRedisConnection<byte[], byte[]> connection, Channel channel) {}

    /** To have a look at every channel when it begins. */
    private final class Customizer implements NettyCustomizer {
        @Override
        public void afterChannelInitialized(Channel channel) {
            channels.add(channel);
            channel.closeFuture().addListener(closed -> channels.remove(channel));
            if (config.tls() != null) {
                channel.pipeline().addFirst(Tls.handler(config.tls(), node, config.connectTimeout()));
            }
        }
    }

    /** Lettuce's client with another endpoint. */
    private static final class Client extends RedisClient {
        Client(ClientResources resources) {
            super(resources, new RedisURI());
        }

        @Override
        protected DefaultEndpoint createEndpoint() {
            return new Endpoint(getOptions(), getResources());
        }

        @Override
        protected <K, V> StatefulRedisConnectionImpl<K, V> newStatefulRedisConnection(
                RedisChannelWriter writer, PushHandler pushes, RedisCodec<K, V> codec, Duration timeout) {
            return new Connection<>(writer, pushes, codec, timeout);
        }
    }

    /** Lettuce's connection without the interfaces to commands that it offers: they are not used here, and making them is slow at first. */
    private static final class Connection<K, V> extends StatefulRedisConnectionImpl<K, V> {
        Connection(RedisChannelWriter writer, PushHandler pushes, RedisCodec<K, V> codec, Duration timeout) {
            super(writer, pushes, codec, timeout);
        }

        @Override
        protected @Nullable RedisCommands<K, V> newRedisSyncCommandsImpl() {
            return null;
        }

        @Override
        protected @Nullable RedisAsyncCommandsImpl<K, V> newRedisAsyncCommandsImpl() {
            return null;
        }

        @Override
        protected @Nullable RedisReactiveCommandsImpl<K, V> newRedisReactiveCommandsImpl() {
            return null;
        }
    }

    /** Lettuce's endpoint, which says what its channel is. */
    private static final class Endpoint extends DefaultEndpoint {
        Endpoint(ClientOptions options, ClientResources resources) {
            super(options, resources);
        }

        @Nullable
        Channel channel() {
            return channel;
        }
    }
}
