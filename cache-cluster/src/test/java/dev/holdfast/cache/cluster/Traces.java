package dev.holdfast.cache.cluster;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import dev.holdfast.cache.testkit.RedisCluster;
import dev.holdfast.cache.testkit.RedisServer;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PoolArenaMetric;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocatorMetric;
import java.util.stream.Stream;

/**
 * What stores have of a cluster and of this JVM.
 *
 * @param connections of clients, the testkit's own left out, on all nodes
 * @param threads of cluster stores
 * @param buffers of Netty that are not given back; the threads of a store keep some for themselves until they end
 */
record Traces(long connections, long threads, long buffers) {

    static Traces of(RedisCluster cluster) {
        long connections = cluster.nodes().stream()
                .filter(RedisServer::isRunning)
                .mapToLong(Traces::connections)
                .sum();
        long threads = Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("holdfast-cluster-"))
                .count();
        // The module's surefire asks for this allocator, since it counts.
        PooledByteBufAllocatorMetric pool = assertInstanceOf(PooledByteBufAllocator.class, ByteBufAllocator.DEFAULT)
                .metric();
        long buffers = Stream.concat(pool.directArenas().stream(), pool.heapArenas().stream())
                .mapToLong(PoolArenaMetric::numActiveAllocations)
                .sum();
        return new Traces(connections, threads, buffers);
    }

    /** Connections of the default user to a node; a replica's to its master is none. */
    static long connections(RedisServer node) {
        return String.valueOf(node.command("CLIENT", "LIST"))
                .lines()
                .filter(line -> line.contains(" user=default ") && !line.matches(".* flags=\\S*[SM].*"))
                .count();
    }
}
