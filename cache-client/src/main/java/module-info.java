import dev.holdfast.cache.CodecProvider;
import dev.holdfast.cache.client.ClientObserver;
import dev.holdfast.cache.spi.StoreProvider;
import org.jspecify.annotations.NullMarked;

/** The entry point: typed caches over every store that is there. */
@NullMarked
module dev.holdfast.cache.client {
    requires static transitive org.jspecify;
    requires transitive dev.holdfast.cache;
    requires transitive dev.holdfast.cache.failover;
    requires com.github.benmanes.caffeine;
    requires java.management;
    requires org.slf4j;

    exports dev.holdfast.cache.client;

    uses CodecProvider;
    uses StoreProvider;
    uses ClientObserver;
}
