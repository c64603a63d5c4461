import org.jspecify.annotations.NullMarked;

/** The store on a Redis or Valkey Cluster. */
@NullMarked
module dev.holdfast.cache.cluster {
    requires transitive dev.holdfast.cache;
    requires dev.holdfast.cache.redis;
    requires static transitive org.jspecify;
    requires org.slf4j;
    requires lettuce.core;
    requires io.netty.common;
    requires io.netty.transport;
    requires io.netty.buffer;
    requires jdk.net;
    requires io.netty.handler;

    exports dev.holdfast.cache.cluster;

    provides dev.holdfast.cache.spi.StoreProvider with
            dev.holdfast.cache.cluster.ClusterStoreProvider;
}
