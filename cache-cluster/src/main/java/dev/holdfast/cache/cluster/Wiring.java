package dev.holdfast.cache.cluster;

import io.lettuce.core.event.DefaultEventPublisherOptions;
import io.lettuce.core.metrics.CommandLatencyRecorder;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.DefaultEventLoopGroupProvider;
import io.lettuce.core.resource.ThreadFactoryProvider;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.netty.util.concurrent.EventExecutorGroup;
import io.netty.util.concurrent.Future;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * What all of a store's connections share: two event loops, and threads on which names are resolved, since that can neither
 * be bounded nor interrupted and must not hold up an event loop. The latter end a second after their last work.
 */
final class Wiring {
    private static final int EVENT_LOOPS = 2;

    private final Loops loops = new Loops();
    private final ClientResources resources = settings()
            .eventLoopGroupProvider(loops)
            .computationThreadPoolSize(EVENT_LOOPS)
            .threadFactoryProvider(pool -> daemons("work"))
            .build();

    private final ThreadPoolExecutor resolvers =
            new ThreadPoolExecutor(0, 64, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), daemons("dns"));

    private static ClientResources.Builder settings() {
        return ClientResources.builder()
                .commandLatencyRecorder(CommandLatencyRecorder.disabled())
                .commandLatencyPublisherOptions(DefaultEventPublisherOptions.disabled());
    }

    /** Resources for the client of one node, to whose channels something of its own is done; to be shut down with it. */
    ClientResources.Builder resources() {
        return settings()
                .eventLoopGroupProvider(loops)
                .eventExecutorGroup(resources.eventExecutorGroup())
                .eventBus(resources.eventBus())
                .timer(resources.timer());
    }

    /** Looks up a host's addresses, at least one. */
    CompletableFuture<InetAddress[]> resolve(Address node) {
        try {
            if (node.isLiteral()) {
                return CompletableFuture.completedFuture(InetAddress.getAllByName(node.host()));
            }
            return CompletableFuture.supplyAsync(() -> addressesOf(node.host()), resolvers);
        } catch (UnknownHostException | RejectedExecutionException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private static InetAddress[] addressesOf(String host) {
        try {
            return InetAddress.getAllByName(host);
        } catch (UnknownHostException e) {
            throw new CompletionException(e);
        }
    }

    /** Ends all threads; waits two seconds at most for each kind. */
    void close() {
        resolvers.shutdownNow();
        // The event loops last: Lettuce's timer still has handshakes to fail there, and Netty complains of loops that
        // are gone.
        resources.shutdown(0, 2, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
        loops.close();
    }

    private static DefaultThreadFactory daemons(String name) {
        return new DefaultThreadFactory("holdfast-cluster-" + name, true);
    }

    /** Lettuce's event loops, ended when we say so rather than when Lettuce has counted that nobody uses them. */
    private static final class Loops extends DefaultEventLoopGroupProvider {
        private final Set<EventExecutorGroup> groups = ConcurrentHashMap.newKeySet();

        Loops() {
            super(EVENT_LOOPS, (ThreadFactoryProvider) pool -> daemons("io"));
        }

        @Override
        public <T extends EventLoopGroup> T allocate(Class<T> type) {
            T group = super.allocate(type);
            groups.add(group);
            return group;
        }

        void close() {
            List<? extends Future<?>> ends = groups.stream()
                    .map(group -> group.shutdownGracefully(0, 2, TimeUnit.SECONDS))
                    .toList();
            ends.forEach(end -> end.awaitUninterruptibly(2, TimeUnit.SECONDS));
        }
    }
}
