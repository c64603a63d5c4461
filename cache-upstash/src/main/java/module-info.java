import dev.holdfast.cache.spi.StoreProvider;
import dev.holdfast.cache.upstash.UpstashStoreProvider;
import org.jspecify.annotations.NullMarked;

/** The store on an Upstash database, over its REST interface. */
@NullMarked
module dev.holdfast.cache.upstash {
    requires transitive dev.holdfast.cache;
    requires dev.holdfast.cache.redis;
    requires static transitive org.jspecify;
    requires okhttp3;
    requires okio;
    requires org.slf4j;
    requires tools.jackson.core;

    exports dev.holdfast.cache.upstash;

    provides StoreProvider with
            UpstashStoreProvider;
}
