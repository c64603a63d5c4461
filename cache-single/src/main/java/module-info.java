import org.jspecify.annotations.NullMarked;

/** The store on one Redis or Valkey. */
@NullMarked
module dev.holdfast.cache.single {
    requires transitive dev.holdfast.cache;
    requires dev.holdfast.cache.redis;
    requires static transitive org.jspecify;
    requires jdk.net;
    requires org.slf4j;
    requires redis.clients.jedis;

    exports dev.holdfast.cache.single;

    provides dev.holdfast.cache.spi.StoreProvider with
            dev.holdfast.cache.single.SingleStoreProvider;
}
